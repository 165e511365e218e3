import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from fauxbench.harness.board.check import check
from fauxbench.harness.board.entry import Entry, id_of, read_entry
from fauxbench.harness.board.publish import publish, write_table
from fauxbench.harness.board.ranking import ranking
from fauxbench.harness.canonical import digest_of_file
from fauxbench.harness.cli import board as verb
from fauxbench.harness.errors import InputError, RefusedError
from fauxbench.harness.media.mediaset import Terms
from fauxbench.harness.store.schema import read_replicates

Make = Callable[..., Path]


@pytest.fixture
def board(tmp_path: Path) -> Path:
    return tmp_path / "leaderboards"


@pytest.fixture
def entry(make_run: Make, tmp_path: Path, board: Path) -> Path:
    return publish(make_run("a"), board, tmp_path / "store")


def change(path: Path, alter: Callable[[Any], None], *, signed: bool = False) -> None:
    """Change an entry; with `signed`, its digests and its name say that it was always so."""
    document = json.loads(path.read_text())
    alter(document)
    path.write_text(json.dumps(document))
    if signed:
        from fauxbench.harness.board.entry import digest_of_results

        known = read_entry(path)
        known = known.model_copy(update={"results_digest": digest_of_results(known.results)})
        known = known.model_copy(update={"id": id_of(known)})
        path.unlink()
        path.with_suffix("").rename(path.parent / known.id)
        (path.parent / f"{known.id}.json").write_text(known.model_dump_json())
        write_table(path.parent)


def test_what_was_published_is_what_its_scores_give(entry: Path, board: Path) -> None:
    found = check(board)
    assert found.findings == ()
    assert (found.entries, found.compared) == (1, 4)
    assert found.recomputed > 15
    assert check(board / "small") == found
    document = read_entry(entry)
    assert document.results.systems[0].digest == "gan@1 code"
    assert document.detectors == {"cnn on all": "t" * 64}
    assert document.cards == {"gan@1": {"name": "gan"}}
    assert {one.detectability.detections[0].auc for one in document.sets.values()} == {1.0}
    assert not [path for path in board.rglob("*") if path.suffix in {".png", ".mp4", ".wav"}]


def test_two_runs_in_two_stores_give_one_entry(entry: Path, make_run: Make, tmp_path: Path, board: Path) -> None:
    other = make_run("b", store="elsewhere")
    shutil.rmtree(tmp_path / "store")
    before = entry.read_bytes()
    assert publish(other, board, tmp_path / "elsewhere") == entry  # another place, time and machine
    assert entry.read_bytes() == before
    alone = publish(other, tmp_path / "new", tmp_path / "elsewhere")
    drop = {"environment"}
    assert read_entry(alone).model_dump(exclude=drop) == read_entry(entry).model_dump(exclude=drop)
    for name in ("scores.parquet", "replicates.json"):
        assert (alone.with_suffix("") / name).read_bytes() == (entry.with_suffix("") / name).read_bytes()


def places(board: Path) -> str:
    return "\n".join(map(str, check(board).findings))


def test_a_changed_score_is_found(entry: Path, board: Path) -> None:
    place = entry.with_suffix("") / "scores.parquet"
    table = pq.read_table(place)
    lines = table.to_pylist()
    next(one for one in lines if one["item"] == "gan@1-test-3")["score"] = 0.001
    pq.write_table(type(table).from_pylist(lines, schema=table.schema), place)
    said = places(board)
    assert "scores.parquet: its bytes are not those that were published" in said
    assert "detection-gan@1-auc-validation value: stored" in said
    # and with the digests made to fit, the rows still are not what the scores give
    change(entry, lambda d: d["files"].update({"scores.parquet": digest_of_file(place)}), signed=True)
    said = places(board)
    assert "bytes" not in said
    assert "has the id" not in said
    assert "detection-gan@1-auc-validation value: stored" in said


@pytest.mark.parametrize(
    ("field", "value", "word", "even_signed"),
    [
        ("value", 9.5, "their digest differs", "its seeds give 10.0"),
        ("rank", [2, 2], "their digest differs", "rank is stored as (2, 2)"),
        ("comparability", "sha256:0", "their digest differs", "its protocol gives"),
    ],
)
def test_a_changed_row_is_found(field: str, value: Any, word: str, even_signed: str, entry: Path, board: Path) -> None:
    def alter(document: Any) -> None:
        document["results"]["rows"][0][field] = value

    change(entry, alter)
    assert word in places(board)
    change(entry, alter, signed=True)
    said = places(board)
    assert even_signed in said
    assert word not in said


@pytest.mark.parametrize(
    ("gone", "word"),
    [
        ("scores.parquet", "scores.parquet: missing"),
        ("replicates.json", "replicates.json: missing"),
        ("entry", "missing: its entry"),
        ("README.md", "README.md: missing"),
    ],
)
def test_a_missing_file_is_found(gone: str, word: str, entry: Path, board: Path) -> None:
    if gone == "entry":
        entry.unlink()
    elif gone == "README.md":
        (entry.parent / gone).unlink()
    else:
        (entry.with_suffix("") / gone).unlink()
    assert word in places(board)


def test_what_is_no_entry_is_found(entry: Path, board: Path) -> None:
    (entry.parent / "x.json").write_text("{}")
    assert "x.json: " in places(board)
    (entry.parent / "x.json").unlink()
    change(entry, lambda d: d["sets"].pop("gan@1"))
    assert "gan@1: its set was never scored by detectors" in places(board)
    (entry.parent / "README.md").write_text("I won")
    assert "another text than its entries give; fauxbench board show small --write" in places(board)
    with pytest.raises(InputError, match="no such folder"):
        check(board / "nowhere")


