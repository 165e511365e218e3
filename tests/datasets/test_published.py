import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from fauxbench.harness.canonical import JSON
from fauxbench.harness.datasets.fixture import write_fixture
from fauxbench.harness.datasets.layouts.tree import scan
from fauxbench.harness.datasets.published import index_published, limited
from fauxbench.harness.errors import InputError
from fauxbench.harness.media.item import Item, Kind, Modality, Split
from fauxbench.harness.media.mediaset import MediaSet, MediaSetWriter
from fauxbench.harness.store.memory import Memory


def index(name: str, root: Path, out: Path, group: str | None = None, **more: JSON) -> MediaSet:
    key: Mapping[str, JSON] = {"dataset": name, "options": {}, "tree": scan(root).digest, "group": group, "code": "c"}
    writer = MediaSetWriter(
        out, name=f"{group}@{name}" if group else name, origin=name, modality=Modality.VIDEO, roots={"data": root}
    )
    return index_published(root, writer, {**key, **more}, Memory(out.parent / "m.sqlite"), lambda done, text: None)


def test_real_and_fakes_become_sets_that_refer_to_the_files(tmp_path: Path) -> None:
    root = tmp_path / "a copy ü"
    write_fixture("celebdf-v1", root)
    real = index("celebdf-v1", root, tmp_path / "real")
    fake = index("celebdf-v1", root, tmp_path / "fake", "celeb-synthesis")
    assert {item.kind for item in real} == {Kind.REAL}
    assert {item.group for item in fake} == {"celeb-synthesis@celebdf-v1"}
    assert all(item.visual_fake and item.location and item.location.is_relative_to(root) for item in fake)
    assert all(item.facts["seconds"] == pytest.approx(0.5) for item in real)
    assert not list((tmp_path / "real" / "media").iterdir())
    assert {source for item in fake for source in item.sources} <= {item.id for item in real}


def test_two_data_sets_with_the_same_ids_stay_apart(tmp_path: Path) -> None:
    sets = []
    for name in ("celebdf-v1", "celebdf-v2"):
        write_fixture(name, tmp_path / name)
        sets.append(index(name, tmp_path / name, tmp_path / "out" / name))
    first, second = ({item.id: item for item in one} for one in sets)
    both = set(first) & set(second)
    assert "Celeb-real/id1_0007.mp4" in both
    assert sets[0].digest != sets[1].digest
    for item_id in both:
        assert first[item_id].group != second[item_id].group
        assert first[item_id].location != second[item_id].location


def test_what_is_missing_empty_or_damaged_is_a_counted_failure_and_the_rest_is_there(tmp_path: Path) -> None:
    root = tmp_path / "copy"
    write_fixture("faceforensics", root, broken=True)
    fakes = index("faceforensics", root, tmp_path / "out", "deepfakes")
    failed = {Path(m.failure.request_id).name: (m.failure.kind, m.split) for m in fakes.missed}
    assert failed == {
        "000_003.mp4": ("missing", Split.TRAIN),
        "003_000.mp4": ("unreadable", Split.TRAIN),
        "071_054.mp4": ("unreadable", Split.TRAIN),
    }
    assert len(fakes) == 5


def test_a_copy_that_changed_since_the_plan_is_not_read(tmp_path: Path) -> None:
    root = tmp_path / "copy"
    write_fixture("celebdf-v2", root)
    before = scan(root).digest
    shutil.rmtree(root / "YouTube-real")
    with pytest.raises(InputError, match="changed since the run was planned"):
        index("celebdf-v2", root, tmp_path / "out", tree=before)


def test_a_limit_takes_the_same_items_whatever_else_is_there() -> None:
    items = [
        Item(id=f"{n}", modality=Modality.VIDEO, kind=Kind.REAL, group="g", split=Split.TEST if n % 2 else None)
        for n in range(40)
    ]
    few = limited(items, {Split.TEST: 5})
    assert sum(item.split is Split.TEST for item in few) == 5
    assert sum(item.split is None for item in few) == 20
    assert {i.id for i in limited(reversed(items), {Split.TEST: 5})} == {i.id for i in few}
    assert limited(items, {}) == tuple(items)
