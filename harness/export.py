"""Export a set in a form that other tools read: a folder, a CSV, or DeepfakeBench's JSON."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from .canonical import JSON
from .errors import InputError
from .media.item import Item, Kind, Modality
from .media.mediaset import MediaSet, file_stem
from .planning.model import REAL
from .run import default_store
from .safeguards.border import parents_told, release, release_masks, suffix_of
from .safeguards.describing import describe
from .store.store import Store, new_folder, write_atomically

CSV_COLUMNS = ("file", "id", "kind", "visual_fake", "audio_fake", "group", "split", "language", "sources", "seed")


def find_set(spec: str, store: Path | None = None) -> tuple[MediaSet, str]:
    """Return a set and what made it: a MediaSet folder, or `RUN:name@version` of a run whose store is at hand.

    Raises:
        InputError: Neither; or the store no longer holds it.
    """
    folder = Path(spec)
    if (folder / "card.json").is_file():
        media = MediaSet.open(folder)
        return media, str(media.card.facts.get("made_by", media.card.origin))
    run, separator, system = spec.rpartition(":")
    records = Path(run) / "records.jsonl"
    if not separator or not records.is_file():
        raise InputError(f"{spec}: neither a MediaSet folder (with card.json) nor RUN:name@version of a finished run")
    try:
        lines = [json.loads(line) for line in records.read_text(encoding="utf-8").split("\n") if line]
    except ValueError as error:
        raise InputError(f"{records}: not a record of a run: {error}") from error
    made = [r for r in lines if r["kind"] in {"generate", "collect"} and r["unit"].split()[1] == system]
    if not made:
        have = sorted({r["unit"].split()[1] for r in lines if r["kind"] in {"generate", "collect"}})
        raise InputError(f"{spec}: no system '{system}' in that run; there are: {', '.join(have)}")
    if made[0]["status"] != "ok":
        raise InputError(f"{spec}: that system made nothing: {made[0]['failure']['message']}")
    kept = Store(store or default_store()).find(made[0]["kind"], made[0]["fingerprint"])
    if kept is None:
        raise InputError(f"{spec}: the store does not hold it any more; run the suite again, or give --store")
    return MediaSet.open(kept.folder / "set"), made[0]["fingerprint"]


def real_beside(spec: str, store: Path | None = None) -> MediaSet | None:
    """Return the real set of the run that `RUN:name@version` names, where the store still holds it; else None."""
    run, _, _ = spec.rpartition(":")
    return real_of_run(Path(run), store) if run and (Path(run) / "records.jsonl").is_file() else None


def real_of_run(run: Path, store: Path | None = None) -> MediaSet | None:
    """Return the real set of a run, or None where the store does not hold it."""
    lines = (run / "records.jsonl").read_text(encoding="utf-8").split("\n")
    made = next((r for r in map(json.loads, filter(None, lines)) if r["unit"] == REAL and r["status"] == "ok"), None)
    kept = Store(store or default_store()).find(made["kind"], made["fingerprint"]) if made else None
    return MediaSet.open(kept.folder / "set") if kept else None


def export_set(
    media: MediaSet, form: str, out: Path, origin: str, *, masks: bool = False, real: Iterable[Item] = ()
) -> Path:
    """Write a set to `out` in one of `FORMS`; every synthetic file gets its row in provenance.jsonl.

    With `masks`, where each file was changed is written too, black and white, under masks/ID.png or .mkv, where its
    maker said so. `real` are Items that its files may have been made from: their digests go into marks and rows.

    Returns:
        The file or folder to give to the other tool.

    Raises:
        InputError: `out` is not empty, or the set does not fit the form.
        IntegrityError: A file is not what it was when its set was made.
        StorageError: The disk is full or read-only.
    """
    with new_folder(out) as part:
        made = FORMS[form](media, part, _From(origin, _parents(media, real))).relative_to(part)
        if masks:
            _masks(media, part / "masks")
    return out / made


class _From(NamedTuple):
    """Where a set comes from."""

    origin: str
    parents: Mapping[str, Item]


def _parents(media: MediaSet, real: Iterable[Item]) -> dict[str, Item]:
    """Return the Items that files of a set were made from, as far as they or their digests are at hand."""
    told = parents_told(media.folder)
    modality = Modality(media.card.modality)
    named = {
        name: Item(id=name, modality=modality, kind=Kind.REAL, group="unknown", content=content)
        for name, content in told.items()
    }
    return named | {item.id: item for item in (*media, *real)}


def _folder(media: MediaSet, out: Path, source: _From) -> Path:
    """SPLIT/KIND/file: what a torchvision ImageFolder or another benchmark reads."""
    _release(media, out, [f"{item.split or 'all'}/{item.kind}/{_file(item)}" for item in media], source)
    return out


def _csv(media: MediaSet, out: Path, source: _From) -> Path:
    names = [f"media/{_file(item)}" for item in media]
    _release(media, out, names, source)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for item, name in zip(media, names, strict=True):
        record = item.record() | {"file": name, "sources": " ".join(item.sources)}
        writer.writerow(["" if record[column] is None else record[column] for column in CSV_COLUMNS])
    write_atomically(out / "items.csv", text.getvalue())
    return out / "items.csv"


def _deepfakebench(media: MediaSet, out: Path, source: _From) -> Path:
    """{set: {label: {split: {name: {label, frames}}}}}, with frames/NAME/000.png as that benchmark lays them out.

    A picture is a video of one frame. Labels end in `_real` and `_fake`; the set's two labels have to be added to
    the `label_dict` of its test_config.yaml.
    """
    if any(item.modality != "image" for item in media):
        raise InputError("deepfakebench: only sets of pictures can be exported in this form")
    dataset = media.card.name.replace("@", "-")
    names = [f"{dataset}/frames/{file_stem(item.id)}/000{suffix_of(item)}" for item in media]
    _release(media, out, names, source)
    tree: dict[str, dict[str, dict[str, JSON]]] = {
        f"{dataset}_{truth}": {split: {} for split in ("train", "val", "test")} for truth in ("real", "fake")
    }
    for item, name in zip(media, names, strict=True):
        label = f"{dataset}_{'fake' if item.visual_fake else 'real'}"
        split = {"validation": "val", "train": "train"}.get(str(item.split), "test")
        tree[label][split][file_stem(item.id)] = {"label": label, "frames": [name]}
    path = out / f"{dataset}.json"
    write_atomically(path, json.dumps({dataset: tree}, indent=1) + "\n")
    return path


def _masks(media: MediaSet, folder: Path) -> None:
    kept = [item for item in media if item.mask_location is not None]
    if not kept:
        raise InputError(f"--masks: {media.card.name} has none; only systems that say what they changed leave masks")
    folder.mkdir()
    for item in kept:
        release_masks(item, folder)


def _release(media: MediaSet, out: Path, names: Sequence[str], source: _From) -> None:
    """Bring the files over the border and describe them."""
    describe(media, out, release(media.items, out, names, source.origin, source.parents))


def _file(item: Item) -> str:
    return f"{file_stem(item.id)}{suffix_of(item)}"


FORMS: Mapping[str, Callable[[MediaSet, Path, _From], Path]] = MappingProxyType(
    {"folder": _folder, "csv": _csv, "deepfakebench": _deepfakebench}
)
