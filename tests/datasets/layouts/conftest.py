"""Fixtures of data sets, each written once."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from fauxbench.harness.datasets.fixture import Defect, write_fixture
from fauxbench.harness.datasets.layouts import read_layout
from fauxbench.harness.datasets.layouts.reading import Contents, Options
from fauxbench.harness.datasets.layouts.tree import scan

Written = tuple[Path, tuple[Defect, ...]]


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Written]:
    """Return a function that writes a fixture, once; tests must not change it."""
    known: dict[tuple[str, bool], Written] = {}

    def write(name: str, *, broken: bool = False) -> Written:
        if (name, broken) not in known:
            root = tmp_path_factory.mktemp("sets") / f"{name} ü"
            known[name, broken] = root, write_fixture(name, root, broken=broken)
        return known[name, broken]

    return write


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Contents]:
    """Return a function that reads a data set made of names: path -> text, or None for a clip that nobody opens."""

    def make(name: str, files: Mapping[str, str | None], **options: object) -> Contents:
        root = tmp_path / "copy"
        for path, text in files.items():
            place = root / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text("clip" if text is None else text, encoding="utf-8")
        return read_layout(name, scan(root), Options.from_record(options))

    return make
