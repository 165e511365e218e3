"""Running the units of a plan in worker processes."""
