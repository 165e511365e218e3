"""Intervals, comparisons and the Score."""
