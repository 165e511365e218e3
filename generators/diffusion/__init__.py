"""Denoising diffusion (Ho et al. 2020), sampled by DDIM or DDPM; or any local pipeline of `diffusers`."""
