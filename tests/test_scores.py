import json
import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from fauxbench.harness import scores as module
from fauxbench.harness.cli import rescore as verb
from fauxbench.harness.errors import InputError
from fauxbench.harness.report import SUFFIXES, render, tables
from fauxbench.harness.report.html import page
from fauxbench.harness.scores import read_scores, rescore, write_scores
from fauxbench.harness.stats.classification import Judged, false_alarms, judge
from fauxbench.harness.store.schema import IntervalRecord, Results, Row, SuiteRecord, comparability_key

SEED, THRESHOLD = 7, 0.4
SLICE = {"detector": "cnn", "train": "gan@1", "threshold": "validation"}


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
        "frames": [[0.0, score]],
        **more,
    }


def scored():
    rng = np.random.default_rng(0)
    real = [line(f"r{i}", float(s), fake=False, cluster=f"p{i // 3}") for i, s in enumerate(rng.beta(2, 4, 36))]
    fake = [line(f"f{i}", float(s), fake=True, cluster=f"f{i}") for i, s in enumerate(rng.beta(4, 2, 30))]
    fake[4] |= {"fake": None, "status": "error", "reason": "unreadable"}
    return real, fake


def row(section, system, metric, found):
    protocol = {"metric": f"{metric} 1", "target": "visual", "missing": "worst"}
    one = found.interval
    return Row(
        id=f"{section}-{system}-{metric}",
        section=section,
        system=system,
        role="control" if system == "real" else "system",
        kind="real" if system == "real" else "fully_synthetic",
        metric=metric,
        slice=SLICE,
        value=found.value,
        interval=IntervalRecord(**one.record()) if one else None,
        n=found.n,
        expected=found.n,
        direction="none",
        protocol=protocol,
        comparability=comparability_key(protocol),
        reason=found.reason,
    )


def judged(lines):
    truth = np.array([one["visual_fake"] for one in lines])
    fake = np.array([float(not t) if one["fake"] is None else one["fake"] for one, t in zip(lines, truth, strict=True)])
    clusters = tuple(one["cluster"] for one in lines)
    blocks = tuple(i % 20 for i in range(len(lines)))
    return Judged(fake=fake, truth=truth, clusters=clusters, blocks=blocks, threshold=THRESHOLD)


def write_lines(place, lines):
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("".join(json.dumps(one) + "\n" for one in lines))


def write_results(run, rows):
    suite = SuiteRecord(name="small", version="1", digest="d")
    results = Results(suite=suite, reference={"dataset": "studio"}, numeric_class="cpu", systems=(), rows=tuple(rows))
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
    train = {"unit": "train cnn on gan@1", "kind": "train", "status": "ok", "output": "abc"}
    write_lines(tmp_path / "records.jsonl", [{**train, "facts": {"threshold": THRESHOLD}}])
    (tmp_path / "suite.json").write_text(json.dumps({"seed": SEED}))
    found = judge(judged([*real, *fake]), np.random.default_rng(SEED))
    rows = [row("detection", "gan@1", name, one) for name, one in found.items()]
    rows.append(row("false_alarms", "real", "false_alarm_rate", false_alarms(judged(real))))
    write_results(tmp_path, rows)
    return tmp_path


@pytest.mark.parametrize("parquet", [False, True])
def test_a_run_is_what_its_scores_give(run, parquet):
    if parquet:
        assert write_scores(run) == run / "scores.parquet"
    found = rescore(run)
    assert found.findings == ()
    assert (found.rows, found.scores) == (14, 66)
    assert found.source == str(run / ("scores.parquet" if parquet else "scores"))


def test_the_file_says_who_scored_what_and_what_chose_the_threshold(run):
    table = pq.read_table(write_scores(run)).to_pylist()
    assert len(table) == 66
    assert table[0]["item"] == "r0"
    assert {one["status"] for one in table} == {"ok", "error"}
    one = table[-1]
    assert (one["detector"], one["train"], one["system"], one["checkpoint"]) == ("cnn", "gan@1", "gan@1", "abc")
    assert (one["threshold"], one["threshold_origin"], one["checkpoint_origin"]) == (THRESHOLD, *2 * ("validation",))
    assert one["clusters"] == ["f29"]
    assert one["frames"] == [{"seconds": 0.0, "score": one["score"]}]


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
    assert {f.place for f in findings} >= {"detection-gan@1-auc value", "false_alarms-real-false_alarm_rate n"}


def test_items_added_twice_or_taken_away_are_found(run):
    assert changed(run, lambda lines: lines.append(dict(lines[0])))
    assert changed(run, lambda lines: lines.pop())


def test_a_detector_without_scores_is_found(run):
    findings = changed(run, lambda lines: lines.__delitem__(slice(36, None)))
    assert any("the scores are not there" in f.recomputed for f in findings)


def test_a_changed_number_or_table_is_found(run):
    place = run / "tables" / "detection.md"
    place.write_text(place.read_text().replace("cnn", "cmn"))
    assert [f.place for f in rescore(run).findings] == ["tables/detection.md"]
    results = json.loads((run / "results.json").read_text())
    results["rows"][0]["value"] += 0.001
    (run / "results.json").write_text(json.dumps(results))
    assert rescore(run).findings[0].place == "detection-gan@1-accuracy value"


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
