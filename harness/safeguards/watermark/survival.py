"""What of the watermark survives which change, measured: the table of docs/watermark.md, and of a suite.

python -m fauxbench.harness.safeguards.watermark.survival --size 256 --files 200
"""

import argparse
import importlib
import io
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...conditions.damage import add_noise
from ...conditions.encoding import compress
from ...conditions.resolution import change_resolution
from ...media.content import Picture
from ...media.item import Kind
from ...stats.intervals import wilson
from ...stats.score import Interval
from .code import encode
from .lattice import Evidence
from .mark import Mark, seal
from .picture import Secret, canonical, find_in_frames, mark_frames

Clip = Sequence[Picture]
"""Frames; a picture is a clip of one."""
Change = Callable[[Clip, int], Clip]
"""Clip and number of the file in, changed clip out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survival:
    """What one condition leaves of the mark."""

    condition: str
    files: int
    detected: float
    """Share of the files in which the presence of a mark is sure."""
    interval: Interval | None
    """Of `detected`: Wilson's, 95 %."""
    read: float
    """Share of the files from which the right mark is read."""
    misread: int
    """Files from which another mark is read."""
    bit_accuracy: float | None
    """Share of the 256 coded bits that are right before any is corrected; None where the place must be found first."""
    psnr: float
    """Of marking alone: the mean over the files, dB."""
    least_psnr: float


def each(change: Callable[[Picture], Picture]) -> Change:
    """Return a change of clips from one of pictures."""
    return lambda clip, _number: [change(frame) for frame in clip]


def _crop(clip: Clip, number: int) -> Clip:
    """Remove a tenth of each side, at a place of the file's own."""
    height, width = clip[0].shape[:2]
    rows, columns = round(0.9 * height), round(0.9 * width)
    rng = np.random.default_rng([number, height, width])
    top, left = int(rng.integers(height - rows + 1)), int(rng.integers(width - columns + 1))
    return [frame[top : top + rows, left : left + columns] for frame in clip]


