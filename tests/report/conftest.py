"""A results document made by hand: everything that a table must cope with, in a few rows."""

import sys
from types import ModuleType
from typing import Any

import pytest

from fauxbench.harness.store.schema import (
    IntervalRecord,
    Position,
    Results,
    Row,
    SeedValue,
    SuiteRecord,
    SystemRecord,
    comparability_key,
)

KINDS = {"dcgan@1": "fully_synthetic", "dcgan@2": "fully_synthetic", "swap_a@0.3": "partially_synthetic"}
KINDS |= {"environment@1": "augmented_real", "real": "real", "real-degraded": "real", "broken@1": "fully_synthetic"}


@pytest.fixture(scope="session")
def sample() -> ModuleType:
    return sys.modules[__name__]


def interval(low: float, high: float, method: str = "jackknife-20") -> IntervalRecord:
    return IntervalRecord(low=low, high=high, level=0.95, method=method, cluster="identity", about="population")


def row(system: str, metric: str, value: float | None, half: float | None = None, **given: Any) -> Row:
    protocol = given.pop("protocol", {"metric": metric, "version": "1", "reference": "faces/test"})
    section = given.setdefault("section", "realism")
    parts = given.setdefault("slice", {})
    fields: dict[str, Any] = {
        "id": "/".join([section, system, metric, *parts.values()]),
        "system": system,
        "role": "control" if KINDS.get(system) == "real" else "system",
        "kind": KINDS.get(system, "fully_synthetic"),
        "metric": metric,
        "value": value,
        "interval": interval(value - half, value + half) if value is not None and half is not None else None,
        "n": 200 if value is not None else 0,
        "expected": 200,
        "direction": "lower",
        "protocol": protocol,
        "comparability": comparability_key(protocol),
        "seeds": (SeedValue(seed=0, value=value),) if value is not None else (),
    }
    return Row(**(fields | given))


def position(value: float | None, reason: str | None = None) -> Position:
    return Position(
        metric="fd[spectrum]",
        n=200,
        system=None if value is None else 0.0121 + value * 0.2,
        control=0.0121,
        degraded=0.2121,
        degradation="down by 1.5",
        value=value,
        reason=reason,
    )


def system(name: str, **given: Any) -> SystemRecord:
    fields: dict[str, Any] = {
        "name": name,
        "generator": name.split("@")[0],
        "technique": "dcgan",
        "kind": KINDS.get(name, "fully_synthetic"),
        "modality": "image",
        "parameters": {},
        "digest": f"sha256:{name}",
        "status": "ok",
    }
    return SystemRecord(**(fields | given))


def realism_rows() -> list[Row]:
    edits = {"metric": "fd[spectrum]", "version": "1", "reference": "faces/test", "requests": "edits"}
    return [
        row("real", "fd[spectrum]", 0.0121, 0.0044),
        row("real-degraded", "fd[spectrum]", 0.2121, 0.031),
        row("dcgan@1", "fd[spectrum]", 1.2345, 0.21, best=False, position=position(6.112)),
        row("dcgan@2", "fd[spectrum]", 0.8311, 0.0944, best=True, flags=("n below 2048",), position=position(-0.004)),
        row(
            "swap_a@0.3",
            "fd[spectrum]",
            0.8644,
            0.31,
            best=True,
            n=194,
            failures={"timeout": 4, "error": 2},
            position=position(None, "failed (timeout): at n 190"),
        ),
        row("environment@1", "fd[spectrum]", 0.3, 0.05, protocol=edits, best=True, position=position(1.43951)),
        row("real", "inception score", 2.31, 0.12, direction="higher"),
        row("dcgan@1", "inception score", 1.61, 0.09, direction="higher", best=False),
        row("dcgan@2", "inception score", 1.92, 0.11, direction="higher", best=True),
        row("swap_a@0.3", "inception score", 1.88, 0.13, direction="higher", n=180, failures={"error": 20}),
        row("dcgan@1", "fid", None, reason="not computed: weights missing, see doctor"),
        row("dcgan@2", "fid", None, reason="not computed: weights missing, see doctor"),
        row("environment@1", "ssim", 0.71, 0.02, direction="higher", best=True),
    ]


def detection_rows() -> list[Row]:
    rows = []
    values = {("dcgan@1", "dcgan@1"): 0.97, ("dcgan@1", "dcgan@2"): 0.81, ("dcgan@2", "dcgan@1"): 0.66}
    values |= {("dcgan@2", "dcgan@2"): 0.93, ("dcgan@1", "swap_a@0.3"): 0.52, ("dcgan@2", "swap_a@0.3"): 0.55}
    for (train, test), value in values.items():
        for metric, shift in (("accuracy", 0.0), ("f1", -0.02), ("auc", 0.02)):
            protocol = {"metric": metric, "detector": "cnn", "train": train}
            parts = {"detector": "cnn", "train": train, "threshold": "validation"}
            one = row(
                test,
                metric,
                value + shift,
                0.031,
                section="detection",
                direction="none",
                slice=parts,
                protocol=protocol,
                best=None,
            )
            rows.append(one)
    for name, value in (("real", 0.05), ("environment@1", 0.11)):
        parts = {"detector": "cnn", "train": "dcgan@1", "threshold": "validation"}
        protocol = {"metric": "false alarm rate", "detector": "cnn", "train": "dcgan@1"}
        rows.append(
            row(
                name,
                "false alarm rate",
                value,
                0.02,
                section="false_alarms",
                direction="none",
                slice=parts,
                protocol=protocol,
            )
        )
    return rows


def results(rows: list[Row] | None = None, **given: Any) -> Results:
    fields: dict[str, Any] = {
        "suite": SuiteRecord(name="quick_100%", version="1", digest="sha256:5u17e", title="Quick & small"),
        "reference": {
            "name": "studio faces",
            "digest": "sha256:da7a",
            "splits": {"test": {"items": 200, "identities": 40}},
        },
        "numeric_class": "cpu-float32-torch2.15",
        "systems": (
            system("dcgan@1"),
            system("dcgan@2"),
            system("swap_a@0.3", status="partial"),
            system("environment@1"),
            system("broken@1", status="failed", reason="fit raised ValueError: 3 & 4 differ_by {1} 100%"),
        ),
        "rows": tuple(realism_rows() + detection_rows() if rows is None else rows),
    }
    return Results(**(fields | given))
