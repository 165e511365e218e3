"""A timm backbone by name."""