def h264(clip: Clip, crf: int) -> Clip:
    """Return a clip after H.264 (x264, preset medium, yuv420p)."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width = clip[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": str(crf), "preset": "medium"}
        stream.codec_context.thread_count = 1
        for frame in clip:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        container.mux(stream.encode(None))
    file.seek(0)
    with av.open(file, "r") as coded:
        return [np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8) for frame in coded.decode(video=0)]


PICTURE_CHANGES: Mapping[str, Change] = {
    "none": each(lambda picture: picture),
    "JPEG 95": each(lambda picture: compress(picture, quality=95)),
    "JPEG 75": each(lambda picture: compress(picture, quality=75)),
    "JPEG 50": each(lambda picture: compress(picture, quality=50)),
    "half size and back": each(lambda picture: change_resolution(picture, factor=2.0)),
    "crop 10 %": _crop,
    "noise, deviation 5": lambda clip, n: [add_noise(p, deviation=5.0, seed=n * 1000 + k) for k, p in enumerate(clip)],
    "noise, deviation 10": lambda clip, n: [
        add_noise(p, deviation=10.0, seed=n * 1000 + k) for k, p in enumerate(clip)
    ],
}
CLIP_CHANGES: Mapping[str, Change] = {
    "H.264 CRF 23": lambda clip, _number: h264(clip, 23),
    "H.264 CRF 40": lambda clip, _number: h264(clip, 40),
}


def survival(
    clips: Sequence[Clip], key: bytes, changes: Mapping[str, Change], *, clusters: Sequence[str] | None = None
) -> list[Survival]:
    """Mark every clip, change it, and look for the mark.

    Args:
        clips: Unmarked; pictures as clips of one frame.
        key: 32 secret bytes.
        changes: Name -> change.
        clusters: Who is in each clip, for the interval; without it each stands alone.

    Raises:
        ValueError: No clip.
    """
    if not clips:
        raise ValueError("survival is measured on at least one clip; none was given")
    marks = [
        Mark(run="5afe0001", item=f"{i:08x}", generator="c0de", kind=Kind.FULLY_SYNTHETIC) for i in range(len(clips))
    ]
    marked = [list(mark_frames(clip, mark, key)) for clip, mark in zip(clips, marks, strict=True)]
    psnrs = [_psnr(clip, out) for clip, out in zip(clips, marked, strict=True)]
    labels = [str(number) for number in range(len(clips))] if clusters is None else list(clusters)
    rows = []
    for name, change in changes.items():
        told = [
            _look(list(change(out, i)), out[0].shape[:2], mark, key)
            for i, (out, mark) in enumerate(zip(marked, marks, strict=True))
        ]
        hits = np.array([one[0] for one in told], dtype=np.float64)
        rows.append(
            Survival(
                condition=name,
                files=len(clips),
                detected=float(hits.mean()),
                interval=wilson(hits, labels),
                read=float(np.mean([one[1] for one in told])),
                misread=sum(one[2] for one in told),
                bit_accuracy=_mean([one[3] for one in told]),
                psnr=float(np.mean(psnrs)),
                least_psnr=float(min(psnrs)),
            )
        )
    return rows


def _look(clip: Clip, shape: tuple[int, ...], mark: Mark, key: bytes) -> tuple[bool, bool, bool, float | None]:
    """Return whether a mark is found, is read, is misread, and the share of right coded bits."""
    found = find_in_frames(iter(clip), key)
    read = None if found is None else found.mark
    kept = clip[0].shape[:2] == shape
    return found is not None, read == mark, read not in (None, mark), _bit_accuracy(clip, mark, key) if kept else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _bit_accuracy(clip: Clip, mark: Mark, key: bytes) -> float:
    """Return the better of both steps' shares of right bits, at the picture's own place and contrast."""
    secret, coded = Secret.of(bytes(key)), encode(seal(mark, key))
    total: Evidence | None = None
    for frame in clip:
        one = Evidence.of(secret.turns(canonical(frame)))
        total = one if total is None else total + one
    assert total is not None
    plain: NDArray[np.float64] = total.first.real[np.argmax(total.odds)]
    return float(np.mean((plain < 0) == coded.astype(bool)))


def _psnr(clip: Clip, marked: Clip) -> float:
    errors = [np.mean((a.astype(np.float64) - b) ** 2) for a, b in zip(clip, marked, strict=True)]
    return float(10.0 * np.log10(255.0**2 / max(float(np.mean(errors)), 1e-12)))


def markdown(rows: Sequence[Survival]) -> str:
    """Return the rows as a Markdown table."""
    lines = [
        "| condition | files | detected | 95 % interval | mark read | coded bits right | PSNR, mean (least) |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        interval = "" if row.interval is None else f"{100 * row.interval.low:.1f} to {100 * row.interval.high:.1f}"
        bits = "" if row.bit_accuracy is None else f"{row.bit_accuracy:.3f}"
        lines.append(
            f"| {row.condition} | {row.files} | {100 * row.detected:.1f} % | {interval} | {100 * row.read:.1f} % | "
            f"{bits} | {row.psnr:.1f} ({row.least_psnr:.1f}) dB |"
        )
    return "\n".join(lines)


def pan(picture: Picture, size: int, frames: int = 8) -> Clip:
    """Return a clip of a camera that moves over a larger picture, a pixel to the right and half a one down a frame."""
    return [np.ascontiguousarray(picture[k // 2 : k // 2 + size, k : k + size]) for k in range(frames)]


def _studio(people: int, size: int) -> Iterator[Picture]:
    """Yield rendered people. The studio lies above the safeguards, so that only this command reaches for it."""
    studio = importlib.import_module("fauxbench.harness.datasets.studio")
    for one in studio.render_pictures(studio.StudioRecipe(people=people, per_person=1, size=size, seed=9)):
        yield one.pixels


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure on rendered people and print a Markdown table."""
    parser = argparse.ArgumentParser(prog="survival", description=main.__doc__)
    parser.add_argument("--size", type=int, default=256, help="side of the pictures in pixels")
    parser.add_argument("--files", type=int, default=200, help="pictures, each of a person of its own")
    parser.add_argument("--clips", type=int, default=100, help="clips of 8 frames, over the first of the pictures")
    given = parser.parse_args(arguments)
    key = bytes(range(32))
    larger = list(_studio(given.files, given.size + 8))
    rows = survival([[p[4:-4, 4:-4]] for p in larger], key, PICTURE_CHANGES)
    if given.clips:
        rows += survival([pan(p, given.size) for p in larger[: given.clips]], key, CLIP_CHANGES)
    sys.stdout.write(f"{given.size} px\n\n{markdown(rows)}\n")


if __name__ == "__main__":
    main()
