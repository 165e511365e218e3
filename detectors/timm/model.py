"""Any timm backbone by name."""

from fauxbench.detectors._backbone import Backbone


class Timm(Backbone):
    """The backbone that follows `timm:` (Wightman 2019, PyTorch image models)."""
