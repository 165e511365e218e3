"""Masks: which pixels of a picture or a clip were changed. Kept without loss, as grey PNG or FFV1."""

import hashlib
from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..canonical import JSON
from ..errors import MediaError
from .content import Frames
from .item import Item

Mask = NDArray[np.uint8]
"""(H, W) uint8; 255 is changed altogether, 0 is as it was."""


def write_masks(folder: Path, stem: str, masks: Frames, media: Mapping[str, JSON]) -> tuple[Path, dict[str, JSON]]:
    """Write the masks of one item as `folder/stem.png`, or `folder/stem.mkv` for a clip; half a file is not left.

    Args:
        folder: Made if need be.
        stem: Of the file.
        masks: Called for a fresh pass over them, one for each frame.
        media: What is known of the picture or clip: `width`, `height` and, of a clip, `fps` and `seconds`.

    Returns:
        The file, and `content` (sha256 over the masks), `frames` and `share` (mean share of what was changed).

    Raises:
        MediaError: A mask of another type or size, or not one for each frame.
    """
    clip = media.get("fps") is not None
    told = _Told((int(media.get("height") or 0), int(media.get("width") or 0)))
    stream = told.listen(masks)
    first = next(stream, None)
    if first is None:
        raise MediaError("masks: none came")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem}{'.mkv' if clip else '.png'}"
    try:
        if clip:
            _write_clip(path, chain([first], stream), float(media.get("fps") or 25))
        else:
            _write_picture(path, first, more=next(stream, None) is not None)
        frames = round(float(media.get("fps") or 0) * float(media.get("seconds") or 0))
        if clip and told.frames != frames:
            raise MediaError(f"masks: {told.frames} of them for {frames} frames")  # noqa: TRY301
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path, told.facts


def read_masks(item: Item) -> Iterator[Mask]:
    """Yield the masks of an Item, (H, W) uint8 with 255 = changed, one for each frame.

    Raises:
        MediaError: None were kept, or they cannot be decoded.
    """
    import av
    from PIL import Image

    path = item.mask_location
    if path is None:
        raise MediaError(f"{item.id}: no masks were kept")
    try:
        if path.suffix == ".png":
            with Image.open(path) as image:
                yield np.asarray(image.convert("L"), dtype=np.uint8)
            return
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                yield np.asarray(frame.to_ndarray(format="gray"), dtype=np.uint8)
    except (av.FFmpegError, OSError, SyntaxError) as error:
        raise MediaError(f"{path}: cannot be decoded: {error}") from error


def digest_of_masks(item: Item) -> str:
    """Return the sha256 over the masks of an Item, as it stands in its facts under `mask`."""
    told = _Told(None)
    for _ in told.listen(lambda: read_masks(item)):
        pass
    return str(told.facts["content"])


class _Told:
    """What is seen of masks while they pass."""

    def __init__(self, size: tuple[int, int] | None) -> None:
        self.size = size
        self.frames = 0
        self._share = 0.0
        self._sha = hashlib.sha256(b"masks ")

    @property
    def facts(self) -> dict[str, JSON]:
        """Digest, number and mean share."""
        share = round(self._share / max(1, self.frames), 6)
        return {"content": self._sha.hexdigest(), "frames": self.frames, "share": share}

    def listen(self, masks: Frames) -> Iterator[Mask]:
        """Yield the masks, checked; they come from the code under test, which may do anything."""
        try:
            for mask in masks():
                self._check(mask)
                self._sha.update(f"{mask.shape[0]} {mask.shape[1]} ".encode() + np.ascontiguousarray(mask).tobytes())
                self._share += float(mask.mean(dtype=np.float64)) / 255.0
                self.frames += 1
                yield mask
        except MediaError:
            raise
        except Exception as error:
            raise MediaError(f"masks() raised {type(error).__name__}: {error}") from error

    def _check(self, mask: Any) -> None:  # noqa: ANN401
        if not isinstance(mask, np.ndarray) or mask.ndim != 2 or mask.dtype != np.uint8:
            found = f"{mask.dtype} {mask.shape}" if isinstance(mask, np.ndarray) else type(mask).__name__
            raise MediaError(f"mask {self.frames}: expected (H, W) uint8, found {found}")
        if self.size is not None and mask.shape != self.size:
            raise MediaError(f"mask {self.frames}: {mask.shape}, but the picture is {self.size}")


def _write_picture(path: Path, mask: Mask, *, more: bool) -> None:
    from PIL import Image

    if more:
        raise MediaError("masks: more than one for a picture")
    Image.fromarray(mask).save(path, format="PNG", compress_level=6)


def _write_clip(path: Path, masks: Iterator[Mask], fps: float) -> None:
    import av

    try:
        with av.open(str(path), "w") as container:
            stream: Any = None
            for mask in masks:
                if stream is None:
                    stream = container.add_stream("ffv1", rate=Fraction(fps).limit_denominator(1001))
                    stream.height, stream.width = mask.shape
                    stream.pix_fmt = "gray"
                    stream.codec_context.thread_count = 1
                container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(mask), format="gray")))
            container.mux(stream.encode(None))
    except av.FFmpegError as error:
        if isinstance(error, OSError):
            raise
        raise MediaError(f"the masks cannot be encoded: {error}") from error
