"""Whether the mouth fits the sound."""
