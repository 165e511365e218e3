"""What is done to whole clips: their coding, length and frames. The rows of the table."""

from ..media.item import Modality
from .change import HEARD, SEED, Change, ladder, steps


def _codec(name: str, title: str, *values: int) -> Change:
    return Change(
        name=name, modality=Modality.VIDEO, title=title, function=f"video:{name}", draws={"crf": steps(*values)}
    )


_LENGTH = Change(
    name="length",
    modality=Modality.VIDEO,
    title="the first seconds; never longer than it is",
    function="timing:trim",
    draws={"seconds": steps(300, 120, 60, 30, 15)},
    media=HEARD,
    resizes=True,
)
_FRAME_RATE = Change(
    name="frame_rate",
    modality=Modality.VIDEO,
    title="fewer frames a second, as long as before; never more than there are",
    function="timing:lower_rate",
    draws={"fps": steps(20, 15, 12, 8, 5)},
    resizes=True,
)
_FROZEN = Change(
    name="dropped_frames",
    modality=Modality.VIDEO,
    title="frames lost: the one before stays on",
    function="timing:drop_frames",
    draws={"share": ladder((0.02, 0.04), (0.06, 0.1), (0.15, 0.2), (0.3, 0.4), (0.55, 0.65)), "seed": SEED},
)
_REWRITE = Change(
    name="rewrite",
    modality=Modality.VIDEO,
    title="written again as every changed clip is: what is not the condition's own",
    function="video:rewrite",
    draws={},
)
CLIPS = (
    _LENGTH,
    _FRAME_RATE,
    _FROZEN,
    _codec("h264", "one H.264 encoding, by its constant rate factor", 23, 30, 35, 40, 47),
    _codec("h265", "one H.265 encoding, by its constant rate factor", 26, 32, 37, 42, 49),
    _codec("vp9", "one VP9 encoding, by its constant quality", 30, 40, 48, 55, 63),
    _codec("av1", "one AV1 encoding (SVT), by its constant rate factor", 30, 40, 48, 55, 63),
    _REWRITE,
)
