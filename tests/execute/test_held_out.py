from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fauxbench.harness.execute.step import Step
from fauxbench.harness.execute.steps.held_out import evidence, halves, spread
from fauxbench.harness.media.item import Split
from fauxbench.harness.metrics.base import Features

PEOPLE = {Split.TRAIN: 4, Split.VALIDATION: 2, Split.TEST: 6}
EACH = 5


def features(*splits: Split, made: str = "") -> Features:
    ids = tuple(f"{made}{split}-{who}/{k}" for split in splits for who in range(PEOPLE[split]) for k in range(EACH))
    clusters = tuple(name.partition("/")[0] for name in ids)
    return Features(ids=ids, clusters=clusters, arrays={"features": np.arange(len(ids), dtype=np.float32)[:, None]})


def read(role: str, *splits: Split) -> tuple[Features, int]:
    if role == "degraded":
        found = features(*splits)
        changed = Features(ids=found.ids, clusters=found.clusters, arrays={"features": -found.arrays["features"]})
        return changed.take(np.arange(1, len(changed))), 0  # one could not be read
    return features(*splits, made="made " if role == "synthetic" else ""), 3 if role == "synthetic" else 0


def step(role: str, held_out: str, n: int, reference: int | None) -> Step:
    key = {"role": role, "held_out": held_out, "n": n, "reference": reference, "seed": 0}
    nowhere = Path()
    return Step(
        kind="measure",
        key=key,
        task={},
        inputs={},
        out=nowhere,
        scratch=nowhere,
        store=nowhere,
        device="cpu",
        time_limit=1,
        progress=lambda done, message: None,
    )


@given(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=60), st.integers(1, 70))
def test_spread_takes_people_evenly(clusters, count):
    taken = spread(clusters, count)
    assert len(taken) == min(count, len(clusters))
    assert (np.diff(taken) > 0).all()
    left = Counter(clusters) - Counter(clusters[i] for i in taken)
    most = max(Counter(clusters[i] for i in taken).values())
    assert all(Counter(clusters[i] for i in taken)[who] >= most - 1 for who in left)


@given(st.lists(st.sampled_from("abcdef"), min_size=2, max_size=60))
def test_halves_share_no_identity(clusters):
    half = halves(clusters)
    assert not {c for c, h in zip(clusters, half, strict=True) if h} & {
        c for c, h in zip(clusters, half, strict=True) if not h
    }


@pytest.mark.parametrize(("reference", "n_real"), [(None, 30), (9, 9)])
def test_other_splits_against_the_reference(reference, n_real):
    found, unread = evidence(step("control", "others", 9, reference), read)
    assert unread == 0
    assert (len(found.synthetic), len(found.real)) == (9, n_real)
    assert not any(str(Split.TEST) in name for name in found.synthetic.ids)
    assert all(str(Split.TEST) in name for name in found.real.ids)
    assert len(set(found.synthetic.clusters)) == 6


@pytest.mark.parametrize("held_out", ["others", "half"])
def test_the_degraded_items_are_those_of_the_control(held_out):
    control, _ = evidence(step("control", held_out, 9, 9), read)
    degraded, _ = evidence(step("degraded", held_out, 9, 9), read)
    assert set(control.synthetic.ids) - set(degraded.synthetic.ids) <= {"train-0/0", "test-0/0"}
    assert set(degraded.synthetic.ids) <= set(control.synthetic.ids)
    assert (degraded.synthetic.arrays["features"] <= 0).all()
    assert degraded.real.ids == control.real.ids


@pytest.mark.parametrize("held_out", ["others", "half"])
def test_a_system_is_cut_to_the_same_n_against_the_same_items(held_out):
    control, _ = evidence(step("control", held_out, 9, 9), read)
    system, unread = evidence(step("equal", held_out, 9, 9), read)
    assert unread == 3
    assert len(system.synthetic) == len(system.real) == 9
    assert all(name.startswith("made") for name in system.synthetic.ids)
    assert system.real.ids == control.real.ids
