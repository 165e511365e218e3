import json

import numpy as np
import pytest

from fauxbench.harness.compare import compare
from fauxbench.harness.errors import InputError
from fauxbench.harness.report import FORMATS, render
from fauxbench.harness.store.schema import (
    Replicates,
    Results,
    Row,
    SeedValue,
    SuiteRecord,
    SystemRecord,
    comparability_key,
)

BLOCKS = 20
PROTOCOL = {"metric": {"name": "fid", "version": "1"}, "reference": {"set": "faces", "n": 200}, "condition": None}


def row(system, metric, *values, n=200, **given):
    protocol = given.pop("protocol", {**PROTOCOL, "metric": {"name": metric, "version": "1"}})
    parts = given.setdefault("slice", {})
    fields = {
        "id": "/".join([system, metric, *parts.values(), *map(str, values)]),
        "section": "realism",
        "system": system,
        "role": "system",
        "kind": "fully_synthetic",
        "metric": metric,
        "value": float(np.mean(values)) if values else None,
        "reason": None if values else "weights missing",
        "n": n,
        "expected": 200,
        "direction": "lower",
        "protocol": protocol,
        "comparability": comparability_key(protocol),
        "seeds": tuple(SeedValue(seed=seed, value=value) for seed, value in enumerate(values)),
    }
    return Row(**(fields | given))


@pytest.fixture
def make_run(tmp_path):
    """Write a run folder; replicates of equal values are equal, so that copies are copies."""

    def make(rows, *, name="run", digests=None, statuses=None, noise=0.01, numeric="cpu", drop=()):
        names = dict.fromkeys(row.system for row in rows)
        results = Results(
            suite=SuiteRecord(name="quick", version="1", digest="sha256:s"),
            reference={"name": "faces"},
            numeric_class=numeric,
            systems=tuple(
                SystemRecord(
                    name=system,
                    generator=system.split("@")[0],
                    technique="gan",
                    kind="fully_synthetic",
                    modality="image",
                    parameters={},
                    digest=(digests or {}).get(system, f"sha256:{system}"),
                    status=(statuses or {}).get(system, "ok"),
                )
                for system in names
            ),
            rows=tuple(rows),
        )
        replicates = {
            one.id: tuple(
                tuple(
                    (seed.value + noise * np.random.default_rng(int(1e6 * seed.value)).standard_normal(BLOCKS)).tolist()
                )
                for seed in one.seeds
            )
            for one in rows
            if one.value is not None and one.id not in drop
        }
        folder = tmp_path / name
        folder.mkdir()
        (folder / "results.json").write_text(results.model_dump_json())
        (folder / "replicates.json").write_text(Replicates(rows=replicates).model_dump_json())
        return folder

    return make


@pytest.fixture
def run(make_run):
    return make_run([row("gan@1", "fid", 10.0), row("gan@2", "fid", 9.0), row("gan@3", "fid", 10.0)])


@pytest.mark.parametrize(
    ("direction", "a", "b", "verdict", "code"),
    [
        ("lower", 10.0, 9.0, "better", 0),
        ("lower", 9.0, 10.0, "worse", 1),
        ("higher", 10.0, 9.0, "worse", 1),
        ("higher", 9.0, 10.0, "better", 0),
        ("none", 9.0, 10.0, "different", 0),
        ("lower", 9.0, 9.001, "no evidence", 0),
    ],
)
def test_verdict_is_about_b(make_run, direction, a, b, verdict, code):
    folder = make_run([row("gan@1", "fid", a, direction=direction), row("gan@2", "fid", b, direction=direction)])
    found = compare(f"{folder}:gan@1", f"{folder}:gan@2")
    assert (found.rows[0].verdict, found.exit_code) == (verdict, code)
    assert found.rows[0].difference == pytest.approx(b - a)
    assert (found.rows[0].a, found.rows[0].b) == (a, b)


