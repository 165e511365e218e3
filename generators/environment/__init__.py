"""Real pictures under changed light, resolution or background."""
