"""Lips that say what a sound says."""
