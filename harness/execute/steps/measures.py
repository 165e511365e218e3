"""Steps that turn media into numbers, and numbers into scores: extract and measure."""

import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from ...canonical import JSON, digest_of, digest_of_bytes
from ...cards import InstrumentCard, MetricCard
from ...conditions.table import Condition
from ...errors import IntegrityError, MediaError
from ...instruments import FACES, face_rate, load_instrument
from ...media.content import Picture, SoundMedia
from ...media.images import read_image
from ...media.item import Item, Modality, Split
from ...media.mediaset import MediaSet
from ...media.read import DIGEST_RATE, read_sound
from ...media.stream import MediaStream
from ...metrics import load_metric
from ...metrics.base import Evidence, Features, Link, Pair, SoundPair
from ...metrics.perceptual import comparer
from ...metrics.sets import named, without_place
from ...preprocess.portraits import Portraits
from ...stats.blocks import FEWEST, blocks, blocks_by_id
from ...stats.score import Measurement
from ...store.store import Store
from ..step import Outcome, Step
from . import held_out
from .perfect import factors_of


def _pixels(item: Item) -> Picture:
    if item.modality is not Modality.IMAGE or item.location is None:
        raise MediaError(f"{item.id}: a {item.modality}; this instrument reads pictures")
    return read_image(item.location)


def extract(step: Step) -> Outcome:
    """Let an instrument read the items of a set; one row an item."""
    media = step.set("set")
    splits = set(step.key["splits"])
    items = tuple(item for item in media if str(item.split) in splits)
    condition = None
    if step.key.get("condition"):
        condition = Condition(**step.key["condition"])
        items = held_out.chosen(items, str(step.key["held_out"]), step.key["n"])
    options = dict(step.key.get("options", {}))
    instrument = load_instrument(str(step.key["instrument"]), Store(step.store).weights, step.device, **options)
    stream = _stream(items, instrument.card, condition, step)
    if options.get(FACES) == "found":
        stream.portraits = Portraits(Store(step.store), face_rate(instrument.card), step.device)
    arrays = stream.through(instrument)
    rows: list[JSON] = [[item.id, item.cluster, str(item.split)] for item in stream.read]
    with (step.out / "features.npz").open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    asked = media.labels(Split.TEST)
    record = {"rows": rows, "failures": stream.failures, "asked": asked}
    if "factors" in arrays:
        record["columns"] = list(getattr(instrument, "factor_names", ()))
    (step.out / "rows.json").write_text(json.dumps(record), encoding="utf-8")
    chunks = [np.ascontiguousarray(arrays[name]).tobytes() for name in sorted(arrays)]
    output = digest_of_bytes([digest_of({**record, "names": sorted(arrays)}).encode(), *chunks])
    return Outcome(output=output, facts={"items": len(rows), "failures": len(stream.failures)})


def _stream(items: Sequence[Item], card: InstrumentCard, condition: Condition | None, step: Step) -> MediaStream:
    """Return the items as an instrument wants them, each changed first where there is a condition."""
    look: Callable[[Picture], Picture] | None = None
    hear: Callable[[SoundMedia, Item], SoundMedia] | None = None
    if condition and condition.change.modality is Modality.AUDIO:
        hear = partial(_heard, condition)
    elif condition:
        look = partial(_seen, condition)
    return MediaStream(
        items=items,
        modality=Modality(card.modality),
        sound=card.sound,
        fps=card.fps,
        look=look,
        hear=hear,
        progress=step.progress,
    )


def _seen(condition: Condition, pixels: Picture) -> Picture:
    return condition.apply(pixels, np.random.default_rng(0))[0]


def _heard(condition: Condition, sound: SoundMedia, item: Item) -> SoundMedia:
    return condition.apply_to_sound(sound, np.random.default_rng(zlib.crc32(item.id.encode())))[0]


def read_features(folder: Path, *splits: Split) -> tuple[Features, int]:
    """Read what `extract` wrote, only the given splits, and the number of items it could not read.

    Raises:
        IntegrityError: A file was damaged after it was written.
    """
    try:
        record = json.loads((folder / "rows.json").read_text(encoding="utf-8"))
        wanted = {str(split) for split in splits}
        keep = [i for i, (_, _, split) in enumerate(record["rows"]) if split in wanted]
        with np.load(folder / "features.npz", allow_pickle=False) as stored:
            arrays = {name: stored[name][keep] for name in stored.files}
    except (OSError, ValueError, LookupError, EOFError, BadZipFile) as error:
        raise IntegrityError(f"{folder} is damaged ({error}); delete it to have it made again") from error
    ids = tuple(record["rows"][i][0] for i in keep)
    clusters = tuple(record["rows"][i][1] for i in keep)
    columns = tuple(record.get("columns", ()))
    return Features(ids=ids, clusters=clusters, arrays=arrays, columns=columns), len(record["failures"])


