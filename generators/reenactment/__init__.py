"""A person driven by the expression and pose of another picture or clip."""