@pytest.mark.parametrize(
    ("section", "metric", "protocol", "width"),
    [
        ("detection", "accuracy", {"metric": "accuracy"}, 1.0),
        ("false_alarms", "false_alarm_rate", {"metric": "false alarms"}, 1.0),
        ("realism", "recall[spectrum]", {"metric": "recall 1"}, 1.0),
        ("realism", "ssim", {"metric": "ssim 1"}, 2.0),
        ("realism", "fd[spectrum]", {"metric": "fd 1"}, None),
        ("detection", "sensitivity", {"metric": "sensitivity"}, None),
    ],
)
def test_intervals_and_effects_stay_within_what_is_possible(make_run, section, metric, protocol, width):
    given = {"section": section, "protocol": protocol, "direction": "none"}
    rows = [row("gan@1", metric, 0.1, **given), row("gan@2", metric, 0.9, **given)]
    (found,) = compare(f"{make_run(rows, noise=0.4)}:gan@1", "gan@2").rows
    low, high = found.interval
    cut = [note for note in found.notes if "jackknife interval cut to the possible range" in note]
    if width is None:
        assert high > 2
        assert not cut
        assert found.mde > 2
        return
    assert -width <= low <= found.difference <= high == width
    assert cut == [f"jackknife interval cut to the possible range, -{width:g} to {width:g}"]
    assert found.mde is None
    assert "no possible difference would be found with 80 % power" in found.notes


def test_intervals_that_are_possible_are_left_alone(make_run):
    given = {"section": "detection", "direction": "none"}
    rows = [row("gan@1", "accuracy", 0.4, **given), row("gan@2", "accuracy", 0.6, **given)]
    (found,) = compare(f"{make_run(rows, noise=0.001)}:gan@1", "gan@2").rows
    assert found.notes == ()
    assert found.mde is not None


def test_second_argument_without_run_is_of_the_same_run(run):
    assert compare(f"{run}:gan@1", "gan@2") == compare(f"{run}:gan@1", f"{run}:gan@2")


def test_runs_may_hold_colons(make_run):
    folder = make_run([row("gan@1", "fid", 1.0), row("gan@2", "fid", 2.0)], name="2026-11-22T10:00:00")
    assert compare(f"{folder}:gan@1", "gan@2").exit_code == 1


def test_identical_copy_under_another_version(run):
    found = compare(f"{run}:gan@1", "gan@3")
    (only,) = found.rows
    assert (only.difference, only.p, only.p_adjusted, only.verdict, only.mde) == (0.0, 1.0, 1.0, "no evidence", None)
    assert found.exit_code == 0


def test_the_same_system_is_said_to_be_the_same(make_run):
    rows = [row("gan@1", "fid", 10.0), row("gan@2", "fid", 9.0)]
    folder = make_run(rows, digests={"gan@1": "sha256:x", "gan@2": "sha256:x"})
    assert "the same system: same card, parameters and code" in compare(f"{folder}:gan@1", "gan@2").notes


def test_one_name_for_two_systems_is_said(make_run):
    a = make_run([row("gan@1", "fid", 10.0)], name="a", digests={"gan@1": "sha256:x"})
    b = make_run([row("gan@1", "fid", 10.0)], name="b", digests={"gan@1": "sha256:y"})
    assert any("not the same system" in note for note in compare(f"{a}:gan@1", f"{b}:gan@1").notes)


def test_three_seeds_speak_for_the_recipe_two_for_checkpoints(make_run):
    rows = [row("gan@1", "fid", 10.0, 10.4, 9.7), row("gan@2", "fid", 7.0, 7.3, 6.9), row("gan@3", "fid", 7.0, 7.1)]
    folder = make_run(rows)
    recipe, checkpoint = (compare(f"{folder}:gan@1", name).rows[0] for name in ("gan@2", "gan@3"))
    assert (recipe.about, recipe.seeds, recipe.verdict) == ("recipe", (3, 3), "better")
    assert (checkpoint.about, checkpoint.seeds) == ("checkpoint", (3, 2))
    assert any("training seeds: 3 against 2" in note for note in compare(f"{folder}:gan@1", "gan@3").notes)
    assert not any("training seeds" in note for note in compare(f"{folder}:gan@1", "gan@2").notes)


