from pathlib import Path

import numpy as np
import pytest

from fauxbench.harness.cards import GeneratorCard
from fauxbench.harness.connect.requests import Asked, item_of, request_seed, requests_for
from fauxbench.harness.contracts import Artifact, Output, Request
from fauxbench.harness.errors import InputError, MediaError
from fauxbench.harness.media.content import ImageMedia
from fauxbench.harness.media.item import Item, Kind, Modality, Split
from fauxbench.harness.media.mediaset import MediaSet, MediaSetWriter

PIXELS = np.zeros((4, 4, 3), np.uint8)
COUNTS = {Split.TRAIN: 3, Split.VALIDATION: 0, Split.TEST: 5}


def card(kind: str = "fully_synthetic", *uses: str, modality: str = "image") -> GeneratorCard:
    record = {"name": "x", "version": "1", "title": "", "technique": "t", "kind": kind, "uses": uses}
    return GeneratorCard.model_validate({**record, "modality": modality})


@pytest.fixture
def real(tmp_path: Path) -> MediaSet:
    writer = MediaSetWriter(tmp_path / "real", name="real", origin="test")
    for split, number in ((Split.TRAIN, 2), (Split.TEST, 3)):
        for index in range(number):
            item = Item(
                id=f"{split}{index}",
                modality=Modality.IMAGE,
                kind=Kind.REAL,
                group="real",
                split=split,
                clusters={"identity": f"p{index}"},
            )
            writer.add(item, ImageMedia(pixels=PIXELS))
    return writer.seal()


def test_requests_are_in_order_and_have_seeds_of_their_own(real: MediaSet) -> None:
    asked = requests_for(card(), COUNTS, 7, real, Output(width=32))
    assert [(a.split, a.request.id) for a in asked] == [
        *((Split.TRAIN, f"train-{i:05d}") for i in range(3)),
        *((Split.TEST, f"test-{i:05d}") for i in range(5)),
    ]
    assert len({a.request.seed for a in asked}) == 8
    assert all(a.request.target is None and a.request.output == Output(width=32) for a in asked)
    again = requests_for(card("augmented_real", "target"), COUNTS, 7, real, Output())
    assert [a.request.seed for a in again] == [a.request.seed for a in asked]  # so that items pair
    assert request_seed(8, Split.TEST, 0) != request_seed(7, Split.TEST, 0)
    assert all(0 <= a.request.seed < 2**63 for a in asked)


def test_seeds_are_locked() -> None:
    assert request_seed(0, Split.TEST, 0) == 8597659618385908031


def test_targets_are_given_in_turn_and_from_their_own_split(real: MediaSet) -> None:
    asked = requests_for(card("augmented_real", "target"), COUNTS, 0, real, Output())
    targets = [a.request.target.id for a in asked if a.request.target]
    assert targets == ["train0", "train1", "train0", "test0", "test1", "test2", "test0", "test1"]


def test_nothing_to_alter_is_said(real: MediaSet) -> None:
    with pytest.raises(InputError, match="'x' has nothing to alter: no file of the validation split"):
        requests_for(card("augmented_real", "target"), {Split.VALIDATION: 1}, 0, real, Output())
    assert requests_for(card("augmented_real", "target"), {Split.VALIDATION: 0}, 0, real, Output()) == []


def answer(system: GeneratorCard, request: Request) -> Item:
    asked = Asked(request, Split.TEST)
    artifact = Artifact(request_id=request.id, media=ImageMedia(pixels=PIXELS), facts={"angle": 3})
    return item_of(asked, artifact, system, "x@1")


@pytest.mark.parametrize(
    ("kind", "modality", "visual", "audio"),
    [
        ("fully_synthetic", "image", True, False),
        ("partially_synthetic", "video", True, False),
        ("partially_synthetic", "audio", False, True),
        ("augmented_real", "image", False, False),
        ("augmented_real", "audio", False, False),
    ],
)
def test_what_is_fake_follows_from_kind_and_modality(kind: str, modality: str, *, visual: bool, audio: bool) -> None:
    item = answer(card(kind, modality=modality), Request(id="1", seed=2))
    assert (item.kind, item.modality, item.visual_fake, item.audio_fake) == (kind, modality, visual, audio)
    assert (item.group, item.split, item.seed, item.facts) == ("x@1", Split.TEST, 2, {"angle": 3})
    assert item.cluster == "1"  # a fully synthetic sample is its own cluster


def test_clusters_and_sources_follow_from_the_request(real: MediaSet) -> None:
    target, other = real.items[0], real.items[1]
    request = Request(id="1", seed=0, target=target, references=(other,), driver=other, attributes={"smile": 0.5})
    item = answer(card("partially_synthetic"), request)
    assert item.sources == (target.id, other.id, other.id)
    assert item.clusters == {"identity": "p0", "source_identity": "p1", "driver_identity": "p1"}
    assert item.facts["attributes"] == {"smile": 0.5}


@pytest.mark.parametrize("facts", [5, None, [1], "x"])
def test_facts_that_are_no_mapping(facts: object) -> None:
    asked = Asked(Request(id="1", seed=0), Split.TEST)
    artifact = Artifact(request_id="1", media=ImageMedia(pixels=PIXELS), facts=facts)  # type: ignore[arg-type]
    with pytest.raises(MediaError, match="facts: expected a mapping"):
        item_of(asked, artifact, card(), "x@1")
