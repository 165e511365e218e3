"""What is done to faces, as data: part of the identity of whatever is made from them."""

import dataclasses
from dataclasses import dataclass, field
from typing import Literal, get_args

from ..canonical import JSON
from ..errors import InputError
from .frames import FrameProtocol

Finder = Literal["mtcnn", "mediapipe"]
Choice = Literal["largest", "central", "mask", "all"]
Align = Literal["template", "box", "steady"]
Missing = Literal["skip", "bridge", "refuse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceProtocol:
    """Which faces are taken from a clip or picture, and how they are cut."""

    frames: FrameProtocol = field(default_factory=FrameProtocol)
    """Of clips."""
    finder: Finder = "mtcnn"
    probability: float = 0.9
    """Faces below are none. MediaPipe's own numbers are lower than MTCNN's: 0.5 is usual for it."""
    smallest: float = 20.0
    """Pixels of the shorter side of a face that counts."""
    every: int = 8
    """The whole pyramid of sizes is searched in every so many samples; in those between, only sizes down to half of the
    smallest face that is being followed, unless one of them is lost. 1 searches everything everywhere."""
    bridge: float = 1.0
    """Seconds for which a person may be out of sight and is still the same one; less than `bridge` / 2 samples a second
    still bridge one missing sample."""
    choice: Choice = "largest"
    """Whose face: the largest over the clip, the most central, the one under the mask, or everybody's."""
    align: Align = "template"
    """`template`: turned and scaled so that the points fall on a template; `box`: a square around the box; `steady`:
    the same, moved with eyes and nose and of an even size: what moves in a clip is the face and not its frame."""
    margin: float = 0.3
    """Room on each side: share of the tight square's side, of the box or of the template."""
    size: int = 224
    """Side of the pictures in pixels."""
    missing: Missing = "skip"
    """Of samples without the face: left out and recorded; put between its neighbours, where these are at most `bridge`
    seconds apart, and marked so; or the whole clip is refused."""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InputError: A field is outside its range; the message says what is legal.
        """
        for name, kind in (("finder", Finder), ("choice", Choice), ("align", Align), ("missing", Missing)):
            if getattr(self, name) not in get_args(kind):
                raise InputError(f"faces: {name}: found '{getattr(self, name)}', legal: {', '.join(get_args(kind))}")
        ranges = {"probability": (0, 1), "smallest": (20, 4096), "every": (1, 1024), "bridge": (0, 60)}
        ranges |= {"margin": (0, 2), "size": (16, 2048)}
        for name, (low, high) in ranges.items():
            if not low <= getattr(self, name) <= high:
                raise InputError(f"faces: {name}: found {getattr(self, name)}, legal: {low} to {high}")

    def record(self) -> dict[str, JSON]:
        """Return the protocol as a JSON object."""
        values = {one.name: getattr(self, one.name) for one in dataclasses.fields(self)}
        return {**values, "frames": self.frames.record()}
