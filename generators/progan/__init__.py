"""Progressive growing of GANs (Karras et al. 2017)."""
