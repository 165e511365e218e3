"""The dataset JSON of DeepfakeBench: frames of many data sets under one kind of list.

ROOT/[dataset_json/]NAME.json: {NAME: {LABEL: {SPLIT: {[COMPRESSION:] {VIDEO: {"label", "frames": [...]}}}}}}
Frames lie below ROOT, ROOT/rgb or ROOT/datasets/rgb, by the part of their path from the data set's folder on.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ...canonical import JSON
from ...media.item import Split
from ...safeguards.describing import CROISSANT
from .lists import clean, read_object, truth_of
from .reading import TRUE, VISUAL, Cut, Reading

SPLITS: Mapping[str, Split] = {"train": Split.TRAIN, "val": Split.VALIDATION, "test": Split.TEST}
COMPRESSIONS = {"raw", "c0", "c23", "c40"}
FAKE = (
    *("ff-df", "ff-f2f", "ff-fs", "ff-nt", "ff-fh", "ff-sh", "dfd_fake", "celebdfv1_fake", "celebdfv2_fake"),
    *("dfdcp_fakea", "dfdcp_fakeb", "dfdc_fake", "df_fake", "uadfv_fake", "roop_fake"),
)
REAL = (
    *("ff-real", "dfd_real", "celebdfv1_real", "celebdfv2_real", "dfdcp_real", "dfdc_real", "df_real"),
    *("uadfv_real", "roop_real"),
)
PLACES = ("", "rgb/", "datasets/rgb/", "datasets/")


class _Video(NamedTuple):
    """One clip of a dataset JSON."""

    label: str
    split: Split
    compression: str | None
    name: str
    frames: tuple[str, ...]
    """As they stand in the list."""


def read(reading: Reading) -> None:
    """Read every dataset JSON, or the one that was chosen."""
    lists = [p for p in reading.tree.files if re.fullmatch(r"(?:dataset_json/)?[^/]+\.json", p, re.IGNORECASE)]
    lists = [p for p in lists if p != CROISSANT]  # which describes it, beside its own lists
    named: set[str] = set()
    for path in lists:
        stem = path.rpartition("/")[2].rpartition(".")[0]
        wanted = reading.options.list_name in {None, stem}
        for dataset, labels in read_object(reading, path).items() if wanted else ():
            for video in _videos(reading, path, dataset, labels):
                _take(reading, path, dataset, video, named)
    if not lists:
        reading.finding("missing", "dataset_json", "no dataset JSON, neither here nor in dataset_json")
    if reading.options.list_name or reading.options.compression or reading.options.frames_per_clip:
        for path in reading.tree.files:
            reading.ignore(path)  # what was not chosen is not extra


def _videos(reading: Reading, path: str, dataset: str, labels: JSON) -> Iterator[_Video]:
    for label, splits in _objects(reading, path, dataset, labels):
        for split, videos in _objects(reading, path, f"{dataset}/{label}", splits):
            where = f"{dataset}/{label}/{split}"
            if split not in SPLITS:
                reading.finding("malformed", path, f"{where}: expected train, val or test")
                continue
            if "frames" in videos:  # DFDC's val, in the published lists
                reading.finding("malformed", path, f"{where}: one clip in place of a table of clips")
                continue
            levels = videos if videos and set(videos) <= COMPRESSIONS else {None: videos}
            for compression, table in levels.items():
                if reading.options.compression in {None, compression} or compression is None:
                    yield from _table(reading, path, label, SPLITS[split], compression, table)


def _objects(reading: Reading, path: str, where: str, table: JSON) -> Iterator[tuple[str, dict[str, JSON]]]:
    for name, value in table.items() if isinstance(table, dict) else ():
        if isinstance(value, dict):
            yield name, value
        else:
            reading.finding("malformed", path, f"{where}/{name}: expected an object, found {value!r:.60}")
    if not isinstance(table, dict):
        reading.finding("malformed", path, f"{where}: expected an object, found {table!r:.60}")


def _table(
    reading: Reading, path: str, label: str, split: Split, compression: str | None, table: JSON
) -> Iterator[_Video]:
    for name, entry in _objects(reading, path, f"{label}/{split}", table):
        frames, own = entry.get("frames"), str(entry.get("label", label))
        if not isinstance(frames, list) or not all(isinstance(frame, str) for frame in frames):
            reading.finding("malformed", path, f"{label}/{split}/{name}: frames must be a list of paths")
        elif truth_of(own, FAKE, REAL) is None:
            reading.finding("malformed", path, f"{label}/{split}/{name}: nobody knows whether '{own}' is fake")
        elif truth_of(own, FAKE, REAL) != truth_of(label, FAKE, REAL):
            reading.finding("polarity", path, f"{label}/{split}/{name}: listed under '{label}', labelled '{own}'")
        else:
            yield _Video(own, split, compression, name, tuple(frames))


def _take(reading: Reading, where: str, dataset: str, video: _Video, named: set[str]) -> None:
    fake = truth_of(video.label, FAKE, REAL)
    frames = sorted(video.frames, key=_number)
    for frame in _even(frames, reading.options.frames_per_clip):
        path = _place(reading, where, dataset, frame)
        if path is None:
            continue
        if path in named:
            if fake != (reading.items[path].visual_fake if path in reading.items else fake):
                reading.finding("polarity", path, f"{where} and another list disagree")
            continue  # the lists of FaceForensics++ share their real clips
        named.add(path)
        people = _people(video)
        item = reading.make(
            path,
            Cut(video.split),
            group=video.label.lower(),
            fakes=VISUAL if fake else TRUE,
            clusters={**dict(zip(("identity", "source_identity"), people, strict=False)), "clip": video.name},
            facts={"frame": _number(frame)} | ({"compression": video.compression} if video.compression else {}),
        )
        if path in reading.tree.files:
            reading.take(item)
        else:
            reading.lost(item, f"named in {where}")


def _even(frames: list[str], count: int | None) -> list[str]:
    """Return `count` frames evenly over a clip: the middle of each of as many equal parts."""
    if count is None or count >= len(frames):
        return frames
    return [frames[(2 * k + 1) * len(frames) // (2 * count)] for k in range(count)]


def _number(frame: str) -> int:
    digits = re.search(r"(\d+)\.[^.]+$", frame)
    return int(digits[1]) if digits else 0


def _place(reading: Reading, where: str, dataset: str, frame: str) -> str | None:
    """Return where a frame lies or should lie; published lists hold other people's folders and backslashes."""
    parts = [part for part in frame.replace("\\", "/").split("/") if part not in {"", "."}]
    known = {dataset.lower(), "faceforensics++"} | {folder.lower() for folder in _tops(reading)}
    start = next((k for k, part in enumerate(parts) if part.lower() in known), 0)
    tail = clean("/".join(parts[start:])) if parts else None
    if tail is None:
        reading.finding("outside", where, f"names '{frame}', which leaves the data set; it is not read")
        return None
    return next((there for place in PLACES if (there := reading.tree.find(place + tail))), tail)


def _tops(reading: Reading) -> Iterator[str]:
    """Yield the folders that data sets may lie in."""
    for folder in reading.tree.folders:
        for place in PLACES:
            name = folder[len(place) :]
            if folder.lower().startswith(place) and name and "/" not in name and f"{folder}/" not in PLACES:
                yield name


def _people(video: _Video) -> tuple[str, ...]:
    """Return target and source as the names of FaceForensics++, DeepFakeDetection and Celeb-DF say them."""
    label = video.label.lower()
    if label.startswith("dfd_"):
        return tuple(f"actor-{number}" for number in video.name.partition("__")[0].split("_"))
    if label.startswith("ff-"):
        return tuple(video.name.split("_"))
    return tuple(re.findall(r"id\d+", video.name)) if label.startswith("celebdf") else ()
