import json
import math
from dataclasses import asdict

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from fauxbench.harness import score_table as module
from fauxbench.harness.cli import rescore as verb
from fauxbench.harness.errors import InputError
from fauxbench.harness.report import SUFFIXES, render, tables
from fauxbench.harness.report.html import page
from fauxbench.harness.score_table import export_scores, read_scores, write_scores
from fauxbench.harness.scores import rescore
from fauxbench.harness.stats.lines import Question, alarms, chosen, detection, of_groups, of_split
from fauxbench.harness.stats.score_file import read_score_file
from fauxbench.harness.store.schema import IntervalRecord, Results, Row, SuiteRecord, SystemRecord, comparability_key

SEED = 7
SLICE = {"detector": "cnn", "train": "gan@1", "threshold": "validation"}
QUESTION = Question(target="visual")


def line(item, score, *, fake, cluster, **more):
    return {
        "item": item,
        "fake": score,
        "visual_fake": fake,
        "audio_fake": False,
        "cluster": cluster,
        "kind": "fully_synthetic" if fake else "real",
        "status": "ok",
        "reason": None,
        "frames": [],
        "split": "test",
        **more,
    }


def scored():
    rng = np.random.default_rng(0)
    real = [line(f"r{i}", float(s), fake=False, cluster=f"p{i // 3}") for i, s in enumerate(rng.beta(2, 4, 36))]
    fake = [line(f"f{i}", float(s), fake=True, cluster=f"f{i}") for i, s in enumerate(rng.beta(4, 2, 30))]
    fake[4] |= {"fake": None, "status": "error", "reason": "unreadable"}
    more = rng.beta(2, 4, 12), rng.beta(4, 2, 12)
    for lines, scores, truth in zip((real, fake), more, (False, True), strict=True):
        lines += [
            line(f"v{truth}{i}", float(s), fake=truth, cluster=f"v{i}", split="validation")
            for i, s in enumerate(scores)
        ]
    return real, fake


def row(section, system, place, found):
    _, threshold, metric = place.rpartition(" ")[2].split("/")
    protocol = {"metric": f"{metric} 1", **QUESTION.record}
    role = "group" if " " in system else "control" if system == "real" else "system"
    one = found.interval
    return Row(
        id=f"{section}-{system}-{metric}" + ("" if threshold == "validation" else f"-{threshold}"),
        section=section,
        system=system,
        role=role,
        kind="real" if system == "real" else "fully_synthetic",
        metric=metric,
        slice={**SLICE, "threshold": threshold},
        value=found.value,
        interval=IntervalRecord(**one.record()) if one else None,
        n=found.n,
        expected=found.n,
        direction="none",
        protocol=protocol,
        comparability=comparability_key(protocol),
        reason=found.reason,
    )


def write_lines(place, lines):
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("".join(json.dumps(one) + "\n" for one in lines))


def write_results(run, rows):
    suite = SuiteRecord(name="small", version="1", digest="d")
    gan = SystemRecord(
        name="gan@1",
        generator="gan",
        technique="gan",
        kind="fully_synthetic",
        modality="image",
        parameters={},
        digest="g",
        status="ok",
    )
    results = Results(
        suite=suite, reference={"dataset": "studio"}, numeric_class="cpu", systems=(gan,), rows=tuple(rows)
    )
    (run / "results.json").write_text(results.model_dump_json())
    (run / "tables").mkdir(exist_ok=True)
    for name, table in tables(results).items():
        for form, suffix in SUFFIXES.items():
            text = page([table], table.title) if form == "html" else render(table, form)
            (run / "tables" / f"{name}{suffix}").write_text(text)


@pytest.fixture
def run(tmp_path):
    """Return a run folder as a run of one detector on one system leaves it."""
    real, fake = scored()
    write_lines(tmp_path / "scores" / "cnn on gan@1 - real.jsonl", real)
    write_lines(tmp_path / "scores" / "cnn on gan@1 - gan@1.jsonl", fake)
    thresholds = chosen(real, {"gan@1": fake}, {}, QUESTION)
    facts = {"thresholds": {name: asdict(one) for name, one in thresholds.items()}, "own": ["gan@1"], "others": []}
    records = [
        {"unit": "train cnn on gan@1", "kind": "train", "status": "ok", "output": "abc", "facts": {}},
        {"unit": "threshold cnn on gan@1", "kind": "threshold", "status": "ok", "output": "t", "facts": facts},
    ]
    write_lines(tmp_path / "records.jsonl", records)
    (tmp_path / "suite.json").write_text(json.dumps({"seed": SEED}))
    tested = of_split([*real, *fake], "test")
    found = detection(tested, QUESTION, thresholds, SEED)
    rows = [row("detection", "gan@1", place, one) for place, one in found.items()]
    found = alarms(of_split(real, "test"), QUESTION, thresholds)
    rows += [row("false_alarms", "real", place, one) for place, one in found.items()]
    found = of_groups(tested, QUESTION, thresholds, SEED, {"all fully synthetic": "fully_synthetic"})
    rows += [row("detection", "all fully synthetic", place, one) for place, one in found.items()]
    write_results(tmp_path, rows)
    return tmp_path


@pytest.mark.parametrize("parquet", [False, True])
def test_a_run_is_what_its_scores_give(run, parquet):
    if parquet:
        assert write_scores(run) == run / "scores.parquet"
    found = rescore(run)
    assert found.findings == ()
    assert (found.rows, found.scores) == (13 + 2 * 6 + 3 + 5, 90)
    assert found.source == str(run / ("scores.parquet" if parquet else "scores"))


