"""Lip-sync as a system under test."""

from fauxbench.generators._lips_sync import LipPainter


class LipSync(LipPainter):
    """Paints the mouth of `request.target` so that it says `request.audio`; see `_lips_sync`."""
