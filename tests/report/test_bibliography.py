import re
import tomllib
from pathlib import Path
from types import ModuleType

import fauxbench
from fauxbench.harness.report.bibliography import SOURCE, bibliography, entries

ROOT = Path(fauxbench.__file__ or "").parent


def keys(text: str) -> list[str]:
    return re.findall(r"^@\w+\{([^,]+),", text, re.MULTILINE)


def test_exactly_what_the_run_cites(sample: ModuleType) -> None:
    text = bibliography(sample.results())
    assert keys(text) == [
        "heusel2017gans",
        "narasimhan2002vision",
        "radford2016unsupervised",
        "rother2004grabcut",
        "wang2004image",
    ]
    assert "keywords" not in text


def test_text_of_an_entry(sample: ModuleType) -> None:
    results = sample.results([], systems=(sample.system("dcgan@1"),))
    assert bibliography(results) == (
        "@inproceedings{radford2016unsupervised,\n"
        "  author        = {Radford, Alec and Metz, Luke and Chintala, Soumith},\n"
        "  title         = {Unsupervised Representation Learning with Deep Convolutional Generative Adversarial "
        "Networks},\n"
        "  booktitle     = {International Conference on Learning Representations},\n"
        "  year          = {2016},\n"
        "  eprint        = {1511.06434},\n"
        "  archiveprefix = {arXiv},\n"
        "}\n"
    )


def test_metric_without_a_value_is_not_cited(sample: ModuleType) -> None:
    rows = [sample.row("dcgan@1", "kid", None, reason="no", protocol={"metric": "kd 1"})]
    assert bibliography(sample.results(rows, systems=())) == ""
    rows = [sample.row("dcgan@1", "kid", 1.0, protocol={"metric": "kd 1"})]
    assert keys(bibliography(sample.results(rows, systems=()))) == ["binkowski2018demystifying"]


def test_every_entry_is_whole_and_its_parts_exist() -> None:
    assert len({entry.key for entry in entries()}) == len(entries()) == SOURCE.read_text().count("\n@") + 1
    metrics = set(tomllib.loads((ROOT / "harness/metrics/cards.toml").read_text()))
    generators = {path.parent.name for path in (ROOT / "generators").glob("*/card.toml")}
    known = {f"metric:{name}" for name in metrics} | {f"generator:{name}" for name in generators}
    for entry in entries():
        assert entry.cited_by <= known, entry.key
        assert entry.text.count("{") == entry.text.count("}"), entry.key
        assert all(f" {field} " in entry.text for field in ("author", "title", "year")), entry.key


def test_identifiers_of_generators_papers_are_those_of_their_cards() -> None:
    for path in (ROOT / "generators").glob("*/card.toml"):
        card = tomllib.loads(path.read_text())
        own = "".join(entry.text for entry in entries() if f"generator:{card['name']}" in entry.cited_by)
        for eprint in re.findall(r"eprint\s*= \{([^}]+)\}|doi\s*= \{([^}]+)\}", own):
            assert "".join(eprint) in card["reference"], (path, eprint)
