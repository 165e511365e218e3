"""Networks with fixed weights, and fixed transforms, that turn media into numbers."""
