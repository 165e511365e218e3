from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from fauxbench.harness.datasets.layouts import read_layout
from fauxbench.harness.datasets.layouts.reading import Contents, Options
from fauxbench.harness.datasets.layouts.tree import scan


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Contents]:
    """Return a function that reads a data set made of names: path -> text, or None for a file that nobody opens."""

    def make(name: str, files: Mapping[str, str | None], **options: object) -> Contents:
        for path, text in files.items():
            place = tmp_path / "copy" / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text("media" if text is None else text, encoding="utf-8")
        return read_layout(name, scan(tmp_path / "copy"), Options.from_record(options))

    return make
