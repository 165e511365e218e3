"""A sentence in the voice of another speaker."""
