"""A clip with another sound: what no lips were fitted to."""
