"""Tiny data sets of studio people in official layouts, whole or with known defects: a conformance kit for readers.

A fixture holds `.fauxbench-fixture.json`, which says that nobody in it ever lived and locks every file by its digest: a
copy of a real data set does not become a fixture by that name. With defects, it also says what each should be found as.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import cycle, islice
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from ..canonical import JSON, digest_of, digest_of_file
from ..errors import InputError
from ..media.content import ImageMedia, Picture, Sound, SoundMedia, VideoMedia
from ..media.item import Item, Kind, Modality
from ..media.mediaset import MediaSet, SetCard, Terms, digest_of_set
from ..media.read import modality_of
from ..safeguards.border import Marker
from ..safeguards.describing import describe
from .layouts.card import dataset_card

SEAL = ".fauxbench-fixture.json"
SIZE, FRAMES, FPS, RATE = 64, 6, 12.0, 16_000
_RENDERED = 3
"""Pictures that are rendered of each person; a clip goes back and forth between them."""


NO_BYTES: Mapping[int, bytes] = MappingProxyType({})


class Defect(NamedTuple):
    """Something that was put wrong on purpose."""

    name: str
    path: str
    finding: str | None
    """The kind of finding that it must cause; None: it is to be read all the same."""
    deep: bool = False
    """Whether only decoding shows it."""


@dataclass(kw_only=True)
class Maker:
    """Writes the files of a fixture. No two clips have the same content."""

    root: Path
    defects: list[Defect] = field(default_factory=list)
    _made: int = 0
    _rows: list[dict[str, JSON]] = field(default_factory=list)
    _marker: Marker = field(default_factory=lambda: Marker(origin="fixture"))

    def clip(self, path: str, person: int, source: int | None = None, *, voice: int | None = None) -> None:
        """Write a clip of a person, with the face of `source` and the voice of `voice` if they are given."""
        frames = self._frames(person, source)
        sound = None if voice is None else self._hum(voice)
        self._write(path, VideoMedia(frames=lambda: iter(frames), fps=FPS, sound=sound, sample_rate=RATE))

    def picture(self, path: str, person: int, source: int | None = None) -> None:
        """Write a picture of a person, with the face of `source` if it is given."""
        self._write(path, ImageMedia(pixels=self._frames(person, source)[0]))

    def sound(self, path: str, person: int) -> None:
        """Write a person's voice: a hum."""
        self._made += 1
        self._write(path, SoundMedia(sound=self._hum(person), sample_rate=RATE))

    def text(self, path: str, text: str) -> None:
        """Write a list, as it is given: a last newline only where `text` has one."""
        self._place(path).write_bytes(text.encode())

    def json(self, path: str, value: JSON) -> None:
        """Write a JSON file."""
        self.text(path, json.dumps(value))

    def rows(
        self, path: str, rows: Sequence[tuple[str, int | None, str]], data: Mapping[int, bytes] = NO_BYTES
    ) -> None:
        """Write a table of `datasets`: paths of pictures, labels (0 real, 1 fake) and people; `data`: row -> bytes."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        label = {"_type": "ClassLabel", "names": ["real", "fake"]}
        told = {"info": {"features": {"image": {"_type": "Image"}, "label": label, "who": {"_type": "Value"}}}}
        image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        columns = {
            "image": pa.array([{"bytes": data.get(k), "path": row[0]} for k, row in enumerate(rows)], image),
            "label": pa.array([row[1] for row in rows], pa.int64()),
            "who": pa.array([row[2] for row in rows], pa.string()),
        }
        table = pa.table(columns).replace_schema_metadata({"huggingface": json.dumps(told)})
        place = self._place(path)
        if path.endswith(".parquet"):
            pq.write_table(table, place)
            return
        with pa.OSFile(str(place), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)

    def seal(self, dataset: str) -> None:
        """Write what locks the fixture, and the row of every file."""
        self._marker.finish(self.root, self._rows)
        describe(self._set(dataset), self.root, self._rows)
        record = {
            "schema_version": 1,
            "dataset": dataset,
            "people": "rendered",
            "files": _locked(self.root),
            "defects": [defect._asdict() for defect in self.defects],
        }
        (self.root / SEAL).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")

    def _set(self, dataset: str) -> MediaSet:
        """Return the files as a set, as far as its description speaks of it."""
        items = tuple(
            Item(
                id=str(row["item"]),
                modality=modality_of(Path(str(row["file"]))) or Modality.IMAGE,
                kind=Kind.REAL,
                group="studio",
                facts={"rendered": True},
                path=str(row["file"]),
                content=str(row["content"]),
            )
            for row in self._rows
        )
        modality = Counter([item.modality for item in items] or [Modality.IMAGE]).most_common(1)[0][0]
        card = SetCard(
            name=f"{dataset}-fixture",
            origin="studio",
            digest=digest_of_set(items, ()),
            items=len(items),
            expected=len(items),
            modality=modality,
            terms=Terms(people="rendered", permits=("evaluate", "train", "publish"), grant="rendered"),
        )
        return MediaSet(self.root, card, items, ())

    def _write(self, path: str, media: ImageMedia | VideoMedia | SoundMedia) -> None:
        """Write a file with the marks of what was rendered: nothing synthetic leaves without, fixtures neither."""
        modality = modality_of(Path(path)) or Modality.IMAGE
        item = Item(id=path, modality=modality, kind=Kind.REAL, group="studio", facts={"rendered": True})
        self._rows.append(self._marker.write(item, media, self.root, path))

    def _place(self, path: str) -> Path:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def _frames(self, person: int, source: int | None) -> Sequence[Picture]:
        self._made += 1
        shown = self.people(person)
        if source is not None:
            shown = [_swapped(a, b) for a, b in zip(shown, self.people(source), strict=True)]
        mark = (self._made * 37) % 251, (self._made * 91) % 241, self._made % 239
        there_and_back = islice(cycle([*shown, *reversed(shown)]), FRAMES)
        return [_marked(picture, mark) for picture in there_and_back]

    def _hum(self, person: int) -> Sound:
        time = np.arange(int(RATE * FRAMES / FPS)) / RATE
        pitch = 90 + 17 * person + 0.37 * self._made
        parts = [np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 6)]
        return np.asarray(0.2 * np.sum(parts, axis=0), dtype=np.float32)

    @cached_property
    def people(self) -> Callable[[int], list[Picture]]:
        """Return the pictures of a person; each is rendered once."""
        known: dict[int, list[Picture]] = {}

        def find(person: int) -> list[Picture]:
            if person not in known:
                known[person] = _render(person)
            return known[person]

        return find


def _render(person: int) -> list[Picture]:
    from .studio.recipe import picture_factors
    from .studio.render import render

    body, state, scene = picture_factors(0, person, 0, max_yaw=10)
    states = [{**state, "yaw": state["yaw"] + 4.0 * k} for k in range(_RENDERED)]
    pixels = render([body] * _RENDERED, states, [scene] * _RENDERED, SIZE).pixels
    return [np.asarray(one, dtype=np.uint8) for one in pixels.cpu().numpy()]


def _swapped(target: Picture, source: Picture) -> Picture:
    """Return the target with the middle of the source's face in a soft ellipse."""
    y, x = np.mgrid[0:SIZE, 0:SIZE] / (SIZE - 1) - 0.5
    share = np.clip(1.5 - np.hypot(x / 0.2, y / 0.26), 0, 1)[:, :, None]
    return np.asarray(np.rint(share * source + (1 - share) * target), dtype=np.uint8)


