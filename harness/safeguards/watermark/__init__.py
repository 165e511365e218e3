"""The invisible watermark of everything synthetic that crosses the border (docs/watermark.md).

Importing this package is light: numpy alone; the cipher is loaded on first use.
"""

from .mark import Found, Mark
from .picture import find_in_frames, find_in_picture, mark_frames, mark_picture
from .sound import find_in_sound, mark_sound

__all__ = [
    "Found",
    "Mark",
    "find_in_frames",
    "find_in_picture",
    "find_in_sound",
    "mark_frames",
    "mark_picture",
    "mark_sound",
]