def refused(run: Path, board: Path, store: Path) -> str:
    with pytest.raises(RefusedError) as caught:
        publish(run, board, store)
    assert not list(board.rglob("*.json")) or len(list(board.glob("*/*.json"))) == 1
    return str(caught.value)


@pytest.mark.parametrize("status", ["failed", "interrupted", "running"])
def test_a_run_that_did_not_end_well_is_refused(status: str, make_run: Make, board: Path, tmp_path: Path) -> None:
    run = make_run("a")
    (run / "run.json").write_text(json.dumps({"status": status}))
    assert f"its status is '{status}'" in refused(run, board, tmp_path / "store")


def test_a_failed_system_or_a_wrong_number_is_refused(make_run: Make, board: Path, tmp_path: Path) -> None:
    run = make_run("a")
    results = json.loads((run / "results.json").read_text())
    results["systems"][0]["status"] = "failed"
    row = next(row for row in results["rows"] if row["section"] == "detection")
    row["value"] = 0.123
    (run / "results.json").write_text(json.dumps(results))
    said = refused(run, board, tmp_path / "store")
    assert "systems that made nothing: gan@1" in said
    assert "1 numbers are not what its scores give" in said


def test_changed_code_under_one_version_is_refused(entry: Path, make_run: Make, board: Path, tmp_path: Path) -> None:
    run = make_run("b", {"gan@1": 11.0}, store="b", digests={"gan@1": "other code"})
    said = refused(run, board, tmp_path / "b")
    assert "gan@1 is another system here (digest other code) than in" in said
    assert "raise its version" in said
    run = make_run("c", {"gan@1+0123": 11.0}, store="c")
    assert "gan@1+0123: its code changed and its version did not" in refused(run, board, tmp_path / "c")
    other = publish(make_run("d", {"gan@2": 11.0}, store="d"), board, tmp_path / "d")
    change(other, lambda d: d["results"]["systems"][0].update(name="gan@1"))
    assert "is another system than in" in places(board)


def test_sets_that_may_not_be_published_are_refused(make_run: Make, board: Path, tmp_path: Path) -> None:
    run = make_run("a", terms=Terms())
    assert "do not permit 'publish'" in refused(run, board, tmp_path / "store")
    run = make_run("b", store="b", consents={"0123": "anna"})
    assert "'anna'" in refused(run, board, tmp_path / "b")
    run = make_run("c", store="c")
    assert "is not in the store" in refused(run, board, tmp_path / "empty")


def test_a_set_without_detectability_is_refused(
    make_run: Make, board: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fauxbench.harness import parallel_detection

    monkeypatch.setattr(parallel_detection, "measure_detectability", lambda *_: None)
    assert "gan@1: its set could not be scored by detectors" in refused(make_run("a"), board, tmp_path / "store")


def entries_in(board: Path) -> list[Entry]:
    return [read_entry(path) for path in sorted((board / "small").glob("*.json"))]


def test_only_rows_of_one_protocol_are_ranked_together(
    entry: Path, make_run: Make, board: Path, tmp_path: Path
) -> None:
    publish(make_run("b", {"flow@1": 20.0}, store="b"), board, tmp_path / "b")
    publish(make_run("c", {"far@1": 5.0}, store="c", reference="another"), board, tmp_path / "c")
    entries = entries_in(board)
    found = ranking(entries, {one.id: read_replicates(board / "small" / one.id) for one in entries})
    ranks = {row.system: (row.rank, row.best) for row in found.rows if row.metric == "fid"}
    assert ranks == {
        "gan@1": ((1, 1), True),
        "flow@1": ((2, 2), False),
        "vae@1": ((3, 3), False),
        "far@1": ((1, 1), True),  # alone with its real data
    }
    assert {row.rank for row in found.rows if row.section == "detection"} == {None}
    page = (board / "small" / "README.md").read_text()
    assert "# Small" in page
    assert "Realism (data 2 of 2)" in page
    assert "Neither high nor low is better" in page
    detectability = found.tables[-1]
    assert detectability.name == "detectability"
    assert not any(cell.bold for line in detectability.rows for cell in line.cells)
    assert check(board).findings == ()


def test_the_verbs(make_run: Make, board: Path, tmp_path: Path) -> None:
    app = typer.Typer()
    verb.register(app)
    app.callback()(lambda: None)

    def call(*words: object) -> Any:
        return CliRunner().invoke(app, ["board", *map(str, words)])

    run = make_run("a")
    said = call("publish", run, "--to", board, "--store", tmp_path / "store", "--json")
    assert (said.exit_code, Path(json.loads(said.output)["entry"]).is_file()) == (0, True)
    said = call("check", board)
    assert (said.exit_code, "compared with the digest of their results: no difference" in said.output) == (0, True)
    assert "FID" in call("show", "small", "--to", board).output
    assert len(json.loads(call("show", "small", "--to", board, "--json").output)["entries"]) == 1
    (board / "small" / "README.md").write_text("")
    said = call("check", board, "--json")
    assert (said.exit_code, len(json.loads(said.output)["findings"])) == (1, 1)
    assert call("show", "small", "--to", board, "--write").exit_code == 0
    assert call("check", board).exit_code == 0
    said = call("show", "smell", "--to", board)
    assert "no leaderboard 'smell' (did you mean" in str(said.exception) or "small" in str(said.exception)
