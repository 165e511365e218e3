import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fauxbench.harness.canonical import canonical, digest_of, digest_of_bytes, digest_of_file

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
LEAF = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
VALUES = st.recursive(LEAF, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4))


@given(VALUES)
def test_canonical_json_says_the_value(value: object) -> None:
    assert json.loads(canonical(value)) == value


@given(st.dictionaries(TEXT, VALUES, max_size=5), st.randoms())
def test_the_order_of_keys_does_not_matter(value: dict[str, object], random: object) -> None:
    keys = list(value)
    random.shuffle(keys)  # type: ignore[attr-defined]
    assert canonical({key: value[key] for key in keys}) == canonical(value)


@given(st.lists(LEAF))
def test_tuples_and_mappings_are_lists_and_objects(values: list[object]) -> None:
    assert canonical(tuple(values)) == canonical(values)
    frozen: Mapping[str, object] = MappingProxyType({"a": tuple(values)})
    assert canonical([frozen]) == canonical([{"a": values}])


def test_the_form() -> None:
    value = {"b": [1, 2.0, 1e-7, True, None], "a": "ü\n\u2028"}
    assert canonical(value) == '{"a":"ü\\n\u2028","b":[1,2.0,1e-07,true,null]}'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [-float("inf")], {"a": float("nan")}])
def test_nan_and_infinity_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical(value)


@pytest.mark.parametrize("value", [object(), {1, 2}, Path("a"), b"a"])
def test_what_json_cannot_say_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="has no canonical JSON form"):
        canonical(value)


def test_digests(tmp_path: Path) -> None:
    assert digest_of({"a": 1}) == "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"
    (tmp_path / "a").write_bytes(b"abc")
    abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest_of_file(tmp_path / "a") == digest_of_bytes([b"a", b"", b"bc"]) == abc
