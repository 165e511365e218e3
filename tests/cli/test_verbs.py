import json
from collections.abc import Callable
from pathlib import Path

import pytest

Call = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize("what", ["generators", "detectors", "metrics", "instruments", "connectors", "suites"])
def test_lists_have_name_version_kind_and_modality(what: str, call: Call) -> None:
    code, out, err = call("list", what, "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found
    for one in found:
        assert {"name", "version", "kind", "modality", "title"} <= set(one)
    code, text, _ = call("list", what)
    assert code == 0
    assert len(text.splitlines()) == len(found)
    assert all(one["name"] in text for one in found)


def test_lists_say_what_a_part_takes(call: Call) -> None:
    found = {one["name"]: one for one in json.loads(call("list", "generators", "--json")[1])}
    assert found["dcgan"]["kind"] == "fully_synthetic"
    assert found["environment"]["kind"] == "augmented_real"
    assert found["dcgan"]["origin"] == "built in"
    assert found["dcgan"]["parameters"]["steps"]["description"]
    suites = {one["name"]: one for one in json.loads(call("list", "suites", "--json")[1])}
    assert Path(suites["quick"]["file"]).is_file()


def test_a_dry_run_prints_the_plan_and_makes_no_run_folder(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = call("run", "quick", "--dry-run", "--workers", 2)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("real ")
    assert "to do, about" in lines[0]
    said = lines.pop()
    assert said.startswith(
        "trained here, because no weights that come with them serve: dcgan@1 seed 0, dcgan@2 seed 0, "
    )
    assert lines[-1].startswith(f"{len(lines) - 1} units: 0 cached, {len(lines) - 1} to do, about ")
    assert lines[-1].endswith("with 2 workers")
    document = json.loads(call("run", "quick", "--dry-run", "--json")[1])
    assert (document["cached"], document["to_do"]) == (0, len(lines) - 1)
    assert document["seconds"] > 0
    assert set(document["trained"]) == {f"dcgan@{version} seed 0" for version in ("1", "2", "2-copy")}
    assert {"unit", "kind", "cached", "seconds"} == set(document["units"][0])
    assert not (tmp_path / "runs").exists()


def test_doctor_names_what_is_missing_and_what_it_would_unlock(call: Call, tmp_path: Path) -> None:
    code, out, _ = call("doctor")
    assert code == 0
    assert f"store     {tmp_path / 'store'}: not made yet" in out
    assert "weights   inception-2015: missing; unlocks fid" in out
    assert "sha256" in out
    assert "https://" in out
    assert not (tmp_path / "store").exists()
    found = json.loads(call("doctor", "--json")[1])
    (weights,) = [one for one in found["weights"] if one["instrument"] == "inception-2015"]
    assert weights["missing"] is True
    assert found["devices"][0]["name"] == "cpu"
    path = Path(weights["path"])
    path.parent.mkdir(parents=True)
    path.write_text("<html>not found</html>")
    again = json.loads(call("doctor", "--json")[1])
    (weights,) = [one for one in again["weights"] if one["instrument"] == "inception-2015"]
    assert weights["missing"] is True
    assert "found an HTML page" in weights["state"]


def test_run_table_and_compare(call: Call, good_system: str, photographs: Path, tmp_path: Path) -> None:
    suite = tmp_path / "mine.yaml"
    suite.write_text(
        "suite: mine\n"
        "data: {dataset: folder, path: photographs, terms: {people: none}}\n"
        f"generators:\n  - {{use: '{good_system}'}}\n  - {{use: '{good_system}', version: 2}}\n"
        "metrics: [fd]\ninstruments: [spectrum]\n"
    )
    code, out, err = call("run", suite, "--runs", tmp_path / "runs", "--workers", 2)
    assert code == 0
    folder = Path(out.splitlines()[-1])
    assert folder.parent == tmp_path / "runs"
    assert (folder / "results.json").is_file()
    assert "good@1" in out
    assert "real" in err or not err  # progress goes to standard error

    code, out, err = call("run", suite, "--runs", tmp_path / "runs", "--json", "-q")
    document = json.loads(out)
    assert {"metric", "value", "interval", "n", "expected", "failures", "direction", "comparability"} <= set(
        document["rows"][0]
    )
    for form, start in (("latex", "%"), ("markdown", ""), ("csv", ""), ("html", "<")):
        code, out, _ = call("table", folder, "--format", form)
        assert code == 0
        assert out.lstrip().startswith(start)
        assert "good@1" in out
    code, _, err = call("table", folder, "--table", "realsm")
    assert code == 2
    assert "no table 'realsm'; did you mean 'realism'?" in err
    code, out, _ = call("compare", f"{folder}:good@1", f"{folder}:good@2", "--json")
    assert code == 0
    assert json.loads(out)

    code, out, _ = call("export", f"{folder}:good@1", "--as", "csv", "--out", tmp_path / "out")
    assert code == 0
    assert Path(out.strip()) == tmp_path / "out" / "items.csv"
    code, _, err = call("export", f"{folder}:good@3", "--out", tmp_path / "other")
    assert code == 2
    assert "there are: good@1, good@2" in err


def test_measure_and_generate(call: Call, good_system: str, photographs: Path, tmp_path: Path) -> None:
    out = tmp_path / "made"
    code, said, err = call(
        *("generate", good_system, "--from", photographs, "--people", "none", "--n", 6, "--out", out, "-q")
    )
    assert (code, said, err) == (0, f"{out}\n", "")
    code, said, err = call("measure", photographs, out / "media", "--metrics", "fd, fd", "--json", "-q")
    assert (code, err) == (0, "")
    rows = json.loads(said)["rows"]
    assert {row["metric"] for row in rows} == {"fd[spectrum]", "fid"}
    assert any(row["value"] is None and "weights" in row["reason"] for row in rows)
    code, said, _ = call("measure", photographs, out / "media", "--metrics", "fd", "--format", "csv", "-q")
    assert code == 0
    assert "fd[spectrum]" in said.lower()


def test_generate_export_and_table_speak_json(call: Call, good_system: str, photographs: Path, tmp_path: Path) -> None:
    made = tmp_path / "made"
    code, out, _ = call("generate", good_system, "--n", 2, "--from", photographs, "--out", made, "-q", "--json")
    found = json.loads(out)
    assert (code, found["path"], found["items"], found["expected"]) == (0, str(made), 2, 2)
    code, out, _ = call("export", made, "--as", "csv", "--out", tmp_path / "out", "--json")
    assert (code, json.loads(out)["items"]) == (0, 2)
    suite = tmp_path / "one.yaml"
    suite.write_text(
        "suite: one\ndata: {dataset: folder, path: photographs, terms: {people: none}}\n"
        f"generators: [{{use: '{good_system}'}}]\nmetrics: [fd]\ninstruments: [spectrum]\n"
    )
    folder = call("run", suite, "--runs", tmp_path / "runs", "-q")[1].splitlines()[-1]
    assert {row["system"] for row in json.loads(call("table", folder, "--json")[1])["rows"]} == {
        *("real", "real-degraded", "good@1")
    }
