"""A finished run as a run leaves it: two systems, one detector, sets in a store; made without running anything."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fauxbench.harness import parallel_detection
from fauxbench.harness.canonical import digest_of
from fauxbench.harness.media.content import ImageMedia
from fauxbench.harness.media.item import Item, Kind, Modality, Split
from fauxbench.harness.media.mediaset import MediaSetWriter, Terms
from fauxbench.harness.score_table import write_scores
from fauxbench.harness.stats.groups import mark_best
from fauxbench.harness.stats.lines import Question, chosen, detection, of_split
from fauxbench.harness.store.schema import (
    IntervalRecord,
    Replicates,
    Results,
    Row,
    SeedValue,
    SuiteRecord,
    SystemRecord,
    comparability_key,
)
from fauxbench.harness.store.store import Store

QUESTION = Question(target="visual")
TERMS = Terms(people="none")


@pytest.fixture(autouse=True)
def _quick_detectors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Score by the place in the set, without a network."""

    def scores(_: str, items: Sequence[Item]) -> Iterator[float]:
        return iter([0.3 + 0.4 * item.visual_fake + 0.01 * place for place, item in enumerate(items)])

    monkeypatch.setattr(parallel_detection, "_scores", scores)


def put_set(store: Store, kind: str, name: str, terms: Terms, *, real: bool, **facts: Any) -> str:
    """Commit a unit with a set of six small pictures; return its fingerprint."""
    fingerprint = digest_of([kind, name])
    with store.lock(fingerprint), store.partial(fingerprint) as folder:
        writer = MediaSetWriter(folder / "set", name=name, origin=name, terms=terms)
        rng = np.random.default_rng(len(name))
        for place in range(6):
            item = Item(
                id=f"{name}-{place}",
                modality=Modality.IMAGE,
                kind=Kind.REAL if real else Kind.PARTIALLY_SYNTHETIC,
                visual_fake=not real,
                group=name,
                split=Split.TEST,
            )
            writer.add(item, ImageMedia(pixels=rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)))
        writer.facts = facts
        media = writer.seal()
        store.commit(kind, fingerprint, folder, {"output": media.digest, "seconds": 1.0, "facts": {}})
    return fingerprint


def lines_of(system: str, seed: int) -> list[dict[str, Any]]:
    rng, fake = np.random.default_rng(seed), system != "real"
    return [
        {
            "item": f"{system}-{split}-{place}",
            "fake": float(rng.beta(4, 2) if fake else rng.beta(2, 4)),
            "visual_fake": fake,
            "audio_fake": False,
            "cluster": f"{system}{split}{place // 2}",
            "kind": "partially_synthetic" if fake else "real",
            "status": "ok",
            "reason": None,
            "frames": [],
            "split": split,
        }
        for split, count in (("validation", 8), ("test", 12))
        for place in range(count)
    ]


def realism(system: str, metric: str, value: float, protocol: dict[str, Any]) -> tuple[Row, tuple[float, ...]]:
    rng = np.random.default_rng(len(system) + round(value))
    row = Row(
        id=f"realism-{system}-{metric}",
        section="realism",
        system=system,
        role="system",
        kind="partially_synthetic",
        metric=metric,
        value=value,
        n=16,
        expected=16,
        direction="lower",
        protocol=protocol,
        comparability=comparability_key(protocol),
        seeds=(SeedValue(seed=0, value=value),),
    )
    return row, tuple(value + rng.normal(0, 0.05, 20))


