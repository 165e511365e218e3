"""Declared changes of finished pictures: light, resolution, background, encoding, sampling, damage."""
