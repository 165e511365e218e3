"""Portraits: pictures and clips cut so that the face lies where the studio's lie, for instruments that know no other.

Such an instrument looks at one place of the picture. Of people whom nobody placed there, the face is found first: the
largest of the clip, by its box, with the room around it that the studio's portraits have.
"""

from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from ..canonical import JSON
from ..errors import MediaError
from ..media.content import Picture, VideoMedia
from ..media.item import Item
from ..store.store import Store
from .cache import faces_of, identity_of
from .faces import FaceFinder, MTCNNFaces, mtcnn_identity
from .frames import FrameProtocol
from .prepare import FaceSet
from .protocol import FaceProtocol

MARGIN: Final = 0.5
"""With it, MTCNN's box of a studio portrait is cut as the portrait is: it is half as wide, and in the same place."""
SIZE: Final = 160
"""Pixels; of these, studio-face looks at 96."""


def portrait_protocol(fps: float | None) -> FaceProtocol:
    """Return how portraits are cut: of pictures, or of clips so many times a second, steadily."""
    if fps:
        frames = FrameProtocol(count=None, fps=fps)
        return FaceProtocol(frames=frames, align="steady", margin=MARGIN, size=SIZE, missing="bridge")
    return FaceProtocol(align="box", margin=MARGIN, size=SIZE, missing="bridge")


def portrait_identity(fps: float | None) -> dict[str, JSON]:
    """Return whatever could change a portrait within a numeric class, without loading the finder."""
    told = identity_of(portrait_protocol(fps), mtcnn_identity())
    return {name: value for name, value in told.items() if name != "machine"}


def why_no_portraits() -> str | None:
    """Return why faces cannot be found here, or None."""
    if find_spec("facenet_pytorch") is None:
        return "faces are found by MTCNN, and the extra 'faces' is not installed; or say faces: middle"
    return None


class Portraits:
    """Finds and cuts the face of Items, kept in the store by content and protocol.

    Args:
        store: Keeps them.
        fps: Of clips: samples a second; None for pictures.
        device: Of torch.
    """

    def __init__(self, store: Store, fps: float | None, device: str = "cpu") -> None:
        self.store = store
        self.fps = fps
        self.protocol = portrait_protocol(fps)
        self._finder: FaceFinder = MTCNNFaces(device)

    def picture(self, item: Item) -> Picture:
        """Return the portrait of a picture, (160, 160, 3) uint8.

        Raises:
            MediaError: There is no face in it, or it cannot be read.
        """
        return next(self._found(item).pictures())

    def clip(self, item: Item, clip: VideoMedia) -> VideoMedia:
        """Return a clip of portraits with the sound of the clip that they are of.

        Raises:
            MediaError: The face is out of sight somewhere, for longer than is bridged.
        """
        return replace(clip, frames=partial(FaceSet.pictures, self._found(item)), fps=float(self.fps or clip.fps))

    def _found(self, item: Item) -> FaceSet:
        if item.location is None:
            raise MediaError(f"{item.id}: not on this machine")
        made = faces_of(Path(item.location), self.protocol, self._finder, self.store, content=item.content)
        if made.missing:
            first = made.missing[0]
            raise MediaError(
                f"{item.id}: the face is missing in {len(made.missing)} of {made.asked} samples, first at "
                f"{first.time:.2f} s: {first.reason}"
            )
        return made
