"""The detectors that come with fauxbench, one folder each."""
