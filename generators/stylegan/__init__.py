"""Style-based generator (Karras et al. 2018 and 2019)."""
