"""An EfficientNet."""

from fauxbench.detectors._backbone import Backbone


class EfficientNet(Backbone):
    """An EfficientNet (Tan and Le 2019, arXiv:1905.11946), or any other timm backbone by name."""
