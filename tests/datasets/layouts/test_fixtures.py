import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fauxbench.harness.datasets.access import terms_of
from fauxbench.harness.datasets.fixture import SEAL, fixture_seal, write_fixture
from fauxbench.harness.datasets.fixture_layouts import LAYOUTS
from fauxbench.harness.datasets.layouts import dataset_card, dataset_cards
from fauxbench.harness.datasets.verify import verify
from fauxbench.harness.errors import InputError, RefusedError
from fauxbench.harness.media.item import Kind, Split


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_whole_fixture_is_clean_even_when_it_is_decoded(name: str, written: Callable[..., Any]) -> None:
    root, defects = written(name)
    report = verify(name, root, deep=True)
    assert (report.findings, defects) == ((), ())
    splits = {item.split for item in report.contents.items}
    assert splits == ({None} if name == "folder" else set(Split))
    assert all(item.clusters for item in report.contents.items)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_broken_fixture_gives_the_findings_that_it_says_and_no_others(name: str, written: Callable[..., Any]) -> None:
    root, defects = written(name, broken=True)
    shallow = Counter((d.finding, d.path) for d in defects if d.finding and not d.deep)
    deep = shallow + Counter((d.finding, d.path) for d in defects if d.finding and d.deep)
    assert Counter((f.kind, f.path) for f in verify(name, root).findings) == shallow
    report = verify(name, root, deep=True)
    assert Counter((f.kind, f.path) for f in report.findings) == deep
    assert report.contents.items, "the rest is read"
    assert all((root / item.path).is_file() for item in report.contents.items)
    assert json.loads(json.dumps(report.record()))["counts"] == dict(Counter(f.kind for f in report.findings))


@pytest.mark.parametrize("name", LAYOUTS)
def test_fakes_are_fake_and_know_their_reals(name: str, written: Callable[..., Any]) -> None:
    root, _ = written(name)
    items = {item.id: item for item in verify(name, root).contents.items}
    for item in items.values():
        fake = item.visual_fake or item.audio_fake
        assert fake == (item.kind is not Kind.REAL) == (item.group != name)
        for source in item.sources:
            assert not items[source].visual_fake
            assert items[source].clusters.get("identity") == item.clusters.get("identity")


def test_every_card_has_a_fixture_and_says_its_terms() -> None:
    assert set(dataset_cards()) == set(LAYOUTS)
    for card in dataset_cards().values():
        assert (card.access is None) == (card.name == "folder")
        assert card.people
        assert card.splits


def test_a_fixture_needs_no_terms_until_something_else_lies_in_it(tmp_path: Path, written: Callable[..., Any]) -> None:
    root, _ = written("lrs3")
    copy = tmp_path / "copy"
    shutil.copytree(root, copy, symlinks=True)
    card = dataset_card("lrs3")
    assert terms_of(card, copy).people == "rendered"
    (copy / "test" / "another.mp4").write_bytes(b"somebody real")
    assert fixture_seal(copy) is None
    with pytest.raises(RefusedError, match="not accepted, so it is not read"):
        terms_of(card, copy)
    (copy / SEAL).unlink()
    assert fixture_seal(copy) is None


def test_a_fixture_wants_a_new_folder_and_a_known_name(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    with pytest.raises(InputError, match="not empty"):
        write_fixture("lrs3", tmp_path)
    with pytest.raises(InputError, match="no data set 'celebdf'; did you mean 'celebdf-v"):
        write_fixture("celebdf", tmp_path / "new")
