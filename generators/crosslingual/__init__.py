"""Somebody speaks a language that nobody heard them speak."""
