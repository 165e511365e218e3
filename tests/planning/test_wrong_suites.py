from collections.abc import Callable
from pathlib import Path

import pytest
from tests.planning.plans import FOLDER, outputs, plan

from fauxbench.harness.errors import InputError, SuiteError

WRONG: dict[str, tuple[dict[str, object], type[Exception], str]] = {
    "generator": (
        {"generators": ["dcgn"]},
        SuiteError,
        r"generators\.0: unknown generator 'dcgn'; did you mean 'dcgan'",
    ),
    "second generator": ({"generators": ["dcgan", "enviroment"]}, SuiteError, r"generators\.1: .*mean 'environment'"),
    "file": ({"generators": ["gone.py:System"]}, SuiteError, r"generators\.0: gone\.py:System: no such file"),
    "detector": ({"detectors": ["cnm"]}, SuiteError, r"detectors\.0: unknown detector 'cnm'; did you mean 'cnn'"),
    "detector twice": ({"detectors": ["cnn", "cnn"]}, SuiteError, r"detectors\.1: 'cnn' is given twice|detectors\.0"),
    "metric": ({"metrics": ["fd", "ks"]}, SuiteError, r"metrics\.1: no metric 'ks'; .*there are: fd"),
    "metric by its shown name": ({"metrics": ["fid"]}, SuiteError, r"metrics\.0: no metric 'fid'; it is 'fd' through"),
    "instrument": ({"instruments": ["spectra"]}, SuiteError, r"instruments\.0: no instrument 'spectra'; did you mean"),
    "train_on": ({"detectors": ["cnn"], "train_on": ["dcgan"]}, SuiteError, r"train_on\.0: no fake system 'dcgan'"),
    "train_on a real one": (
        {"generators": ["dcgan", "environment"], "detectors": ["cnn"], "train_on": ["environment@2"]},
        SuiteError,
        r"train_on\.0: no fake system 'environment@2'.*there are: dcgan@1",
    ),
    "parameter": (
        {"generators": [{"use": "dcgan", "parameters": {"step": 5}}]},
        SuiteError,
        r"generators\.0: dcgan has no parameter 'step'; did you mean 'steps'",
    ),
    "value": (
        {"generators": [{"use": "dcgan", "parameters": {"steps": "many"}}]},
        SuiteError,
        r"generators\.0: dcgan\.steps: found 'many', expected int",
    ),
    "infinite value": (
        {"detectors": [{"use": "cnn", "parameters": {"learning_rate": float("inf")}}]},
        SuiteError,
        r"detectors\.0: cnn",
    ),
    "system twice": ({"generators": ["dcgan", "dcgan"]}, SuiteError, r"generators\.1: 'dcgan@1' is given twice"),
    "data": (
        {"data": {"dataset": "folder", "path": "gone"}},
        SuiteError,
        r"data\.path: expected a folder at .*gone, fou",
    ),
    "data that is a file": (
        {"data": {"dataset": "folder", "path": "a.txt"}},
        SuiteError,
        r"data\.path: .*found a file",
    ),
    "outputs": ({"generators": [{**FOLDER, "path": "gone"}]}, SuiteError, r"generators: 'mine': path: .*nothing there"),
    "manifest": (
        {"generators": [{**FOLDER, "manifest": "gone.csv"}]},
        SuiteError,
        r"generators\.0: manifest .*gone\.csv",
    ),
    "empty data": ({"data": {"dataset": "folder", "path": "empty"}}, InputError, "empty: no pictures, clips or sounds"),
    "too few people": (
        {"data": {"dataset": "folder", "path": "outputs", "splits": {"train": 0.5, "validation": 0.2, "test": 0.3}}},
        InputError,
        "2 identities cannot be split",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_there_is_said_with_its_key(case: str, tmp_path: Path) -> None:
    more, kind, words = WRONG[case]
    outputs(tmp_path, count=2)
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.txt").write_text("x")
    before = sorted(tmp_path.rglob("*"))
    document = {"generators": ["dcgan"], **more}
    systems = document.pop("generators")
    with pytest.raises(kind, match=words):
        plan(tmp_path, *systems, **document)  # type: ignore[misc]
    assert sorted(tmp_path.rglob("*")) == before  # planning writes nothing


def test_what_suites_cannot_give_is_said(write_system: Callable[..., str], tmp_path: Path) -> None:
    use = write_system("voice", "def generate(self, requests, context):\n    yield from ()", uses='["text", "audio"]')
    with pytest.raises(SuiteError, match="'voice' is given speech, and the real set holds pictures"):
        plan(tmp_path, use)
