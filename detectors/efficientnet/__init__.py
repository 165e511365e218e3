"""A timm backbone with one output."""
