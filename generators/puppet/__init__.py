"""A still picture that speaks."""
