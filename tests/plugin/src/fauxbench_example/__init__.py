"""An example of a package that adds a generator and a detector to fauxbench."""
