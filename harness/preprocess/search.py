"""Searching the samples of a clip as they stream by: everything now and then, and in between what is being followed."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from .faces import Face, FaceFinder, overlap
from .frames import Sample
from .protocol import FaceProtocol

HALF = 0.5
"""Share of the smallest followed face down to which the samples in between are searched."""
LOST = 0.05
"""Overlap with where a face was before below which it is lost, and everything is searched again."""


def search(
    samples: Iterable[Sample], finder: FaceFinder, protocol: FaceProtocol
) -> Iterator[tuple[Sample, tuple[Face, ...]]]:
    """Yield each sample with its faces, streamed; at most `protocol.every` samples are held."""
    stream = iter(samples)
    while held := list(islice(stream, protocol.every)):
        yield from zip(held, _searched(held, finder, protocol), strict=True)


def _searched(held: Sequence[Sample], finder: FaceFinder, protocol: FaceProtocol) -> list[tuple[Face, ...]]:
    first, *others = (one.picture for one in held)
    found = [_usable(finder.find([first], protocol.smallest)[0], protocol)]
    if others and found[0]:
        least = max(protocol.smallest, HALF * min(face.size for face in found[0]))
        found += [_usable(faces, protocol) for faces in finder.find(others, least)]
    elif others:
        return found + [_usable(faces, protocol) for faces in finder.find(others, protocol.smallest)]
    for place in range(1, len(found)):
        if _lost(found[place - 1], found[place]):
            found[place] = _usable(finder.find([held[place].picture], protocol.smallest)[0], protocol)
    return found


def _usable(faces: Sequence[Face], protocol: FaceProtocol) -> tuple[Face, ...]:
    return tuple(face for face in faces if face.probability >= protocol.probability and face.size >= protocol.smallest)


def _lost(before: Sequence[Face], now: Sequence[Face]) -> bool:
    """Whether a face that was there before is nowhere near now."""
    return any(all(overlap(face.box, other.box) < LOST for other in now) for face in before)
