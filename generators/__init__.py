"""The generators that come with fauxbench, one folder each."""