def _labels(folder: Path) -> dict[str, str]:
    """Return the cluster of every test item that was asked for, by id."""
    labels: dict[str, str] = json.loads((folder / "rows.json").read_text(encoding="utf-8"))["asked"]
    return labels


def _refused(step: Step) -> dict[str, str]:
    """Return the items that an instrument did not take, and why, without the place where a file lies."""
    refused: dict[str, str] = {}
    for side in ("synthetic", "real"):
        if side in step.inputs:
            record = json.loads((step.inputs[side] / "rows.json").read_text(encoding="utf-8"))
            for item, why in record["failures"].items():
                refused[f"{side} {item}"] = without_place(item, why)
    return refused


def measure(step: Step) -> Outcome:
    """Reduce features or pairs to one Measurement."""
    metric = load_metric(str(step.key["metric"]))
    failures: dict[str, int] = {}
    if metric.card.form == "paired":
        synthetic = step.set("synthetic_set")
        evidence = _paired(step, metric.card, synthetic, failures)
        clusters = synthetic.labels(Split.TEST)
    else:
        evidence, unread = _evidence(step)
        if unread:
            failures["unreadable"] = unread
        clusters = _labels(step.inputs["synthetic"]) if "synthetic" in step.inputs else {}
    found = metric.measure(evidence)
    if step.key["role"] == "system":
        found = replace(found, flags=(*found.flags, *named(_refused(step))))
    record = measurement_record(with_replicates(found, clusters), failures)
    (step.out / "measurement.json").write_text(json.dumps(record, allow_nan=False), encoding="utf-8")
    return Outcome(output=digest_of(record), facts={"measurements": {metric.card.name: record}})


def _paired(step: Step, card: MetricCard, synthetic: MediaSet, failures: dict[str, int]) -> Evidence:
    real, seed, name = step.set("real_set"), int(step.key["seed"]), str(step.key.get("instrument") or "")
    if "synthetic" in step.inputs:
        return _linked(step, synthetic, seed, failures)
    if "audio" in card.modality:
        return Evidence(sounds=iter(_SoundPairs(synthetic, real, failures)), seed=seed)
    compare = comparer(name, Store(step.store).weights, step.device) if name else None
    truth = step.set("truth_set") if "truth_set" in step.inputs else None
    return Evidence(pairs=iter(_Pairs(synthetic, real, failures, truth)), compare=compare, seed=seed)


def _linked(step: Step, synthetic: MediaSet, seed: int, failures: dict[str, int]) -> Evidence:
    """Return what was extracted of both sets, and which items belong together."""
    mine, unread = read_features(step.inputs["synthetic"], Split.TEST)
    theirs, _ = read_features(step.inputs["real"], *Split)
    items = synthetic.select(Split.TEST)
    known = set(mine.ids)
    truths = {item.id: item for item in step.set("truth_set")} if "truth_set" in step.inputs else {}
    before = {item.id: item for item in step.set("real_set")} if truths else {}
    links = tuple(_link(i, before, truths) for i in items if i.sources and i.id in known)
    lost = {"no source": sum(not i.sources for i in items), "unreadable": unread}
    failures.update({why: count for why, count in lost.items() if count})
    fit, unseen = (read_features(step.inputs["real"], split)[0] for split in (Split.TRAIN, Split.VALIDATION))
    truth = read_features(step.inputs["truth"], Split.TEST)[0] if "truth" in step.inputs else None
    return Evidence(synthetic=mine, real=theirs, fit=fit, unseen=unseen, links=links, truth=truth, seed=seed)


def _link(item: Item, before: Mapping[str, Item], truths: Mapping[str, Item]) -> Link:
    source = before.get(item.sources[0])
    truth = truths.get(item.id)
    return Link(
        id=item.id,
        cluster=item.cluster,
        source=item.sources[0],
        person=item.clusters.get("source_identity"),
        before=(factors_of(source) if source else None) or {},
        after=(factors_of(truth) if truth else None) or {},
    )


