"""Declared changes of finished pictures and sounds: light, resolution, background, encoding, damage, noise, delay."""
