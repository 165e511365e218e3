"""FaceForensics++ with FaceShifter and DeepFakeDetection.

ROOT/original_sequences/{youtube,actors}/{raw,c0,c23,c40}/videos/000.mp4
ROOT/manipulated_sequences/METHOD/{raw,c0,c23,c40}/videos/TARGET_SOURCE.mp4
ROOT/{train,val,test}.json, or ROOT/splits/...: pairs; without them, the official test and validation pairs in
`faceforensics_pairs.py`, and everything else is train.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

from ...media.item import Item, Split
from .faceforensics_pairs import TEST, VALIDATION
from .lists import read_json
from .reading import TRUE, VISUAL, Cut, Reading

METHODS: Mapping[str, str] = {
    "deepfakes": "Deepfakes",
    "face2face": "Face2Face",
    "faceswap": "FaceSwap",
    "neuraltextures": "NeuralTextures",
    "faceshifter": "FaceShifter",
    "deepfakedetection": "DeepFakeDetection",
}
"""Group -> its folder."""
DFD = "deepfakedetection"
LISTS: Mapping[str, Split] = {"train": Split.TRAIN, "val": Split.VALIDATION, "test": Split.TEST}
_CLIP = re.compile(
    r"(original_sequences|manipulated_sequences)/(?:([a-z0-9]+)/)??(raw|c0|c23|c40)/(?:videos/)?([^/]+)\.mp4"
)
_ASIDE = re.compile(r"downloaded_videos/|.*/(?:masks|images|frames|landmarks|models)/")
_STEMS = {
    "youtube": re.compile(r"(\d{3})"),
    "actors": re.compile(r"(\d{2})__(.+)"),
    DFD: re.compile(r"(\d{2})_(\d{2})__(.+)__[a-z0-9]{8}"),
}
_PAIR = re.compile(r"(\d{3})_(\d{3})")


class _Place(NamedTuple):
    """A folder of clips: where they come from and how they are compressed."""

    source: str
    compression: str


class _Splits(NamedTuple):
    """Who is in which split."""

    of: Mapping[str, Split]
    pairs: frozenset[str]
    """Stems of the fakes that every method has."""
    every: bool
    """Whether a sequence that is not in `of` is train."""


def read(reading: Reading) -> None:
    """Read what lies in the official folders."""
    base = reading.tree.base("original_sequences", "manipulated_sequences") or ""
    splits = _splits(reading, base)
    there: dict[_Place, dict[str, str]] = {}
    for path in reading.tree.files:
        low = path.lower().removeprefix(base.lower())
        clip = _CLIP.fullmatch(low)
        if clip is None:
            if _ASIDE.match(low):
                reading.ignore(path)
            continue
        place = _Place(clip[2] or "youtube", "raw" if clip[3] == "c0" else clip[3])
        if _is_wanted(reading, place):
            _clip(reading, path, place, clip[4], clip[1].startswith("orig"), there.setdefault(place, {}))
        else:
            reading.ignore(path)
    for place, clips in there.items():
        for stem, path in clips.items():
            reading.take(_item(reading, path, place, stem, splits, there))
    _missing(reading, base, there, splits)


def _is_wanted(reading: Reading, place: _Place) -> bool:
    chosen = {name.lower() for name in reading.options.manipulations}
    compression = {"c0": "raw"}.get(reading.options.compression or "", reading.options.compression)
    if compression not in {None, place.compression}:
        return False
    if place.source == "actors":
        return not chosen or DFD in chosen
    if place.source == "youtube":
        return not chosen or bool(chosen - {DFD})
    return not chosen or place.source in chosen


def _clip(reading: Reading, path: str, place: _Place, stem: str, real: bool, clips: dict[str, str]) -> None:
    pattern = _STEMS.get(place.source, _PAIR)
    if place.source not in {"youtube", "actors", *METHODS}:
        return
    if real != (place.source in {"youtube", "actors"}) or not pattern.fullmatch(stem):
        named = _PAIR.fullmatch(stem) or _STEMS[DFD].fullmatch(stem)
        if bool(named) == real and (named or _STEMS["youtube"].fullmatch(stem) or _STEMS["actors"].fullmatch(stem)):
            is_, says = ("real", "fake") if real else ("fake", "real")
            reading.finding("polarity", path, f"its folder says {is_}, its name says {says}")
        return
    if stem in clips:
        reading.finding("duplicate", path, f"the same clip as {clips[stem]}")
    else:
        clips[stem] = path


def _item(
    reading: Reading,
    path: str,
    place: _Place,
    stem: str,
    splits: _Splits,
    there: Mapping[_Place, Mapping[str, str]],
) -> Item:
    people = _people(place, stem)
    ours = place.source in {"actors", DFD}  # DeepFakeDetection has no official split
    default = Split.TRAIN if splits.every else None
    cut = reading.ours(people) if ours else Cut(splits.of.get(people[0], default))
    clusters = dict(zip(("identity", "source_identity"), people, strict=False))
    real = _real_of(place, stem, there) if place.source in METHODS else None
    return reading.make(
        path,
        cut,
        group=place.source,
        fakes=VISUAL if place.source in METHODS else TRUE,
        clusters=clusters,
        sources=(real,) if real else (),
        facts={"compression": place.compression},
    )


def _people(place: _Place, stem: str) -> tuple[str, ...]:
    """Return target and source; actors have numbers of their own."""
    if place.source in {"actors", DFD}:
        return tuple(f"actor-{number}" for number in stem.partition("__")[0].split("_"))
    return tuple(stem.split("_"))


def _real_of(place: _Place, stem: str, there: Mapping[_Place, Mapping[str, str]]) -> str | None:
    """Return the real clip that was manipulated, if it is there at the same compression."""
    if place.source == DFD:
        people, *scene, _ = stem.split("__")
        actors = there.get(_Place("actors", place.compression), {})
        return actors.get("__".join([people.partition("_")[0], *scene]))
    return there.get(_Place("youtube", place.compression), {}).get(stem.split("_")[0])


def _missing(reading: Reading, base: str, there: Mapping[_Place, Mapping[str, str]], splits: _Splits) -> None:
    """Note what the splits and the other methods say should be there."""
    methods = [place for place in there if place.source in METHODS and place.source != DFD]
    stems = splits.pairs | {stem for place in methods for stem in there[place]}
    reals = set(splits.of) | ({f"{n:03d}" for n in range(1000)} if splits.every else set())
    for compression in sorted({place.compression for place in methods}):
        place = _Place("youtube", compression)
        if place not in there:
            folder = f"{base}original_sequences/youtube/{compression}/videos"
            reading.finding("missing", folder, "the real sequences of these manipulations")
    for place, clips in there.items():
        wanted = reals if place.source == "youtube" else stems if place in methods else set()
        if clips:
            folder = next(iter(clips.values())).rpartition("/")[0]
            for stem in sorted(wanted - set(clips)):
                item = _item(reading, f"{folder}/{stem}.mp4", place, stem, splits, there)
                reading.lost(item, f"a clip of {METHODS.get(place.source, 'the real sequences')}")


def _splits(reading: Reading, base: str) -> _Splits:
    """Read the copy's own split files, or take the official ones."""
    of: dict[str, Split] = {}
    pairs: set[str] = set()
    found = 0
    for name, split in LISTS.items():
        places = (reading.tree.find(f"{base}{folder}{name}.json") for folder in ("", "splits/", "dataset/splits/"))
        path = next(filter(None, places), None)
        if path is not None:
            found += 1
            for pair in _pairs(reading, path):
                for person in pair:
                    if of.setdefault(person, split) is not split:
                        reading.finding("overlap", path, f"sequence '{person}' is in {of[person]} too")
                if all(of[person] is split for person in pair):
                    pairs |= {"_".join(pair), "_".join(reversed(pair))}
    if not found:
        official = official_pairs()
        of = {person: split for split, listed in official.items() for pair in listed for person in pair}
        pairs = {f"{a}_{b}" for listed in official.values() for x, y in listed for a, b in ((x, y), (y, x))}
    elif found < len(LISTS):
        reading.finding(
            "missing", f"{base}train.json, val.json, test.json", f"only {found} of the three splits are there"
        )
    return _Splits(of, frozenset(pairs), not found)


def _pairs(reading: Reading, path: str) -> Iterator[tuple[str, str]]:
    listed = read_json(reading, path)
    if listed is None:
        return
    for place, pair in enumerate(listed if isinstance(listed, list) else [listed]):
        good = isinstance(pair, list) and len(pair) == 2
        if good and all(isinstance(one, str) and re.fullmatch(r"\d{3}", one) for one in pair):
            yield pair[0], pair[1]
        else:
            reading.finding(
                "malformed", path, f'entry {place}: expected a pair like ["071", "054"], found {pair!r:.60}'
            )


@cache
def official_pairs() -> Mapping[Split, tuple[tuple[str, str], ...]]:
    """Return the official validation and test pairs (70 each); everyone else is train."""
    return {
        split: tuple((pair[:3], pair[4:]) for pair in text.split())
        for split, text in ((Split.VALIDATION, VALIDATION), (Split.TEST, TEST))
    }
