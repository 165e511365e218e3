"""Deep convolutional GAN (Radford et al. 2015)."""