def test_the_file_says_who_scored_what_and_what_chose_the_threshold(run):
    table = pq.read_table(write_scores(run)).to_pylist()
    assert len(table) == 90
    assert table[0]["item"] == "r0"
    assert {one["status"] for one in table} == {"ok", "error"}
    one = table[-1]
    assert (one["detector"], one["train"], one["system"], one["checkpoint"]) == ("cnn", "gan@1", "gan@1", "abc")
    assert (one["threshold_origin"], one["checkpoint_origin"]) == ("validation of gan@1", "validation")
    assert one["threshold"] == one["threshold_pooled"] > 0
    assert (one["split"], one["role"], table[0]["role"]) == ("validation", "own", "real")
    assert one["clusters"] == ["v11"]


def test_what_is_read_is_what_was_written(run):
    real, fake = scored()
    write_scores(run)
    found = {one.system: one for one in read_scores(run)}
    assert [dict(one) for one in found["real"].lines] == real
    assert [dict(one) for one in found["gan@1"].lines] == fake


def changed(run, change):
    table = pq.read_table(write_scores(run))
    lines = table.to_pylist()
    change(lines)
    pq.write_table(pa.Table.from_pylist(lines, schema=table.schema), run / "scores.parquet")
    return rescore(run).findings


def of_item(lines, item):
    return next(one for one in lines if one["item"] == item)


def test_a_changed_score_is_found(run):
    findings = changed(run, lambda lines: of_item(lines, "f3").update(score=0.01))
    assert {f.place for f in findings} >= {"detection-gan@1-auc value", "detection-gan@1-log_loss value"}
    assert not any("false_alarms-real" in f.place for f in findings)


@pytest.mark.parametrize("score", [math.nan, None])
def test_a_score_that_is_no_number_is_found_and_breaks_nothing(run, score):
    findings = changed(run, lambda lines: of_item(lines, "r3").update(score=score))
    assert {f.place for f in findings} >= {"detection-gan@1-auc value", "false_alarms-real-false_alarm_rate value"}


def test_items_added_twice_or_taken_away_are_found(run):
    assert changed(run, lambda lines: lines.append(dict(lines[0])))
    assert changed(run, lambda lines: lines.remove(of_item(lines, "f7")))


def test_a_detector_without_scores_is_found(run):
    findings = changed(run, lambda lines: lines.__delitem__(slice(48, None)))
    assert any("the scores are not there" in f.recomputed for f in findings)


def test_a_threshold_that_the_validation_scores_do_not_choose_is_found(run):
    findings = changed(run, lambda lines: [one.update(threshold=0.9) for one in lines])
    assert {f.place for f in findings} == {f"cnn on gan@1 - {name}: threshold validation" for name in ("real", "gan@1")}


def test_scores_go_out_in_the_form_that_comes_in(run, tmp_path):
    (place,) = export_scores(run, tmp_path / "out")
    assert place.name == "cnn on gan@1.csv"
    real, fake = scored()
    given = read_score_file(place)
    ids = {"real": {one["item"] for one in real}, "gan@1": {one["item"] for one in fake}}
    back = {one.item: one for one in given.of_system("gan@1", ids["gan@1"], {"real": ids["real"]})}
    assert [(one["fake"], one["status"], one["reason"]) for one in fake] == [
        (back[one["item"]].fake, back[one["item"]].status, back[one["item"]].reason) for one in fake
    ]
    with pytest.raises(InputError, match="there already"):
        export_scores(run, tmp_path / "out")


def test_a_changed_number_or_table_is_found(run):
    place = run / "tables" / "detection.md"
    place.write_text(place.read_text().replace("cnn", "cmn"))
    assert [f.place for f in rescore(run).findings] == ["tables/detection.md"]
    results = json.loads((run / "results.json").read_text())
    results["rows"][0]["value"] += 0.001
    (run / "results.json").write_text(json.dumps(results))
    assert rescore(run).findings[0].place == "detection-gan@1-accuracy-0.5 value"


def test_files_that_cannot_be_read_are_said(run):
    with pytest.raises(InputError, match="cannot read"):
        read_scores(run)
    (run / "scores.parquet").write_bytes(b"no parquet at all")
    with pytest.raises(InputError, match="no Parquet file"):
        rescore(run)
    pq.write_table(pa.table({"item": ["a"]}), run / "scores.parquet")
    with pytest.raises(InputError, match="has no column kind"):
        rescore(run)
    (run / "scores.parquet").unlink()
    write_lines(run / "scores" / "cnn on gan@1 - real.jsonl", [{"item": "r0"}])
    with pytest.raises(InputError, match=r"'r0' has no kind"):
        rescore(run)


def test_without_pyarrow_it_is_said(run, monkeypatch):
    def gone(name):
        raise ImportError(name)

    monkeypatch.setattr(module.importlib, "import_module", gone)
    assert rescore(run).findings == ()  # the files of lines are enough
    with pytest.raises(InputError, match="pip install pyarrow"):
        write_scores(run)


def test_a_run_without_detectors_has_nothing_to_rescore(run):
    write_results(run, [])
    assert write_scores(run) is None
    assert (rescore(run).rows, rescore(run).findings) == (0, ())


def test_the_verb(run):
    app = typer.Typer()
    verb.register(app)
    app.callback()(lambda: None)
    good = CliRunner().invoke(app, ["rescore", str(run), "--write"])
    assert (good.exit_code, good.output.endswith("no difference\n")) == (0, True)
    (run / "tables" / "detection.csv").unlink()
    bad = CliRunner().invoke(app, ["rescore", str(run), "--json"])
    assert bad.exit_code == 1
    assert json.loads(bad.output)["findings"][0]["stored"] == "nothing"
