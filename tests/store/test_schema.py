from pathlib import Path

import pytest
from pydantic import ValidationError

from fauxbench.harness.errors import InputError
from fauxbench.harness.store.schema import Row, comparability_key, read_replicates, read_results

ROW = {
    "id": "a",
    "section": "realism",
    "system": "x@1",
    "role": "system",
    "kind": "fully_synthetic",
    "metric": "fd",
    "value": 1.0,
    "n": 9,
    "expected": 10,
    "direction": "lower",
    "protocol": {},
    "comparability": "sha256:0",
}


def test_a_row_has_a_value_or_a_reason() -> None:
    assert Row.model_validate(ROW).coverage == 0.9
    assert Row.model_validate({**ROW, "value": None, "reason": "too few", "expected": 0}).coverage == 0
    for wrong in ({"value": None}, {"reason": "why"}):
        with pytest.raises(ValidationError, match="exactly one of value and reason"):
            Row.model_validate({**ROW, **wrong})


def test_the_comparability_key_is_over_the_protocol() -> None:
    assert comparability_key({"a": 1, "b": 2}) == comparability_key({"b": 2, "a": 1})
    assert comparability_key({"a": 1}) != comparability_key({"a": 2})


@pytest.mark.parametrize("read", [read_results, read_replicates])
def test_what_is_no_run_folder(read: object, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a finished run folder"):
        read(tmp_path)  # type: ignore[operator]
    with pytest.raises(InputError, match="not a finished run folder"):
        read(tmp_path / "gone")  # type: ignore[operator]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema_version": 99}', "\ufeff{}"])
def test_what_is_no_results_document(text: str, tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(InputError, match=r"results\.json: "):
        read_results(tmp_path)


def test_results_that_are_not_text(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"results\.json: "):
        read_results(tmp_path)
    with pytest.raises(InputError, match="not a finished run folder"):
        read_results(tmp_path / "results.json")
