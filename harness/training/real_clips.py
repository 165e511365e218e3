"""What studio-sync and mouth-pixels say of real clips: `python -m fauxbench.harness.training.real_clips FOLDER`.

The first was trained on rendered people, and both look where the studio's faces are, so this is a check of how far they
carry and not a measurement. Every clip is cut and turned so that its face lies where the studio puts one, its sound is
moved by -10 to 10 frames and exchanged for that of the other clips. Needs the extra `faces`; clips of 25 frames a
second with sound.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from ..errors import MediaError
from ..instruments import load_instrument
from ..instruments.mouth_pixels import MouthPixels
from ..instruments.studio_sync import FPS, StudioSync
from ..media.clips import open_clip
from ..media.content import Picture, Sound, VideoMedia
from ..media.read import DIGEST_RATE as _RATE
from .faces import TEST_PEOPLE
from .install import WEIGHTS as PACKAGED
from .sync import WEIGHTS
from .sync_tests import instrument_of
from .talks import HeldOutTalks

SIDE = 240
"""Pixels of the square that a clip is brought to."""
MOVES = tuple(range(-10, 11))
_FAR = 3  # frames: more than half a syllable
_EVERY = 5  # frames between two looks for the face


class Told(NamedTuple):
    """What the instruments say of one clip."""

    offset: int
    distance: float
    confidence: float
    together: float
    """Correlation of the mouth's pixels with the level of the sound."""
    lag: int
    """Frames by which the sound comes later, where they correlate best."""


class Clip(NamedTuple):
    """A real clip with its face where the studio puts one."""

    name: str
    frames: list[Picture]
    sound: Sound


def usual_points(count: int = 40) -> NDArray[np.float64]:
    """Return where the studio's talking people have eyes, nose and corners of the mouth: (5, 2), shares of the side."""
    from ..datasets.studio.render import render

    plans = [HeldOutTalks(height=SIDE).plan(TEST_PEOPLE + k, 0) for k in range(count)]
    out = render([p.person for p in plans], [p.states(0, 1)[0] for p in plans], [p.scene for p in plans], 64)
    return np.asarray((out.points[:, :5].double().mean(0).numpy() + 0.5) / 64)


def face_points(frames: Sequence[Picture]) -> NDArray[np.float64]:
    """Return the median (5, 2) over a clip of the points of its largest face, in pixels.

    Raises:
        MediaError: No face is found.
    """
    from facenet_pytorch import MTCNN

    found = []
    detector = MTCNN(keep_all=False, post_process=False)
    for frame in frames[::_EVERY]:
        boxes, _, marks = detector.detect(np.ascontiguousarray(frame), landmarks=True)
        if boxes is not None:
            found.append(np.asarray(marks[0], dtype=np.float64))
    if not found:
        raise MediaError(f"no face in {len(frames[::_EVERY])} of {len(frames)} frames")
    return np.asarray(np.median(found, axis=0) + 0.5)


def framed(frames: Sequence[Picture], usual: NDArray[np.float64]) -> list[Picture]:
    """Return frames of `SIDE` pixels, moved, turned and scaled so that the face lies at `usual`."""
    import cv2

    change, _ = cv2.estimateAffinePartial2D(face_points(frames), usual * SIDE)
    # from corners of pixels, in which points are given, to their centres, in which the picture is sampled
    change[:, 2] = change[:, 2] + change[:, :2] @ np.array([0.5, 0.5]) - 0.5
    done = [cv2.warpAffine(frame, change, (SIDE, SIDE), flags=cv2.INTER_AREA) for frame in frames]
    return cast("list[Picture]", done)


def moved(sound: Sound, frames: int) -> Sound:
    """Return a sound that comes `frames` later, as long as before; what is missing is silent."""
    shift = round(abs(frames) * _RATE / FPS)
    silence = np.zeros(shift, np.float32)
    return np.concatenate([silence, sound[: len(sound) - shift]] if frames > 0 else [sound[shift:], silence])


def read_clip(path: Path, usual: NDArray[np.float64]) -> Clip:
    """Read a clip and bring its face to where the studio puts one.

    Raises:
        MediaError: It has no sound or no face.
    """
    media = open_clip(path, sound=True, fps=FPS)
    if media.sound is None:
        raise MediaError(f"{path.name}: a clip without sound")
    return Clip(path.stem, framed(list(media.frames()), usual), media.sound)


def tell(judge: StudioSync, mouths: MouthPixels, clip: Clip, sound: Sound) -> Told:
    """Return what the instruments say of a clip with some sound."""
    media = VideoMedia(frames=lambda: iter(clip.frames), fps=FPS, sound=sound, sample_rate=_RATE)
    found: dict[str, Any] = {**judge.extract([media]), **mouths.extract([media])}
    told = {name: float(found[name][0][0]) for name in ("offset", "distance", "confidence", "together", "lag")}
    return Told(
        round(told["offset"]), told["distance"], told["confidence"], together=told["together"], lag=round(told["lag"])
    )


def report(judge: StudioSync, mouths: MouthPixels, clips: Sequence[Clip]) -> str:
    """Return two tables in Markdown: the sound moved, and the sound of another clip."""
    lines = [
        "| clip | as it is | found exactly | within one frame | distance | confidence "
        "| mouth lag | found exactly | within one frame | mouth correlation | moved by 3 or more, mean (most) |",
        "|---|" + "--:|" * 10,
    ]
    for clip in clips:
        still = tell(judge, mouths, clip, clip.sound)
        moves = {k: tell(judge, mouths, clip, moved(clip.sound, k)) for k in MOVES}
        away = [told.together for k, told in moves.items() if abs(k) >= _FAR]
        lines.append(
            f"| {clip.name} | {still.offset:+d} | {_found({k: told.offset for k, told in moves.items()})} "
            f"| {still.distance:.3f} | {still.confidence:.3f} "
            f"| {still.lag:+d} | {_found({k: told.lag for k, told in moves.items()})} "
            f"| {still.together:.2f} | {np.mean(away):.2f} ({max(away):.2f}) |"
        )
    lines += [
        "",
        "| lips of | sound of | offset | distance | confidence | mouth correlation | mouth lag |",
        "|---|---|" + "--:|" * 5,
    ]
    for clip in clips:
        for other in clips:
            told = tell(judge, mouths, clip, other.sound)
            lines.append(
                f"| {clip.name} | {other.name} | {told.offset:+d} | {told.distance:.3f} | {told.confidence:.3f} "
                f"| {told.together:.2f} | {told.lag:+d} |"
            )
    return "\n".join(lines)


def _found(said: Mapping[int, int]) -> str:
    """Return two cells: how many moves are found exactly, and within one frame."""
    return " | ".join(f"{sum(abs(at - k) <= reach for k, at in said.items())} of {len(said)}" for reach in (0, 1))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print what is said of the clips of a folder."""
    parser = argparse.ArgumentParser(description="Print what studio-sync and mouth-pixels say of real clips.")
    parser.add_argument("folder", type=Path, help="with clips of 25 frames a second and sound")
    parser.add_argument("--weights", type=Path, default=None, help="default: those of the package")
    asked = parser.parse_args(arguments)
    judge = instrument_of(asked.weights or PACKAGED / WEIGHTS, "cpu")
    usual = usual_points()
    clips = [read_clip(path, usual) for path in sorted(asked.folder.iterdir()) if path.is_file()]
    mouths = cast("MouthPixels", load_instrument("mouth-pixels", PACKAGED))
    print(report(judge, mouths, clips))  # noqa: T201


if __name__ == "__main__":
    main()
