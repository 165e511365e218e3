import os
from pathlib import Path

import pytest

from fauxbench.harness.datasets.layouts.tree import scan
from fauxbench.harness.errors import InputError


def put(path: Path, text: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_names_with_spaces_and_unicode_are_listed_in_order_and_hidden_ones_are_not(tmp_path: Path) -> None:
    for name in ("b/ü 二.mp4", "a b/1.mp4", ".hidden/1.mp4", "b/._1.mp4"):
        put(tmp_path / name)
    tree = scan(tmp_path)
    assert list(tree.files) == ["a b/1.mp4", "b/ü 二.mp4"]
    assert tree.folders == ("a b", "b")
    assert tree.find("B/Ü 二.MP4") == "b/ü 二.mp4"
    assert not tree.findings


def test_links_are_followed_inside_and_found_outside(tmp_path: Path) -> None:
    put(tmp_path / "elsewhere" / "secret.mp4")
    root = tmp_path / "root"
    put(root / "real" / "1.mp4")
    (root / "inside").symlink_to("real")
    (root / "real" / "circle").symlink_to(root)
    (root / "outside").symlink_to(tmp_path / "elsewhere")
    (root / "file.mp4").symlink_to(tmp_path / "elsewhere" / "secret.mp4")
    (root / "sibling").symlink_to(tmp_path / "root2")
    put(tmp_path / "root2" / "1.mp4")
    (root / "nothing.mp4").symlink_to("gone")
    tree = scan(root)
    assert list(tree.files) == ["inside/1.mp4", "real/1.mp4"]
    found = [(finding.kind, finding.path) for finding in tree.findings]
    assert found == [
        ("missing", "nothing.mp4"),
        ("outside", "file.mp4"),
        ("outside", "outside"),
        ("outside", "sibling"),
    ]


def test_a_root_that_is_a_link_is_a_root(tmp_path: Path) -> None:
    put(tmp_path / "real" / "1.mp4")
    (tmp_path / "link").symlink_to("real")
    tree = scan(tmp_path / "link")
    assert (list(tree.files), tree.findings) == (["1.mp4"], ())


def test_a_name_that_is_not_utf8_is_a_finding(tmp_path: Path) -> None:
    put(tmp_path / "good.mp4")
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.mp4")).write_text("x")
    except OSError:
        pytest.skip("this file system takes UTF-8 alone")
    tree = scan(tmp_path)
    assert list(tree.files) == ["good.mp4"]
    assert [finding.kind for finding in tree.findings] == ["unreadable"]


def test_the_digest_changes_with_the_files_and_not_with_the_place(tmp_path: Path) -> None:
    put(tmp_path / "a" / "1.mp4")
    before = scan(tmp_path / "a").digest
    (tmp_path / "a").rename(tmp_path / "b")
    assert scan(tmp_path / "b").digest == before
    put(tmp_path / "b" / "1.mp4", "more")
    assert scan(tmp_path / "b").digest != before


def test_a_root_must_be_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found nothing there"):
        scan(tmp_path / "gone")
    with pytest.raises(InputError, match="found a file"):
        scan(put(tmp_path / "file"))