def _marked(picture: Picture, colour: tuple[int, int, int]) -> Picture:
    """Return the picture with a corner of its own colour, so that no two clips are the same."""
    marked = picture.copy()
    marked[:8, :8] = colour
    return marked


def write_fixture(name: str, folder: Path, *, broken: bool = False) -> tuple[Defect, ...]:
    """Write a tiny data set in its official layout, and return its defects.

    Args:
        name: Of the data set.
        folder: New or empty.
        broken: Put every known defect in.

    Raises:
        InputError: No such data set, or the folder is not empty.
    """
    from . import fixture_broken, fixture_layouts

    dataset_card(name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: not empty; choose a new folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror}; choose another folder") from error
    maker = Maker(root=folder)
    fixture_layouts.LAYOUTS[name](maker)
    if broken:
        fixture_broken.DEFECTS[name](maker)
    maker.seal(name)
    return tuple(maker.defects)


def fixture_seal(folder: Path) -> Mapping[str, JSON] | None:
    """Return what a fixture says of itself; None if the folder is none, or is not as it was made."""
    try:
        record = json.loads((folder / SEAL).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(record, dict) or record.get("people") != "rendered" or record.get("files") != _locked(folder):
        return None
    return record


def _locked(folder: Path) -> str:
    """Return the digest over the names and bytes of a fixture's files; links count by where they lead."""
    rows = []
    for path in sorted(folder.rglob("*")):
        if path.name == SEAL or (path.is_dir() and not path.is_symlink()):
            continue
        what = str(path.readlink()) if path.is_symlink() else digest_of_file(path)
        rows.append([path.relative_to(folder).as_posix(), what])
        if len(rows) > 1000:
            return ""  # no fixture has so many
    return digest_of(rows)
