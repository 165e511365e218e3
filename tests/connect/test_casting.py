from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fauxbench.harness.cards import GeneratorCard
from fauxbench.harness.connect.casting import REFERENCES, halves, subjects
from fauxbench.harness.connect.requests import Asked, item_of, requests_for
from fauxbench.harness.contracts import Artifact, Output, Request
from fauxbench.harness.errors import InputError
from fauxbench.harness.media.content import ImageMedia, SoundMedia
from fauxbench.harness.media.item import Item, Kind, Modality, Split
from fauxbench.harness.media.mediaset import MediaSet, MediaSetWriter

PIXELS = np.zeros((4, 4, 3), np.uint8)


def card(*uses: str, **more: object) -> GeneratorCard:
    record = {"name": "x", "version": "1", "title": "", "technique": "t", "kind": "partially_synthetic", "uses": uses}
    return GeneratorCard.model_validate({**record, **more})


SWAP = card("target", "references")
PUPPET = card("target", "driver")


@pytest.fixture
def people(tmp_path: Path) -> Callable[..., MediaSet]:
    def make(each: int = 4, test: int = 5, train: int = 3) -> MediaSet:
        writer = MediaSetWriter(tmp_path / "real", name="real", origin="test")
        for split, number in ((Split.TRAIN, train), (Split.TEST, test)):
            for person in range(number):
                for index in range(each):
                    writer.add(
                        Item(
                            id=f"{split}{person}/{index}",
                            modality=Modality.IMAGE,
                            kind=Kind.REAL,
                            group="real",
                            split=split,
                            clusters={"identity": f"{split}{person}"},
                        ),
                        ImageMedia(pixels=PIXELS),
                    )
        return writer.seal()

    return make


def asked_of(system: GeneratorCard, real: MediaSet, n: int, seed: int = 0) -> list[Request]:
    return [asked.request for asked in requests_for(system, {Split.TEST: n}, seed, real, Output())]


def test_a_source_is_somebody_else_of_the_split_and_no_target_is_a_reference(people) -> None:
    real = people()
    requests = asked_of(SWAP, real, 30)
    given = {item.id for request in requests for item in request.references}
    for request in requests:
        assert len({item.cluster for item in request.references}) == 1
        assert request.references[0].cluster != request.target.cluster
        assert request.references[0].cluster.startswith("test")
        assert request.target.id not in given
    pairs = Counter((r.target.id, r.references[0].cluster) for r in requests)
    assert max(pairs.values()) == 1  # 10 targets, 3 rounds: another source in each
    sources = Counter(r.references[0].cluster for r in requests)
    assert set(sources.values()) == {6}  # everybody equally often
    of_one = [r.references[0].cluster for r in requests[:2]]
    assert of_one[0] != of_one[1]  # two pictures of one person, two sources


def test_who_is_paired_follows_from_the_seed(people) -> None:
    real = people()

    def pairs(seed: int) -> list[str]:
        return [r.references[0].cluster for r in asked_of(SWAP, real, 10, seed)]

    assert pairs(0) == pairs(0)
    assert any(pairs(0) != pairs(seed) for seed in range(1, 5))


def test_a_request_carries_a_few_references_and_training_all(people) -> None:
    real = people(each=2 * REFERENCES + 4)
    assert len(asked_of(SWAP, real, 1)[0].references) == REFERENCES
    learned = subjects(SWAP, real, [Split.TEST])
    assert learned.people == tuple(f"test{i}" for i in range(5))
    assert len(learned.references) == 5 * (REFERENCES + 2)
    targets = {r.target.id for r in asked_of(SWAP, real, 200)}
    assert not targets & {item.id for item in learned.references}
    assert {r.references[0].cluster for r in asked_of(SWAP, real, 200)} <= set(learned.people)
    assert subjects(PUPPET, real, [Split.TEST]) == ((), ())


def test_an_only_item_is_a_target(people) -> None:
    items = people(each=1).select(Split.TEST)
    assert halves(items).targets == items
    assert halves(items).references == {}


def test_a_driver_is_somebody_else(people) -> None:
    requests = asked_of(PUPPET, people(), 40)
    assert all(r.driver.cluster != r.target.cluster for r in requests)
    assert len({r.driver.id for r in requests}) > 10
    assert len({(r.target.id, r.driver.cluster) for r in requests}) == 40  # 20 targets, 2 rounds


def test_driver_and_source_are_two_people(people) -> None:
    both = card("target", "references", "driver")
    assert all(r.driver.cluster != r.references[0].cluster for r in asked_of(both, people(), 10))


@pytest.mark.parametrize("system", [SWAP, PUPPET], ids=["references", "driver"])
def test_one_person_is_too_few(people, system: GeneratorCard) -> None:
    with pytest.raises(InputError, match=r"needs two people .* in the test split, found 1"):
        asked_of(system, people(test=1), 2)


def test_attributes_are_asked_in_turn_and_differ_from_round_to_round(people) -> None:
    system = card("target", "attributes", attributes={"smile": [-1, 1], "age": [-1, 1], "anger": [1]})
    requests = asked_of(system, people(), 60)
    assert all(len(r.attributes) == 1 for r in requests)
    counts = Counter(next(iter(r.attributes.items())) for r in requests)
    assert set(counts) == {("smile", -1), ("smile", 1), ("age", -1), ("age", 1), ("anger", 1)}
    assert min(counts.values()) >= 9
    of_one = [next(iter(r.attributes)) for r in requests if r.target.id == "test0/0"]
    assert sorted(of_one) == ["age", "anger", "smile"]


