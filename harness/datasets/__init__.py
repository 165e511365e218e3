"""Data sets: one module a layout; `studio` renders people who never lived."""
