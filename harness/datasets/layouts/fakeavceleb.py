"""FakeAVCeleb v1.2: pictures and sounds, each real or fake.

ROOT/[FakeAVCeleb/]{Real,Fake}Video-{Real,Fake}Audio/RACE/GENDER/id00076/00109.mp4 and meta_data.csv with ten columns:
source, target1, target2, method, category, type, race, gender, file, folder (whose header cell is empty).
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from ...media.item import Fakes, Item
from .lists import inside, read_table
from .reading import Reading

CATEGORIES = {
    "realvideo-realaudio": "A",
    "realvideo-fakeaudio": "B",
    "fakevideo-realaudio": "C",
    "fakevideo-fakeaudio": "D",
}
_CLIP = re.compile(r"((?:real|fake)video-(?:real|fake)audio)/([^/]+)/([^/]+)/(id\d+)/([^/]+)\.mp4")


class _Row(NamedTuple):
    """What the metadata says of a clip."""

    key: str
    """Path from the class folder on."""
    people: tuple[str, ...]
    method: str
    category: str
    type: str
    number: int


def read(reading: Reading) -> None:
    """Read the four class folders by the metadata; without it, by the folders alone."""
    base = reading.tree.base(*CATEGORIES, depth=4) or ""
    clips = {}
    for path in reading.tree.files:
        low = path.lower().removeprefix(base.lower())
        if _CLIP.fullmatch(low):
            clips[low] = path
    table = reading.tree.find(f"{base}meta_data.csv")
    if table is None:
        reading.finding("missing", f"{base}meta_data.csv", "without it the sources of a fake are not known")
    seen: set[str] = set()
    for row in _rows(reading, table) if table else _by_name(clips):
        _take(reading, base, row, clips, seen)


def _take(reading: Reading, base: str, row: _Row, clips: dict[str, str], seen: set[str]) -> None:
    low = row.key.lower()
    path = clips.get(low)
    if low in seen:
        reading.finding("duplicate", path or base + row.key, f"named twice in the metadata (line {row.number})")
        return
    seen.add(low)
    folder = low.partition("/")[0]
    agree = row.type.lower() == folder and CATEGORIES.get(folder) == row.category.upper()
    agree = agree and (row.method == "real") == (folder == "realvideo-realaudio")
    item = _item(reading, path or base + row.key, row, folder)
    if not agree:
        message = f"the folder says {folder}, line {row.number} says {row.type}, {row.category}, {row.method}"
        reading.finding("polarity", path or base + row.key, message)
    elif path is None:
        reading.lost(item, f"named in the metadata (line {row.number})")
    else:
        reading.take(item)


def _item(reading: Reading, path: str, row: _Row, folder: str) -> Item:
    others = tuple(dict.fromkeys(one for one in row.people[1:] if one != row.people[0]))
    clusters = {"identity": row.people[0]} | ({"source_identity": others[0]} if others else {})
    return reading.make(
        path,
        reading.ours((row.people[0], *others)),
        group=row.method,
        fakes=Fakes(visual=folder.startswith("fakevideo"), audio=folder.endswith("fakeaudio")),
        clusters=clusters,
        facts={"race": row.key.split("/")[1], "gender": row.key.split("/")[2]},
    )


def _rows(reading: Reading, table: str) -> Iterator[_Row]:
    for number, row in read_table(reading, table):
        if row[0].lower() == "source":
            continue
        cells = row[:10] if len(row) >= 10 else None
        place = inside(reading, table, f"{cells[9]}/{cells[8]}") if cells else ""
        if place is None:
            continue
        found = re.search(r"(?:^|/)((?:real|fake)video-(?:real|fake)audio/.*)", place, re.IGNORECASE)
        if cells is None or found is None or not cells[0].startswith("id"):
            reading.finding("malformed", table, f"line {number}: expected ten cells, found {','.join(row)!r:.80}")
            continue
        people = tuple(cell for cell in cells[:3] if cell not in {"", "-"})
        yield _Row(found[1], people, cells[3].lower(), cells[4], cells[5], number)


def _by_name(clips: dict[str, str]) -> Iterator[_Row]:
    """Yield what the folders and names say: `CLIP[_N]_TARGET_METHOD.mp4`."""
    for low in clips:
        kind, _, _, person, stem = _CLIP.fullmatch(low).groups()  # type: ignore[union-attr]
        others = tuple(re.findall(r"id\d+", stem))
        method = "real" if kind == "realvideo-realaudio" else stem.rpartition("_")[2]
        method = "rtvc" if kind == "realvideo-fakeaudio" else method
        yield _Row(low, (person, *others), method.replace("wavtolip", "wav2lip"), CATEGORIES[kind], kind, 0)
