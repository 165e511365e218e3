from pathlib import Path

import pytest

from fauxbench.harness.datasets.studio_set import studio_from_key, studio_splits, write_studio
from fauxbench.harness.media.item import Modality, Split
from fauxbench.harness.media.mediaset import MediaSetWriter

SHARES = {"train": 0.5, "validation": 0.25, "test": 0.25}
KEY = {
    "people": 4,
    "per_person": 2,
    "clips": 0,
    "sounds": 0,
    "seconds": 1.0,
    "languages": ["en"],
    "height": 240,
    "size": 32,
    "seed": 3,
}


def made(folder: Path, **changed: object) -> list:
    asked = studio_from_key({**KEY, **changed})
    writer = MediaSetWriter(folder, name="studio", origin="studio", modality=asked.modality)
    return list(write_studio(writer, asked, shares=SHARES))


def test_splits_are_disjoint_in_identity_and_as_planned(tmp_path):
    items = made(tmp_path / "set")
    planned = studio_splits(4, SHARES, 3)
    assert len(items) == 8
    assert {item.clusters["identity"]: item.split for item in items} == planned
    assert set(planned.values()) == set(Split)
    assert all(item.facts["rendered"] and item.facts["factors"] for item in items)


def test_a_person_is_the_same_whoever_else_is_rendered(tmp_path):
    few = {item.id: item.content for item in made(tmp_path / "few", people=3)}
    many = {item.id: item.content for item in made(tmp_path / "many", people=4)}
    assert few.items() <= many.items()


def test_fewer_people_than_splits_have_none():
    assert studio_splits(2, SHARES, 0) == {}


def test_clips_and_sounds_carry_what_is_said(tmp_path):
    pytest.importorskip("espeakng_loader")
    items = made(tmp_path / "set", people=1, per_person=0, sounds=1, languages=["es"])
    assert [item.modality for item in items] == [Modality.AUDIO]
    assert items[0].language == "es"
    assert items[0].facts["transcript"]
