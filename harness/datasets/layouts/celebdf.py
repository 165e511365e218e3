"""Celeb-DF v1 and v2.

ROOT/{Celeb-real,YouTube-real,Celeb-synthesis}/[videos/]*.mp4
ROOT/List_of_testing_videos.txt: `LABEL FOLDER/FILE.mp4`, where 1 is REAL; the test split, and the only list there is.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from ...media.item import Item, Split
from .lists import inside, read_lines, truth_of
from .ours import CARVED
from .reading import TRUE, VISUAL, Cut, Reading

LIST = "list_of_testing_videos.txt"
GROUP = "celeb-synthesis"
_FOLDERS = {
    "celeb-real": re.compile(r"(id\d+)_\d+"),
    "youtube-real": re.compile(r"(\d+)"),
    GROUP: re.compile(r"(id\d+)_(id\d+)_\d+"),
}
_NAMES = {"celeb-real": "Celeb-real", "youtube-real": "YouTube-real", GROUP: "Celeb-synthesis"}
_CLIP = re.compile(r"(celeb-real|youtube-real|celeb-synthesis)/(?:videos/)?([^/]+)\.mp4")
_ASIDE = re.compile(r"(celeb-real|youtube-real|celeb-synthesis)/(?:frames|landmarks|masks)/")


class _Key(NamedTuple):
    """A clip, however the copy spells its path."""

    folder: str
    stem: str


def read(reading: Reading) -> None:
    """Read the three folders and the list."""
    base = reading.tree.base(*_FOLDERS, LIST) or ""
    clips: dict[_Key, str] = {}
    for path in reading.tree.files:
        low = path.lower().removeprefix(base.lower())
        clip = _CLIP.fullmatch(low)
        if clip is None:
            if _ASIDE.match(low):
                reading.ignore(path)
        elif _fits(reading, path, _Key(clip[1], clip[2])):
            first = clips.setdefault(_Key(clip[1], clip[2]), path)
            if first != path:
                reading.finding("duplicate", path, f"the same clip as {first}")
    tested = _tested(reading, base, clips)
    for key, path in clips.items():
        if tested.get(key, True):  # False: the list contradicts the folder
            reading.take(_item(reading, path, key, clips, is_test=key in tested))
    for key in tested:
        if key not in clips:
            path = f"{base}{_NAMES[key.folder]}/{key.stem}.mp4"
            reading.lost(_item(reading, path, key, clips, is_test=True), "named in the list of testing videos")


def _fits(reading: Reading, path: str, key: _Key) -> bool:
    """Whether a clip's name is one of its folder; a name of another folder is wrong polarity."""
    if _FOLDERS[key.folder].fullmatch(key.stem):
        return True
    if key.folder != GROUP and _FOLDERS[GROUP].fullmatch(key.stem):
        reading.finding("polarity", path, "its folder says real, its name says fake")
    elif key.folder == GROUP and any(p.fullmatch(key.stem) for f, p in _FOLDERS.items() if f != GROUP):
        reading.finding("polarity", path, "its folder says fake, its name says real")
    return False


def _item(reading: Reading, path: str, key: _Key, clips: Mapping[_Key, str], *, is_test: bool) -> Item:
    match = _FOLDERS[key.folder].fullmatch(key.stem)
    people = match.groups() if match else (key.stem,)
    if key.folder == "youtube-real":
        people = (f"youtube-{key.stem}",)
    real = clips.get(_Key("celeb-real", f"{people[0]}_{key.stem.rpartition('_')[2]}")) if key.folder == GROUP else None
    return reading.make(
        path,
        Cut(Split.TEST) if is_test else reading.ours(people, CARVED),
        group=GROUP,
        fakes=VISUAL if key.folder == GROUP else TRUE,
        clusters=dict(zip(("identity", "source_identity"), people, strict=False)),
        sources=(real,) if real else (),
    )


def _tested(reading: Reading, base: str, clips: Mapping[_Key, str]) -> dict[_Key, bool]:
    """Return the clips of the list, and whether the list's label agrees with the folder."""
    path = reading.tree.find(f"{base}{LIST}")
    if path is None:
        reading.finding("missing", f"{base}List_of_testing_videos.txt", "without it nobody knows which clips are test")
        return {}
    found: dict[_Key, bool] = {}
    for number, line in read_lines(reading, path):
        label, _, name = re.sub(r"[\s,]+", " ", line).partition(" ")
        fake = truth_of(label, (0,), (1,))
        if fake is None or not name:
            reading.finding("malformed", path, f"line {number}: expected `1 FOLDER/FILE.mp4`, found {line!r:.60}")
            continue
        cleaned = inside(reading, path, name)
        clip = _CLIP.fullmatch(cleaned.lower()) if cleaned else None
        if clip is None:
            if cleaned:
                reading.finding("malformed", path, f"line {number}: no clip of this data set: {name!r:.60}")
            continue
        key = _Key(clip[1], clip[2])
        if key in found:
            reading.finding("duplicate", path, f"line {number}: '{name}' is named twice")
        found[key] = fake == (key.folder == GROUP)
        if not found[key]:
            says = "fake" if fake else "real"
            where = clips.get(key, cleaned or name)
            reading.finding("polarity", where, f"{path}, line {number} says {says} (in that list 1 is real)")
    return found
