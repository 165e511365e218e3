"""VoxCeleb1 and VoxCeleb2: real speech of celebrities.

ROOT/[dev|test]/[wav|aac|mp4]/id10001/1zcIwhmdeo4/00001.{wav,m4a,mp4}
ROOT/wav/Eartha_Kitt/x6uYqmx31kE_0000001.wav, before 2019
ROOT/vox{1,2}_meta.csv: tabs or ` ,` between cells; ROOT/veri_test.txt and other trials: 1 is *the same speaker*.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from ...media.item import Split
from .lists import inside, read_lines, read_table
from .ours import CARVED, SHARES
from .reading import Cut, Reading

_CLIP = re.compile(r"(?:(.*)/)?(id\d{5})/([^/]{11})/(\d{5})\.(wav|m4a|mp4|aac)", re.IGNORECASE)
_OLD = re.compile(r"(?:(.*)/)?([^/]+)/([^/]{11})_(\d+)\.(wav)", re.IGNORECASE)
_TRIALS = re.compile(r"(?:.*/)?(?:veri_test2?|list_test_(?:hard|all)2?)\.txt", re.IGNORECASE)
_MEDIA = ("wav", "aac", "mp4", "m4a")


class _Person(NamedTuple):
    id: str
    split: Split | None
    gender: str


def read(reading: Reading) -> None:
    """Read clips wherever a path ends in speaker, video and number."""
    people = _people(reading)
    trials = [path for path in reading.tree.files if _TRIALS.fullmatch(path)]
    heard: set[str] = set()
    present: dict[str, set[Split | None]] = {}
    for path in reading.tree.files:
        clip = _CLIP.fullmatch(path) or (_OLD.fullmatch(path) if people else None)
        if clip is None:
            continue
        words = set(re.split(r"[^a-z0-9]+", (clip[1] or "").lower()))
        person = people.get(clip[2]) or _Person(clip[2].lower(), None, "")
        if reading.options.media and reading.options.media not in {clip[5].lower(), *(words & set(_MEDIA))}:
            reading.ignore(path)
            continue
        official = _official(reading, words, person)
        shares = SHARES if official is None else CARVED
        item = reading.make(
            path,
            Cut(official) if official is Split.TEST else reading.ours([person.id], shares),
            clusters={"identity": person.id, "speaker": person.id},
            facts={"gender": person.gender} if person.gender else {},
        )
        reading.take(item)
        heard.add("/".join(path.split("/")[-3:]).lower())
        present.setdefault(person.id, set()).add(official)
    _missing(reading, people, present)
    for path in trials:
        _trials(reading, path, heard)


def _official(reading: Reading, words: set[str], person: _Person) -> Split | None:
    """Return the split by folder, else by the metadata, else, of VoxCeleb1, by the speaker's number."""
    if words & {"dev", "test"}:
        return Split.TEST if "test" in words else Split.TRAIN
    if person.split is not None:
        return person.split
    if reading.card.name == "voxceleb1" and re.fullmatch(r"id1\d{4}", person.id):
        return Split.TEST if 10270 <= int(person.id[2:]) <= 10309 else Split.TRAIN
    return None


def _people(reading: Reading) -> Mapping[str, _Person]:
    """Return the speakers of the metadata, by id and, for the first release, by name."""
    path = next((p for p in reading.tree.files if re.fullmatch(r"(?:.*/)?vox[12]_meta\.csv", p, re.IGNORECASE)), None)
    people: dict[str, _Person] = {}
    for number, row in read_table(reading, path) if path else ():
        if number == 1 and "id" in row[0].lower().split():
            continue
        if not re.fullmatch(r"id\d{5}", row[0]) or row[-1].lower() not in {"dev", "test"}:
            reading.finding("malformed", path or "", f"line {number}: expected speaker, ..., dev or test: {row!r:.80}")
            continue
        split = Split.TEST if row[-1].lower() == "test" else Split.TRAIN
        person = _Person(row[0], split, row[2].lower() if len(row) > 3 else "")
        people[row[0]] = people[row[1]] = person
    return people


def _missing(reading: Reading, people: Mapping[str, _Person], present: Mapping[str, set[Split | None]]) -> None:
    """Note speakers of the metadata who have no clip, in those splits that are there at all."""
    splits = {split for found in present.values() for split in found}
    for person in sorted({p for p in people.values() if p.split in splits and p.id not in present}):
        reading.finding("missing", person.id, f"a speaker of the {person.split} split without a clip")
    for person in sorted(set(people.values())):
        found = present.get(person.id, set())
        if len(found) == 1 and person.split not in found:
            reading.finding("overlap", person.id, f"the metadata says {person.split}, its clips are in {found.pop()}")


def _trials(reading: Reading, path: str, heard: set[str]) -> None:
    lost = set()
    for number, line in read_lines(reading, path):
        words = line.split()
        if len(words) != 3 or words[0] not in {"0", "1"}:
            reading.finding("malformed", path, f"line {number}: expected `1 ENROL.wav TEST.wav`, found {line!r:.60}")
            continue
        for word in words[1:]:
            cleaned = inside(reading, path, word)
            if cleaned and cleaned.lower() not in heard:
                lost.add(cleaned)
    for name in sorted(lost):
        reading.finding("missing", name, f"named in {path}")
