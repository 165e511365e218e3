from pathlib import Path

import pytest

from fauxbench.harness.errors import SuiteError
from fauxbench.harness.instruments import OPTIONS
from fauxbench.harness.suite import SUITES, Splits, Suite, find_suite, read_suite, suite_digest

BASE = "suite: s\ndata: {dataset: studio}\ngenerators: [dcgan]\n"


def suite(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def data(text: str) -> str:
    return f"suite: s\ndata: {{{text}}}\ngenerators: [dcgan]\n"


def generator(text: str) -> str:
    return f"suite: s\ndata: {{dataset: studio}}\ngenerators:\n  - dcgan\n  - {{{text}}}\n"


# what is wrong -> (the file, the line that must be named, what must be said)
WRONG: dict[str, tuple[str | bytes, int | None, str]] = {
    "an unknown key": (BASE + "metrcs: [fd]\n", 4, "unknown key 'metrcs'; did you mean 'metrics'?; legal: condit"),
    "an unknown key in data": (
        data("dataset: studio, peple: 9"),
        2,
        "unknown key 'data.peple'; did you mean 'people'?",
    ),
    "an unknown key in splits": (
        "suite: s\ndata:\n  dataset: studio\n  splits: {train: 1, tst: 0}\ngenerators: [dcgan]\n",
        4,
        "unknown key 'data.splits.tst'; did you mean 'test'?; legal: test, train, validation",
    ),
    "an unknown key in terms": (
        data("dataset: folder, path: x, terms: {permit: [train]}"),
        2,
        "unknown key 'data.terms.permit'; did you mean 'permits'?; legal: grant, people, permits",
    ),
    "an unknown key in a generator": (generator("use: dcgan, sed: 1"), 5, "unknown key 'generators.1.sed'; did you me"),
    "an unknown key in a detector": (BASE + "detectors:\n  - {use: cnn, sead: 1}\n", 5, "'detectors.0.sead'; did you"),
    "an unknown key in n": (BASE + "n: {tests: 9}\n", 4, "unknown key 'n.tests'; did you mean 'test'?"),
    "a key that is a number": (BASE + "1: 2\n", 4, "Keys should be strings; found 1"),
    "a key that is a list": ("? [a]\n: b\n" + BASE, 1, "expected a word as key, found ['a']"),
    "a key that is a mapping": ("? {a: b}\n: c\n", 1, "expected a word as key"),
    "a key twice": (BASE + "suite: other\n", 4, "key 'suite' is given twice (first in line 1)"),
    "a key twice further down": (data("dataset: studio, people: 3, people: 4"), 2, "key 'people' is given twice"),
    "a merge key": ("data: &x {dataset: studio}\nn:\n  <<: *x\nsuite: s\ngenerators: [a]\n", 3, "unknown key 'n.<<'"),
    "a word for a number": (data("dataset: studio, people: many"), 2, "data.people: Input should be a valid integer"),
    "half a person": (data("dataset: studio, people: 4.5"), 2, "data.people: Input should be a valid integer"),
    "too few people": (
        data("dataset: studio, people: 2"),
        2,
        "data.people: Input should be greater than or equal to 3",
    ),
    "another way to resize": (BASE + "resize: area\n", 4, "resize: Input should be 'clean', 'pytorch-fid' or 'tf1'"),
    "another precision": (BASE + "precision: fp16\n", 4, "precision: Input should be 'fp32' or 'bf16'; found 'fp16'"),
    "a word for a list": (BASE + "metrics: fd\n", 4, "metrics: expected a list; found 'fd'"),
    "a number for a mapping": (BASE + "n: 5\n", 4, "n: expected a mapping; found 5"),
    "nothing for a mapping": ("suite: s\ndata:\ngenerators: [dcgan]\n", 2, "data: expected a mapping; found None"),
    "a mapping in train_on": (BASE + "train_on: [{a: b}]\n", 4, "train_on.0: Input should be a valid string"),
    "nothing for a generator": ("suite: s\ndata: {dataset: studio}\ngenerators: [null]\n", 3, "generators.0: expected"),
    "no generators": (
        "suite: s\ndata: {dataset: studio}\ngenerators: []\n",
        3,
        "generators: expected at least one ent",
    ),
    "no suite": ("data: {dataset: studio}\ngenerators: [dcgan]\n", None, "key 'suite' is missing"),
    "no data": ("suite: s\ngenerators: [dcgan]\n", None, "key 'data' is missing"),
    "a name with a space": ("suite: My suite\ndata: {dataset: studio}\ngenerators: [a]\n", 1, "found 'My suite'"),
    "a version with a point": (BASE + "version: 1.10\n", 4, "needs quotes, because 1.10 is read as 1.1; found 1.1"),
    "a system's version with a point": (generator("use: dcgan, version: 1.10"), 5, "version: a version with a point n"),
    "a version that is true": (BASE + "version: yes\n", 4, "version: Input should be a valid string; found True"),
    "a version that is a date": (BASE + "version: 2026-01-02\n", 4, "version: Input should be a valid string"),
    "splits over one": (
        data("dataset: studio, splits: {train: 0.6, validation: 0.3, test: 0.3}"),
        2,
        "train, validation and test must add up to 1, found 1.2",
    ),
    "a negative split": (
        data("dataset: studio, splits: {train: -0.5, test: 1.3}"),
        2,
        "data.splits.train: Input should",
    ),
    "a split of NaN": (data("dataset: studio, splits: {train: .nan}"), 2, "data.splits.train"),
    "an unknown dataset": (data("dataset: foldr"), 2, "data.dataset: no data set 'foldr'; did you mean 'folder'?"),
    "a folder without a path": (data("dataset: folder"), 2, "dataset 'folder' needs a path"),
    "a studio with a path": (data("dataset: studio, path: x"), 2, "dataset 'studio' takes no path"),
    "a folder with people": (data("dataset: folder, path: x, people: 9"), 2, "dataset 'folder' takes no people"),
    "an unknown permission": (data("dataset: folder, path: x, terms: {permits: [trian]}"), 2, "'evaluate', 'train'"),
    "permits without a grant": (
        data("dataset: folder, path: x, terms: {permits: [train]}"),
        2,
        "data.terms: permits train, but 'grant' does not say who allowed it",
    ),
    "unknown people": (data("dataset: folder, path: x, terms: {people: dead}"), 2, "'real', 'rendered' or 'none'"),
    "seeds twice": (generator("use: dcgan, seeds: [1, 1]"), 5, "seeds must differ, found [1, 1]"),
    "no seeds": (generator("use: dcgan, seeds: []"), 5, "seeds: expected at least one entry"),
    "a negative seed": (generator("use: dcgan, seeds: [-1]"), 5, "greater than or equal to 0; found -1"),
    "no end of time": (generator("use: dcgan, time_limit: .inf"), 5, "time_limit: Input should be a finite number"),
    "no time": (generator("use: dcgan, time_limit: 0"), 5, "time_limit: Input should be greater than 0"),
    "folder without what it needs": (generator("use: folder, path: x"), 5, "use 'folder' needs name, version, kind"),
    "path without folder": (generator("use: dcgan, path: x"), 5, "path: only for use 'folder'"),
    "one test item": (BASE + "n: {test: 1}\n", 4, "n.test: Input should be greater than or equal to 2; found 1"),
    "a metric twice": (BASE + "metrics: [fd, kd, fd]\n", 4, "metrics: fd is given twice"),
    "an instrument twice": (BASE + "instruments: [spectrum, spectrum]\n", 4, "instruments: spectrum is given twice"),
    "a train set twice": (BASE + "train_on: [dcgan@1, all, dcgan@1]\n", 4, "train_on: dcgan@1 is given twice"),
    "an empty train set": (BASE + "train_on: [[]]\n", 4, "train_on: found an empty entry"),
    "not YAML": ("a: [\n", 2, "not YAML: expected the node content"),
    "tabs": ("a:\n\tb: 1\n", 2, "not YAML: found character '\\t'"),
    "two documents": (BASE + "---\n" + BASE, 4, "not YAML: but found another document"),
    "a Python object": (
        "suite: !!python/object/apply:os.system [ls]\n",
        1,
        "not YAML: could not determine a construct",
    ),
    "itself": ("a: &a [*a]\n", 1, "not YAML: found unconstructable recursive node"),
    "too deep": ("[" * 5000, None, "nested too deeply"),
    "a list": ("- a\n", None, "expected a mapping with the keys suite, data, generators; found ['a']"),
    "a word": ("hello", None, "expected a mapping with the keys suite, data, generators; found 'hello'"),
    "empty": ("", None, "expected a mapping with the keys suite, data, generators; found None"),
    "only remarks": ("# nothing\n", None, "expected a mapping"),
    "binary": (b"\x89PNG\r\n\x1a\n\xff\xfe", None, "cannot be read: 'utf-8' codec"),
    "UTF-16": (BASE.encode("utf-16"), None, "cannot be read"),
    "a zero byte": ("suite: a\0b\n", None, "not YAML: unacceptable character #x0000"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_suite_is_one_message_with_file_line_and_key(case: str, tmp_path: Path) -> None:
    text, line, words = WRONG[case]
    path = suite(tmp_path, text)
    with pytest.raises(SuiteError) as caught:
        read_suite(path)
    message = str(caught.value)
    assert words in message
    assert message.startswith(f"{path}, line {line}: " if line else str(path)), message
    assert "function-before" not in message
    assert "Tuple" not in message


def test_an_error_inside_an_entry_is_not_said_of_the_list_too(tmp_path: Path) -> None:
    for text in (generator("use: dcgan, sed: 1"), "suite: s\ndata: {dataset: studio}\ngenerators: [null]\n"):
        with pytest.raises(SuiteError) as caught:
            read_suite(suite(tmp_path, text))
        assert len(str(caught.value).splitlines()) == 1, caught.value


def test_every_finding_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(SuiteError) as caught:
        read_suite(suite(tmp_path, BASE + "metrcs: [fd]\nn: {test: 1}\n"))
    assert [line.split(": ")[0].rpartition(" ")[2] for line in str(caught.value).splitlines()] == ["5", "4"]


@pytest.mark.parametrize(
    "text",
    [
        BASE,
        "\ufeff" + BASE,
        BASE.replace("\n", "\r\n"),
        BASE + "version: 2\n",
        BASE + 'version: "1.10"\n',
        "---\n" + BASE,
    ],
)
def test_a_right_suite_is_read(text: str, tmp_path: Path) -> None:
    found = read_suite(suite(tmp_path, text))
    assert found.suite == "s"
    assert [system.use for system in found.generators] == ["dcgan"]


def test_versions_may_be_numbers_or_texts(tmp_path: Path) -> None:
    found = read_suite(suite(tmp_path, generator("use: dcgan, version: 2") + "version: '1.10'\n"))
    assert (found.version, found.generators[1].version) == ("1.10", "2")


def test_the_protocol_is_what_instruments_know(tmp_path: Path) -> None:
    assert read_suite(suite(tmp_path, BASE + "resize: tf1\n")).protocol == {"resize": "tf1"}
    for option, legal in OPTIONS["inception-2015"].items():
        for value in legal:
            assert read_suite(suite(tmp_path, BASE + f"{option}: {value}\n")).protocol == {option: value}


def test_the_digest_is_over_what_it_says(tmp_path: Path) -> None:
    plain = suite_digest(read_suite(suite(tmp_path, BASE)))
    same = "# a remark\ngenerators:\n- use: dcgan\n  seeds: [0]\ndata:\n  dataset: studio\nsuite: 's'\nversion: 1\n"
    assert suite_digest(read_suite(suite(tmp_path, same))) == plain
    assert suite_digest(read_suite(suite(tmp_path, BASE + "seed: 1\n"))) != plain


def test_a_suite_survives_json() -> None:
    for path in sorted(SUITES.glob("*.yaml")):
        found = read_suite(path)
        assert Suite.model_validate(found.model_dump(mode="json")) == found
        assert found.suite == path.stem


def test_shares_add_up_in_floats() -> None:
    assert Splits(train=0.1, validation=0.2, test=0.7).test == 0.7
    assert Splits(train=1 / 3, validation=1 / 3, test=1 / 3).train == 1 / 3


def test_suites_are_found_by_name_and_by_path(tmp_path: Path) -> None:
    assert find_suite("quick") == SUITES / "quick.yaml"
    assert find_suite(str(suite(tmp_path, BASE))) == tmp_path / "mine.yaml"
    with pytest.raises(SuiteError, match=r"unknown suite 'quik'; did you mean 'quick'\?; known: .*\.yaml file"):
        find_suite("quik")
    with pytest.raises(SuiteError, match=r"no such suite file: .*gone\.yaml"):
        find_suite(str(tmp_path / "gone.yaml"))
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(SuiteError, match="no such suite file"):
        find_suite(str(tmp_path / "folder.yaml"))
    with pytest.raises(SuiteError, match="cannot be read"):
        read_suite(tmp_path / "folder.yaml")
