"""A generator."""
