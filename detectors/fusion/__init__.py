"""Frames and sound together."""