def test_holm_over_the_rows(make_run):
    metrics = [f"m{i}" for i in range(6)]
    rows = [row("gan@1", metric, 10.0 + i) for i, metric in enumerate(metrics)]
    rows += [row("gan@2", metric, 10.0 + i + 0.004 * i) for i, metric in enumerate(metrics)]
    folder = make_run(rows, noise=0.003)
    found = compare(f"{folder}:gan@1", "gan@2").rows
    alone = compare(f"{folder}:gan@1", "gan@2", alpha=0.05 / 6).rows
    assert all(one.p_adjusted >= one.p for one in found)
    assert min(one.p_adjusted for one in found) == pytest.approx(min(1.0, 6 * min(one.p for one in found)))
    assert found[1].mde < alone[1].mde


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"reference": {"set": "faces", "n": 100}}, [("reference.n", 200, 100)]),
        ({"reference": {"set": "faces"}}, [("reference.n", 200, "(absent)")]),
        ({"reference": "faces"}, [("reference", {"set": "faces", "n": 200}, "faces")]),
        ({"condition": "240p", "seed": 1}, [("condition", None, "240p"), ("seed", "(absent)", 1)]),
        ({"metric": {"name": "fid", "version": "2"}}, [("metric.version", "1", "2")]),
    ],
)
def test_another_protocol_is_refused_by_field(make_run, change, fields):
    folder = make_run([row("gan@1", "fid", 1.0), row("gan@2", "fid", 9.0, protocol=PROTOCOL | change)])
    found = compare(f"{folder}:gan@1", "gan@2")
    assert found.rows == ()
    assert [(one.field, one.a, one.b) for one in found.refused[0].fields] == fields
    assert found.exit_code == 2
    assert any(fields[0][0] in note for note in found.table().notes)


def test_a_key_that_is_not_of_its_protocol_is_refused(make_run):
    folder = make_run([row("gan@1", "fid", 1.0), row("gan@2", "fid", 9.0, comparability="sha256:0")])
    assert compare(f"{folder}:gan@1", "gan@2").refused[0].fields[0].field == "comparability"
    same = comparability_key(PROTOCOL)
    forged = row("gan@2", "fid", 9.0, protocol=PROTOCOL | {"condition": "240p"}, comparability=same)
    folder = make_run([row("gan@1", "fid", 1.0, protocol=PROTOCOL), forged], name="forged")
    assert compare(f"{folder}:gan@1", "gan@2").refused[0].fields[0].field == "condition"


def test_equal_keys_meet_first(make_run):
    other = PROTOCOL | {"condition": "240p"}
    rows = [row("gan@1", "fid", 1.0, protocol=PROTOCOL), row("gan@1", "fid", 2.0, protocol=other)]
    rows += [row("gan@2", "fid", 3.0, protocol=other), row("gan@2", "fid", 4.0, protocol=PROTOCOL)]
    folder = make_run(rows)
    found = compare(f"{folder}:gan@1", "gan@2")
    assert [(one.a, one.b) for one in found.rows] == [(1.0, 4.0), (2.0, 3.0)]


def test_what_is_missing_says_why(make_run):
    rows = [row("gan@1", "fid", 1.0), row("gan@1", "kid", 1.0), row("gan@1", "is"), row("gan@1", "ssim")]
    rows += [row("gan@2", "fid", 1.0), row("gan@2", "psnr", 1.0), row("gan@2", "is", 2.0), row("gan@2", "ssim")]
    rows += [row("gan@1", "lpips", 1.0), row("gan@2", "lpips", 3.0)]
    folder = make_run(rows, drop=("gan@2/lpips/3.0",))
    found = compare(f"{folder}:gan@1", "gan@2")
    assert [one.metric for one in found.rows] == ["fid"]
    assert {one.metric: one.reason for one in found.missing} == {
        "kid": "only in A",
        "psnr": "only in B",
        "is": "A: weights missing",
        "ssim": "A and B: weights missing",
        "lpips": "B: no replicates: the value cannot be tested",
    }


def test_other_blocks_cannot_be_paired(make_run):
    folder = make_run([row("gan@1", "fid", 1.0), row("gan@2", "fid", 9.0)])
    stored = json.loads((folder / "replicates.json").read_text())
    stored["rows"]["gan@2/fid/9.0"][0].pop()
    (folder / "replicates.json").write_text(json.dumps(stored))
    assert compare(f"{folder}:gan@1", "gan@2").missing[0].reason == "cut differently: 20 blocks against 19"


def test_slices_meet_their_like(make_run):
    slices = [{"detector": "cnn", "train": "gan@1"}, {"detector": "cnn", "train": "gan@2"}]
    rows = [
        row(system, "auc", value, section="detection", direction="none", slice=part)
        for system, values in (("gan@1", (0.9, 0.6)), ("gan@2", (0.7, 0.8)))
        for part, value in zip(slices, values, strict=True)
    ]
    found = compare(f"{make_run(rows)}:gan@1", "gan@2")
    assert [(one.slice["train"], one.a, one.b) for one in found.rows] == [("gan@1", 0.9, 0.7), ("gan@2", 0.6, 0.8)]
    assert {one.verdict for one in found.rows} == {"different"}
    assert found.exit_code == 0


