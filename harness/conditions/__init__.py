"""Declared changes of finished pictures, clips and sounds: a table of them, their severities, and chains."""
