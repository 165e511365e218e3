"""A small separable-convolution network."""
