"""LRS2 and LRS3: real sentences of the BBC and of TED talks.

LRS2: ROOT/mvlrs_v1/{main,pretrain}/ID/00001.{mp4,txt}; the lists train, val, test and pretrain.txt beside or inside it.
LRS3: ROOT/{pretrain,trainval,test}/ID/00001.{mp4,txt}; the folder is the split.
"""

import re
from collections.abc import Mapping

from ...media.item import Item, Split
from .lists import inside, read_lines
from .ours import CARVED
from .reading import Cut, Reading

_CLIP = re.compile(r"(?:.*/)?(main|pretrain|trainval|test)/([^/]+)/(\d{5})\.(mp4|wav|m4a)", re.IGNORECASE)
LISTS: Mapping[str, Split] = {
    "train": Split.TRAIN,
    "val": Split.VALIDATION,
    "test": Split.TEST,
    "pretrain": Split.TRAIN,
}


def read_lrs2(reading: Reading) -> None:
    """Read the clips that the four lists name."""
    clips = _clips(reading, {"main", "pretrain"})
    base = re.sub(r"[^/]+/[^/]+/[^/]+$", "", next(iter(clips.values()), ""))
    named: dict[str, str] = {}
    for name, split in LISTS.items():
        path = next((p for p in reading.tree.files if p.lower().rpartition("/")[2] == f"{name}.txt"), None)
        folder = "pretrain" if name == "pretrain" else "main"
        if path is None:
            if any(key.startswith(f"{folder}/") for key in clips):
                reading.finding("missing", f"{name}.txt", "without it nobody knows the split; a download of its own")
            continue
        for number, line in read_lines(reading, path):
            word = inside(reading, path, line.split()[0])  # a second column, NF or MV, follows in test.txt
            if word is None:
                continue
            if word.count("/") != 1:
                reading.finding("malformed", path, f"line {number}: expected `ID/00001`, found {line!r:.60}")
                continue
            key = f"{folder}/{word.lower().removesuffix('.mp4')}"
            if key in named:
                kind = "duplicate" if named[key] == path else "overlap"
                reading.finding(kind, path, f"line {number}: '{word}' is named in {named[key]} already")
                continue
            named[key] = path
            _take(reading, clips.get(key), f"{base}{folder}/{word.removesuffix('.mp4')}.mp4", word.split("/")[0], split)


def _take(reading: Reading, path: str | None, wanted: str, programme: str, split: Split) -> None:
    """Record a clip of a list; nobody knows who speaks, so the programme is what intervals resample."""
    item = reading.make(path or wanted, Cut(split), clusters={"clip": programme})
    if path is None:
        reading.lost(item, "named in a list")
    elif reading.take(item):
        _transcript(reading, path)


def read_lrs3(reading: Reading) -> None:
    """Read the three folders."""
    for key, path in _clips(reading, {"pretrain", "trainval", "test"}).items():
        folder, speaker, _ = key.split("/")
        if reading.take(_lrs3_item(reading, path, folder, speaker)):
            _transcript(reading, path)


def _lrs3_item(reading: Reading, path: str, folder: str, speaker: str) -> Item:
    # one talk may be in pretrain and in trainval
    cut = Cut(Split.TEST) if folder == "test" else reading.ours([speaker], CARVED)
    return reading.make(path, cut, clusters={"identity": speaker, "speaker": speaker})


def _clips(reading: Reading, folders: set[str]) -> dict[str, str]:
    """Return the clips by `folder/id/number`, in lower case."""
    found: dict[str, str] = {}
    for path in reading.tree.files:
        clip = _CLIP.fullmatch(path)
        if clip is None or clip[1].lower() not in folders:
            continue
        if reading.options.media and clip[4].lower() != reading.options.media:
            reading.ignore(path)
            continue
        first = found.setdefault(f"{clip[1]}/{clip[2]}/{clip[3]}".lower(), path)
        if first != path:
            reading.finding("duplicate", path, f"the same clip as {first}")
    return found


def _transcript(reading: Reading, path: str) -> None:
    name = f"{path[: path.rfind('.')]}.txt"
    there = reading.tree.find(name)
    if there is None:
        reading.finding("missing", name, "the transcript of a clip")
    elif not reading.tree.files[there].size:
        reading.finding("empty", there, "a transcript of zero bytes")
