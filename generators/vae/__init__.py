"""Variational autoencoder (Kingma and Welling 2013)."""
