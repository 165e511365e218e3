"""Speech of a text."""
