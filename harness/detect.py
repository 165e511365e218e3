"""Ask one trained detector about files of one's own: P(fake), its spread over frames, and what it learned from."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .canonical import JSON, digest_of_file
from .cards import DetectorCard
from .contracts import Context, Detector, ScoreRecord
from .datasets.listing import list_media
from .errors import InputError, IntegrityError
from .media.content import Picture
from .media.item import Item, Kind, Modality
from .media.read import modality_of
from .registry import DETECTORS, Part, load_class
from .run import default_store
from .store.store import Store

if TYPE_CHECKING:
    from .preprocess.faces import MTCNNFaces

NOT_PROOF = (
    "A detector's answer is no proof: it knows the generators it learned from, is often wrong about others, and "
    "compression, filters and cuts move it."
)
DRAWS, LEVEL = 2000, 0.95
"""Of the bootstrap over the frames of a clip."""
HEARS = {"image": ("image", "video"), "video": ("video",), "audio": ("audio", "video")}
"""Modality of a detector -> of the files it can be asked about."""
CALLED = {"image": "a picture", "video": "a clip", "audio": "a sound"}
READS = {"image": "pictures and clips", "video": "clips", "audio": "sounds and clips with sound"}
USUAL = "cnn"
"""The detector that is asked unless another is named; its weights come with the package."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """What a detector says of one file."""

    item: Item
    file: str
    record: ScoreRecord
    interval: tuple[float, float] | None
    """95 % bootstrap interval of P(fake) over the frames or windows; None for a picture."""
    called_fake: bool | None
    """Whether P(fake) reaches the threshold that validation chose."""
    notes: tuple[str, ...] = ()

    def document(self) -> dict[str, JSON]:
        """Return it as a JSON object."""
        said = {name: value for name, value in self.record.record().items() if name != "item"}
        said["interval"] = list(self.interval) if self.interval else None
        return {"file": self.file, **said, "called_fake": self.called_fake, "notes": list(self.notes)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A detector that is ready, and what is known of it."""

    detector: Detector
    card: DetectorCard
    source: str
    """Where its weights come from, in words."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """What was saved beside its weights."""

    @property
    def learned(self) -> str:
        """What it learned from, in words."""
        groups = self.about.get("learned_from")
        if not groups:
            return "what it learned from is not known here: it was brought along"
        parts = [
            f"{side}: " + ", ".join(f"{count} of {name}" for name, count in groups[side].items())
            for side in ("real", "fake")
        ]
        return "learned from " + "; ".join(parts)

    def outside(self, items: Sequence[Item]) -> str | None:
        """Return a sentence if files may be of another sort than what it learned from; None if nothing says so."""
        groups = self.about.get("learned_from") or {}
        if "studio" not in groups.get("real", {}):
            return None
        count = sum(sum(groups[side].values()) for side in ("real", "fake"))
        clips = sum(item.modality is Modality.VIDEO for item in items)
        if not (clips and self.about.get("recipe")):
            return f"it learned from {count} rendered files; of photographed people and places its number says nothing"
        return (
            f"{clips} of {len(items)} files {'is a clip' if clips == 1 else 'are clips'}, and it learned from {count} "
            "rendered pictures: of clips, and of photographed people and places, its number says nothing"
        )

    def document(self) -> dict[str, JSON]:
        """Return it as a JSON object."""
        known = {name: self.about.get(name) for name in ("learned_from", "chosen_on", "auc", "measured", "recipe")}
        return {
            "name": self.card.name,
            "version": self.card.version,
            "target": self.card.target,
            "source": self.source,
            "threshold": self.detector.threshold,
            **known,
        }


def trained_detector(with_: str | None, items: Sequence[Item], store: Path | None = None) -> Trained:
    """Return the detector that `with_` names, ready to score.

    Args:
        with_: A built-in name whose weights come along; `RUN:DETECTOR` or `RUN:DETECTOR on TRAIN SET`, RUN being a run
            folder; a folder that `save` wrote; `file.py:Class` or a YAML file of a detector that needs no training.
            None: the usual one of the files' modality.
        items: That it will be asked about.
        store: Where runs keep what they trained; default `FAUXBENCH_STORE` or the platform's cache folder.

    Raises:
        InputError: There is no such detector, it has not been trained, or it does not read such files.
    """
    found = _named(with_, items, store)
    reason = next((why for item in items if (why := _unread(item, found.card))), None)
    if reason is not None:
        raise InputError(reason)
    return found


def _named(with_: str | None, items: Sequence[Item], store: Path | None) -> Trained:
    """Return the detector, whatever it reads."""
    if with_ is None and {str(item.modality) for item in items} == {"audio"}:
        raise InputError(f"no detector of sounds comes with trained weights; {_how('voice')}")
    return _resolved(USUAL if with_ is None else with_, store)


def _unread(item: Item, card: DetectorCard) -> str | None:
    """Return why a detector does not read such files, or None."""
    if str(item.modality) in HEARS[card.modality]:
        return None
    return f"{item.id}: {CALLED[str(item.modality)]}, and '{card.name}' reads {READS[card.modality]}"


def _resolved(with_: str, store: Path | None) -> Trained:
    run, _, wanted = with_.partition(":")
    if wanted and (Path(run) / "records.jsonl").is_file():
        return _from_run(Path(run), wanted, store)
    if Path(with_).is_dir():
        return _from_folder(Path(with_))
    part = DETECTORS.find(with_, Path.cwd())
    if part.card.weights:
        folder = part.folder / "weights"
        for name, digest in part.card.weights.items():
            if not (folder / name).is_file() or digest_of_file(folder / name) != digest:
                raise IntegrityError(f"{folder / name}: not the file that the card names; install fauxbench again")
        return _loaded(part, folder, "comes with fauxbench")
    if part.card.fits:
        raise InputError(f"'{with_}' has to be trained first; {_how(part.card.name)}")
    return Trained(detector=_built(part), card=part.card, source=part.origin)


def _how(name: str) -> str:
    shipped = ", ".join(n for n, part in DETECTORS.all().items() if part.card.weights) or "none"
    return (
        f"name it in a suite's `detectors`, run that, and give --with RUN_FOLDER:{name}; or give a folder of saved "
        f"weights. Trained already: {shipped}"
    )


def _from_run(run: Path, wanted: str, store: Path | None) -> Trained:
    lines = (run / "records.jsonl").read_text(encoding="utf-8").splitlines()
    units = {r["unit"].removeprefix("train "): r for r in map(json.loads, lines) if r["kind"] == "train"}
    chosen = [name for name in units if name == wanted or name.partition(" on ")[0] == wanted]
    if len(chosen) != 1:
        what = "was trained on several sets" if chosen else "is not in this run"
        there = ", ".join(f"'{name}'" for name in (chosen or units)) or "none"
        raise InputError(f"{run}: '{wanted}' {what}; give one of: {there}")
    unit = units[chosen[0]]
    if unit["status"] != "ok":
        raise InputError(f"{run}: the training of '{chosen[0]}' failed: {unit['failure']['message']:.300}")
    place = (Path(store) if store else default_store()).absolute()
    kept = Store(place).find("train", unit["fingerprint"]) if place.is_dir() else None
    if kept is None:
        raise InputError(f"{run}: '{chosen[0]}' is not in the store {place}; run the suite again, or give --store")
    record = json.loads((kept.folder / "unit.json").read_text(encoding="utf-8"))
    part = _part_of(str(record["key"]["card"]["name"]), record["key"]["parameters"])
    return _loaded(part, kept.folder / "weights", f"{run}, {chosen[0]}")


def _from_folder(folder: Path) -> Trained:
    config = folder / "config.json"
    try:
        about = json.loads(config.read_text(encoding="utf-8"))
        name = str(about["detector"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InputError(f"{folder}: no weights of a detector: expected a config.json that names it") from error
    return _loaded(_part_of(name, about), folder, str(folder))


def _part_of(name: str, about: Mapping[str, Any]) -> Part[DetectorCard]:
    """Return the part by the name of its card, `timm-NAME` being `timm:NAME`."""
    known = DETECTORS.all()
    if name in known:
        return known[name]
    base, _, rest = name.partition("-")
    if base in known and known[base].card.argument:
        return DETECTORS.find(f"{base}:{about.get(known[base].card.argument, rest)}", Path.cwd())
    raise InputError(f"'{name}' is no built-in detector or plugin; its class is not known here")


def _loaded(part: Part[DetectorCard], folder: Path, source: str) -> Trained:
    from .connect.weights import digest_of_weights

    digest_of_weights(folder)  # refuses pickles and damaged files before anything is loaded
    detector = _built(part)
    try:
        detector.load(folder)
    except (OSError, LookupError, ValueError, RuntimeError, TypeError) as error:
        raise InputError(f"{folder}: these weights do not fit '{part.card.name}': {error!s:.300}") from error
    config = folder / "config.json"
    about = json.loads(config.read_text(encoding="utf-8")) if config.is_file() else {}
    return Trained(detector=detector, card=part.card, source=source, about=about)


def _built(part: Part[DetectorCard]) -> Detector:
    detector = load_class(part.spec, Detector)(part.card, part.card.fill({}))
    assert isinstance(detector, Detector)
    return detector


def items_of(source: Path) -> list[Item]:
    """Return the pictures, clips and sounds of a file or a folder, as items of whom nothing is known.

    Raises:
        InputError: No such file, no media in it, or a file of another sort.
    """
    if source.is_dir():
        files = list_media(source)
    elif source.is_file():
        files = [source]
    else:
        raise InputError(f"{source}: no such file or folder")
    found = []
    for file in files:
        modality = modality_of(file)
        if modality is None:
            raise InputError(f"{source}: neither a picture, a clip nor a sound, by its suffix '{file.suffix}'")
        name = file.relative_to(source).as_posix() if source.is_dir() else file.name
        found.append(Item(id=name, modality=modality, kind=Kind.REAL, group="unknown", location=file.absolute()))
    return found


def detect(
    source: Path | str, *, with_: str | None = None, store: Path | None = None, device: str = "cpu"
) -> tuple[Trained, list[Detection]]:
    """Ask a detector about a picture, a clip, a sound, or a folder of them.

    Of a folder, files that cannot be read, or are of a sort that the detector does not read, are errors among the
    others' answers.

    Args:
        source: File or folder.
        with_: See `trained_detector`.
        store: Default `FAUXBENCH_STORE` or the platform's cache folder.
        device: Of torch.

    Returns:
        The detector, and what it says of each file, sorted by name.

    Raises:
        InputError: Wrong input; also that none of the files is of a sort that the detector reads, or that a single one
            cannot be read.
    """
    items = items_of(Path(source))
    trained = _named(with_, items, store)
    unread = {item.id: why for item in items if (why := _unread(item, trained.card))}
    if len(unread) == len(items):
        raise InputError(next(iter(unread.values())))
    with tempfile.TemporaryDirectory() as scratch:
        context = Context(seed=0, scratch=Path(scratch), device=device)
        asked = [item for item in items if item.id not in unread]
        answers = list(trained.detector.score(asked, context))
    told = {item.id: record for item, record in zip(asked, answers, strict=True)}
    told |= {name: ScoreRecord(item=name, status="error", reason=why) for name, why in unread.items()}
    looks = trained.card.target != "audio" and bool(trained.about)
    found = []
    for item in items:
        record = told[item.id]
        notes = _faces_of(item) if looks and record.status == "ok" else ()
        found.append(_detection(item, record, trained.detector.threshold, notes))
    if len(found) == 1 and Path(source).is_file() and found[0].record.status == "error":
        raise InputError(str(found[0].record.reason))
    return trained, found


def _detection(item: Item, record: ScoreRecord, threshold: float, notes: tuple[str, ...]) -> Detection:
    fake = record.fake if record.status == "ok" else None
    return Detection(
        item=item,
        file=item.id,
        record=record,
        interval=interval_over(record) if fake is not None else None,
        called_fake=None if fake is None else fake >= threshold,
        notes=notes,
    )


def interval_over(record: ScoreRecord) -> tuple[float, float] | None:
    """Return the 95 % percentile bootstrap interval of the score over frames drawn anew; None with fewer than two.

    It says how much the frames of this one file disagree, and nothing of other files: frames are pooled by their mean
    logit, and then moved as the record's own P(fake) lies from that.
    """
    if len(record.frames) < 2 or record.fake is None:
        return None
    scores = np.clip([score for _, score in record.frames], 1e-7, 1 - 1e-7)
    logits = np.log(scores / (1 - scores))
    drawn = np.random.default_rng(0).integers(0, len(logits), (DRAWS, len(logits)))
    own = float(np.clip(record.fake, 1e-7, 1 - 1e-7))
    means = logits[drawn].mean(axis=1) - logits.mean() + np.log(own / (1 - own))
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(1 / (1 + np.exp(-low))), float(1 / (1 + np.exp(-high)))


def _faces_of(item: Item) -> tuple[str, ...]:
    """Return a note if a picture or the first frame of a clip holds no face; nothing where that cannot be looked up."""
    from .media.clips import open_clip
    from .media.images import read_image

    if item.modality is Modality.AUDIO or item.location is None:
        return ()
    try:
        finder = _finder()
    except InputError:
        return ("whether there is a face was not looked up: the extra 'faces' is not installed",)
    picture = read_image(item.location) if item.modality is Modality.IMAGE else next(open_clip(item.location).frames())
    if finder.find([_large(picture)], 20.0)[0]:
        return ()
    return ("no face was found, and the detector has learned from faces alone: its answer means nothing here",)


@cache
def _finder() -> "MTCNNFaces":
    from .preprocess.faces import MTCNNFaces

    return MTCNNFaces()


def _large(picture: Picture) -> Picture:
    """Return a picture whose shorter side is 160 pixels at least: finders miss faces of a few pixels."""
    from .media.images import resize

    height, width = picture.shape[:2]
    scale = 160 / min(height, width)
    return picture if scale <= 1 else resize(picture, round(width * scale), round(height * scale))
