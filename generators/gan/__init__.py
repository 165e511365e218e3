"""The plain generator-discriminator baseline (Goodfellow et al. 2014)."""