def test_coverage_and_flags_are_said(make_run):
    rows = [row("gan@1", "fid", 1.0, n=200), row("gan@2", "fid", 0.5, n=180, flags=("n below 2048",))]
    notes = compare(f"{make_run(rows)}:gan@1", "gan@2").rows[0].notes
    assert "200 of 200 in A, 180 of 200 in B" in notes[0]
    assert notes[1] == "B: n below 2048"
    rows[1] = row("gan@2", "fid", 0.5, n=191)
    assert compare(f"{make_run(rows, name='small')}:gan@1", "gan@2").rows[0].notes == ()


def test_another_numeric_class_is_a_warning(make_run):
    a = make_run([row("gan@1", "fid", 10.0)], name="a")
    b = make_run([row("gan@2", "fid", 10.5)], name="b", numeric="cuda")
    found = compare(f"{a}:gan@1", f"{b}:gan@2")
    assert "numeric class (cpu in A, cuda in B)" in found.warnings[0]
    assert len(found.rows) == 1


def test_a_failed_system_is_a_warning_and_no_success(make_run):
    rows = [row("gan@1", "fid", 10.0), row("gan@2", "fid")]
    found = compare(f"{make_run(rows, statuses={'gan@2': 'failed'})}:gan@1", "gan@2")
    assert (found.warnings, found.exit_code) == (("B = gan@2 is failed",), 2)


def test_no_variation_between_blocks(make_run):
    rows = [row("gan@1", "recall", 0.0, direction="higher"), row("gan@2", "recall", 1.0, direction="higher")]
    found = compare(f"{make_run(rows, noise=0.0)}:gan@1", "gan@2")
    (only,) = found.rows
    assert (only.interval, only.mde, only.verdict) == (None, None, "better")
    assert "no variation between blocks" in only.notes[0]


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ("gan@1", "gan@2", "names no run; expected RUN:name@version"),
        ("{run}:gan@9", "gan@2", r"has no system 'gan@9'; did you mean 'gan@[123]'\?; it has: gan@1, gan@2, gan@3"),
        ("{run}:gan@1", "dragon", "has no system 'dragon'.*it has: gan@1, gan@2, gan@3"),
        ("{run}:gan@1", "{run}/nowhere:gan@1", "no results.json in .*nowhere"),
        ("{run}", "gan@2", "names a run but no system"),
        ("{run}:", "gan@2", "has no system ''"),
    ],
)
def test_bad_input(run, a, b, message):
    with pytest.raises(InputError, match=message):
        compare(a.format(run=run), b.format(run=run))


@pytest.mark.parametrize("alpha", [0.0, 1.0, -1.0, float("nan")])
def test_bad_alpha(run, alpha):
    with pytest.raises(InputError, match="alpha"):
        compare(f"{run}:gan@1", "gan@2", alpha=alpha)


def test_run_without_replicates(run):
    (run / "replicates.json").unlink()
    with pytest.raises(InputError, match=r"no replicates\.json"):
        compare(f"{run}:gan@1", "gan@2")


def test_record_is_json_and_complete(make_run):
    rows = [row("gan@1", "fid", 10.0), row("gan@2", "fid", 9.0), row("gan@1", "kid", 1.0)]
    rows += [row("gan@2", "kid", 1.0, protocol=PROTOCOL), row("gan@1", "is", 1.0)]
    record = json.loads(json.dumps(compare(f"{make_run(rows)}:gan@1", "gan@2").record(), allow_nan=False))
    assert set(record) == {"a", "b", "alpha", "rows", "refused", "missing", "notes", "warnings", "exit_code"}
    assert record["b"]["system"] == "gan@2"
    assert record["rows"][0]["verdict"] == "better"
    assert record["refused"][0]["fields"][0] == {"field": "metric.name", "a": "kid", "b": "fid"}
    assert record["missing"][0]["reason"] == "only in A"


@pytest.mark.parametrize("form", FORMATS)
def test_prints_like_any_table(run, form):
    found = compare(f"{run}:gan@1", "gan@2")
    text = render(found.table(), form)
    assert "better" in text
    assert form == "csv" or "B&#x27;s checkpoint" in text or "B's checkpoint" in text


def test_table_of_nothing_still_prints(make_run):
    folder = make_run([row("gan@1", "fid", 1.0), row("gan@2", "kid", 9.0)])
    for form in FORMATS:
        assert render(compare(f"{folder}:gan@1", "gan@2").table(), form)