def _evidence(step: Step) -> tuple[Evidence, int]:
    if step.key["role"] != "system":
        return held_out.evidence(step, lambda role, *splits: read_features(step.inputs[role], *splits))
    real, unread_real = read_features(step.inputs["real"], Split.TEST)
    synthetic, unread = read_features(step.inputs["synthetic"], Split.TEST)
    fit, _ = read_features(step.inputs["real"], Split.TRAIN)
    unseen, _ = read_features(step.inputs["real"], Split.VALIDATION)
    mine, theirs = blocks_by_id(_labels(step.inputs["synthetic"]), _labels(step.inputs["real"]))
    synthetic = replace(synthetic, blocks=tuple(mine[i] for i in synthetic.ids))
    real = replace(real, blocks=tuple(theirs[i] for i in real.ids))
    evidence = Evidence(synthetic=synthetic, real=real, fit=fit, unseen=unseen, seed=int(step.key["seed"]))
    return evidence, unread + unread_real


class _Pairs:
    """Streams synthetic pictures of the test split beside the real ones they were made from."""

    def __init__(
        self, synthetic: MediaSet, real: MediaSet, failures: dict[str, int], truth: MediaSet | None = None
    ) -> None:
        self.items = synthetic.select(Split.TEST)
        self.real = {item.id: item for item in real}
        self.truth = {item.id: item for item in truth or ()}
        self.failures = failures

    def __iter__(self) -> Iterator[Pair]:
        for item in self.items:
            source = self.real.get(item.sources[0]) if item.sources else None
            if source is None:
                self.failures["no source"] = self.failures.get("no source", 0) + 1
                continue
            try:
                mine, theirs = _pixels(item), _pixels(source)
            except MediaError:
                self.failures["unreadable"] = self.failures.get("unreadable", 0) + 1
                continue
            if mine.shape != theirs.shape:
                self.failures["other size than its source"] = self.failures.get("other size than its source", 0) + 1
                continue
            perfect = _pixels(self.truth[item.id]) if item.id in self.truth else None
            yield Pair(id=item.id, cluster=item.cluster, synthetic=mine, real=theirs, truth=perfect)


class _SoundPairs:
    """Streams synthetic sounds of the test split beside those they were made from, at 16 kHz, mono, of clips too."""

    def __init__(self, synthetic: MediaSet, real: MediaSet, failures: dict[str, int]) -> None:
        self.items = synthetic.select(Split.TEST)
        self.real = {item.id: item for item in real}
        self.failures = failures

    def __iter__(self) -> Iterator[SoundPair]:
        for item in self.items:
            source = self.real.get(item.sources[0]) if item.sources else None
            if source is None:
                self.failures["no source"] = self.failures.get("no source", 0) + 1
                continue
            try:
                mine, theirs = _sound(item), _sound(source)
            except MediaError:
                self.failures["unreadable"] = self.failures.get("unreadable", 0) + 1
                continue
            yield SoundPair(
                id=item.id,
                cluster=item.cluster,
                synthetic=mine,
                real=theirs,
                language=source.language,
                facts=source.facts,
            )


def _sound(item: Item) -> SoundMedia:
    if item.modality is Modality.IMAGE or item.location is None:
        raise MediaError(f"{item.id}: a {item.modality}; this metric hears sounds")
    return SoundMedia(sound=read_sound(item.location), sample_rate=DIGEST_RATE)


def with_replicates(found: Measurement, clusters: Mapping[str, str]) -> Measurement:
    """Fill in what a mean over items is with each block left out, so that every metric is compared the same way."""
    if found.replicates or not found.items:
        return found
    labels = dict(clusters) or {i: i for i in found.items}
    block = dict(zip(labels, blocks(tuple(labels.values())).tolist(), strict=True))
    values = np.array(list(found.items.values()), dtype=np.float64)
    home = np.array([block[i] for i in found.items])
    count = max(block.values()) + 1
    if count < FEWEST or any((home == b).all() for b in range(count)):
        return found
    return replace(found, replicates=tuple(float(values[home != b].mean()) for b in range(count)))


def measurement_record(found: Measurement, failures: Mapping[str, int]) -> dict[str, JSON]:
    """Return a Measurement as a JSON object, with the failures that were counted outside the metric."""
    return {
        "value": found.value,
        "interval": asdict(found.interval) if found.interval else None,
        "n": found.n,
        "n_real": found.n_real,
        "replicates": list(found.replicates),
        "items": dict(found.items),
        "flags": list(found.flags),
        "failures": {**found.failures, **failures},
        "reason": found.reason,
    }