def test_an_item_says_who_played_which_part(people) -> None:
    (request,) = asked_of(card("target", "references", "driver"), people(), 1)
    artifact = Artifact(request_id=request.id, media=ImageMedia(pixels=PIXELS))
    made = item_of(Asked(request, Split.TEST), artifact, SWAP, "x@1")
    assert made.sources[0] == request.target.id
    assert made.clusters["source_identity"] == request.references[0].cluster != made.clusters["identity"]
    assert made.clusters["driver_identity"] == request.driver.cluster
    assert made.facts["references"] == [item.id for item in request.references]
    assert made.facts["driver"] == request.driver.id


def test_a_small_edit_is_augmented_real_and_says_so(people) -> None:
    small = {"small_edit": {"parameter": "strength", "at_most": 0.3}}
    editor = card("target", "attributes", attributes={"smile": [1]}, **small)
    assert editor.with_parameters({"strength": 1.0}).kind == "partially_synthetic"
    mild = editor.with_parameters({"strength": 0.3})
    assert mild.kind == "augmented_real"
    (request,) = asked_of(mild, people(), 1)
    made = item_of(
        Asked(request, Split.TEST), Artifact(request_id=request.id, media=ImageMedia(pixels=PIXELS)), mild, "x@1"
    )
    assert (made.visual_fake, made.facts["small_edit"]) == (False, True)


@pytest.fixture
def speakers(tmp_path: Path) -> Callable[..., MediaSet]:
    def make(languages: tuple[str, ...] = ("en", "cmn", "th"), people: int = 3, *, every: bool = True) -> MediaSet:
        writer = MediaSetWriter(tmp_path / "said", name="said", origin="test", modality=Modality.AUDIO)
        for person in range(people):
            for code in languages if every else (languages[person % len(languages)],):
                for index in range(4):
                    facts = {"transcript": f"{code} {person} {index}" if index != 3 else ""}
                    item = Item(
                        id=f"p{person}/{code}-{index}",
                        modality=Modality.AUDIO,
                        kind=Kind.REAL,
                        group="said",
                        split=Split.TEST,
                        language=code,
                        clusters={"identity": f"p{person}", "speaker": f"voice-{code}-{person}"},
                        facts=facts,
                    )
                    sound = np.random.default_rng(0).normal(0, 0.1, 1600).astype(np.float32)
                    writer.add(item, SoundMedia(sound=sound))
        return writer.seal()

    return make


def test_a_clone_is_given_the_source_in_the_target_s_language(speakers) -> None:
    for request in asked_of(SWAP, speakers(), 18):
        assert {item.language for item in request.references} == {request.target.language}
        assert request.references[0].cluster != request.target.cluster
        assert (request.text, request.language) == (None, None)
    alone = asked_of(SWAP, speakers(("en", "cmn"), every=False), 6)  # nobody else speaks it: what there is
    assert any(request.references[0].language != request.target.language for request in alone)


def test_texts_are_what_others_of_the_split_say_with_their_language(speakers) -> None:
    requests = asked_of(card("text", modality="audio"), speakers(), 40)
    assert all(request.text.startswith(f"{request.language} ") for request in requests)
    assert {request.language for request in requests} == {"en", "cmn", "th"}
    assert all(request.target is None and request.references == () for request in requests)


def test_a_text_beside_a_voice_is_in_another_language_each_pair_in_turn(speakers) -> None:
    system = card("references", "text", modality="audio")
    requests = asked_of(system, speakers(), 12)
    pairs = Counter((request.references[0].language, request.language) for request in requests)
    assert set(pairs.values()) == {2}
    assert len(pairs) == 6
    said = {item.facts["transcript"] for request in requests for item in request.references}
    assert not said & {request.text for request in requests}
    whole = Counter(
        (r.references[0].cluster, r.references[0].language, r.language) for r in asked_of(system, speakers(), 18)
    )
    assert len(whole) == 18  # three people, six pairs
    made = item_of(
        Asked(requests[0], Split.TEST), Artifact(request_id="x", media=SoundMedia(sound=None)), system, "x@1"
    )
    person = requests[0].references[0].cluster
    assert (
        (made.cluster, made.clusters["source_identity"])
        == (person, person)
        == (Asked(requests[0], Split.TEST).cluster,) * 2
    )
    assert (made.language, made.facts["text"]) == (requests[0].language, requests[0].text)
    assert made.facts["from_language"] == requests[0].references[0].language


def test_an_altered_sound_keeps_its_language(speakers) -> None:
    request = asked_of(SWAP, speakers(), 4)[3]
    made = item_of(Asked(request, Split.TEST), Artifact(request_id="x", media=SoundMedia(sound=None)), SWAP, "x@1")
    assert made.language == request.target.language is not None


def test_a_set_in_which_nothing_is_said_is_refused(people) -> None:
    with pytest.raises(InputError, match="no item of the test split has a `transcript`"):
        asked_of(card("text"), people(), 1)
