"""A frame encoder and a GRU."""
