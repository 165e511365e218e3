"""A puppet as a system under test."""

from fauxbench.generators._lips_still import TalkingStill


class Puppet(TalkingStill):
    """Lets the still `request.target` say `request.audio`; see `_lips_still`."""
