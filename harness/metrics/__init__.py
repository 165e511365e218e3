"""Metrics: one module each, over what instruments measured."""
