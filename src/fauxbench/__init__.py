"""fauxbench."""
