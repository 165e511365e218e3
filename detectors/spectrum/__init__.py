"""Frequency features and a linear model."""