def judged(system: str, sets: dict[str, list[dict[str, Any]]], thresholds: Any) -> Iterator[Row]:
    tested = of_split([*sets["real"], *sets[system]], "test")
    for place, one in detection(tested, QUESTION, thresholds, 0).items():
        _, threshold, metric = place.split("/")
        protocol = {"metric": f"{metric} 2", **QUESTION.record, "detector": "d", "reference": "r"}
        yield Row(
            id=f"detection-{system}-{metric}-{threshold}",
            section="detection",
            system=system,
            role="system",
            kind="partially_synthetic",
            metric=metric,
            slice={"detector": "cnn", "train": "all", "threshold": threshold},
            value=one.value,
            interval=IntervalRecord(**one.interval.record()) if one.interval else None,
            n=one.n,
            expected=one.n,
            direction="none",
            protocol=protocol,
            comparability=comparability_key(protocol),
            reason=one.reason,
        )


def system_of(name: str, digest: str) -> SystemRecord:
    return SystemRecord(
        name=name,
        generator=name.partition("@")[0],
        technique="swap",
        kind="partially_synthetic",
        modality="image",
        parameters={},
        digest=digest,
        status="ok",
    )


def write_lines(place: Path, lines: Sequence[dict[str, Any]]) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("".join(json.dumps(one, separators=(",", ":")) + "\n" for one in lines))


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that makes a finished run and the store that it rests on."""

    def make(
        name: str,
        values: dict[str, float] | None = None,
        *,
        store: str = "store",
        digests: dict[str, str] | None = None,
        reference: str = "r",
        terms: Terms = TERMS,
        **facts: Any,
    ) -> Path:
        values = values or {"gan@1": 10.0, "vae@1": 30.0}
        run, opened = tmp_path / "runs" / name, Store(tmp_path / store)
        run.mkdir(parents=True)
        sets = {system: lines_of(system, place) for place, system in enumerate(("real", *values))}
        first = next(iter(values))  # the one that a detector was trained on and asked about
        fakes = {first: sets[first]}
        thresholds = chosen(sets["real"], fakes, {}, QUESTION)
        rows, replicates = [], {}
        for system, value in values.items():
            for metric in ("fid", "kid"):
                protocol = {"metric": f"{metric} 1", "reference": reference, "requests": {"n": 16}}
                row, blocks = realism(system, metric, value, protocol)
                rows.append(row)
                replicates[row.id] = (blocks,)
            rows += judged(system, sets, thresholds) if system == first else ()
        stored = Replicates(rows=replicates)
        results = Results(
            suite=SuiteRecord(name="small", version="1", digest="d", title="Small"),
            reference={"dataset": "studio", "digest": reference, "terms": {"people": "none"}},
            numeric_class="cpu float32",
            systems=tuple(system_of(one, (digests or {}).get(one, f"{one} code")) for one in values),
            rows=mark_best(rows, stored),
        )
        (run / "results.json").write_text(results.model_dump_json())
        (run / "replicates.json").write_text(stored.model_dump_json())
        (run / "suite.json").write_text(json.dumps({"suite": "small", "seed": 0}))
        environment = {"fauxbench": "1", "platform": name}
        (run / "run.json").write_text(json.dumps({"status": "complete", "ended": name, "environment": environment}))
        write_lines(run / "cards" / "gan@1.json", [{"name": "gan"}])
        for system, lines in sets.items():
            write_lines(run / "scores" / f"cnn on all - {system}.jsonl", lines)
        made = {system: put_set(opened, "generate", system, terms, real=False, **facts) for system in values}
        about = {"thresholds": {k: asdict(v) for k, v in thresholds.items()}, "own": [first], "others": []}
        real = put_set(opened, "render", "real", TERMS, real=True)
        common = {"status": "ok", "output": "o", "facts": {}}
        records = [
            {"unit": "real", "kind": "render", "fingerprint": real, **common},
            *(
                {"unit": f"generate {s} seed 0", "kind": "generate", "fingerprint": f, **common}
                for s, f in made.items()
            ),
            {"unit": "train cnn on all", "kind": "train", "fingerprint": "t" * 64, **common},
            {"unit": "threshold cnn on all", "kind": "threshold", "fingerprint": "h" * 64, **common, "facts": about},
        ]
        write_lines(run / "records.jsonl", records)
        write_scores(run)
        return run

    return make
