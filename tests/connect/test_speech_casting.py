"""Which speech lips are asked to fit, and what the item is that comes back."""

from pathlib import Path

import numpy as np
import pytest

from fauxbench.harness.cards import GeneratorCard
from fauxbench.harness.connect.requests import Asked, item_of, requests_for
from fauxbench.harness.contracts import Artifact, Output, Request
from fauxbench.harness.errors import InputError
from fauxbench.harness.media.content import ImageMedia, SoundMedia
from fauxbench.harness.media.item import Item, Kind, Modality, Split
from fauxbench.harness.media.mediaset import MediaSet, MediaSetWriter
from fauxbench.harness.registry import GENERATORS

SOUND = SoundMedia(sound=np.zeros(1600, np.float32))
CARD = GeneratorCard(
    name="x",
    version="1",
    title="",
    technique="t",
    kind="partially_synthetic",
    modality="video",
    uses=("target", "audio"),
)


def spoken(folder: Path, *rows: tuple[str, str, str, str], split: Split = Split.TEST, fake: bool = False) -> MediaSet:
    """A set of sounds: (id, person, language, sentence)."""
    writer = MediaSetWriter(folder, name="real", origin="test", modality=Modality.AUDIO)
    for name, person, language, sentence in rows:
        writer.add(
            Item(
                id=name,
                modality=Modality.AUDIO,
                kind=Kind.FULLY_SYNTHETIC if fake else Kind.REAL,
                audio_fake=fake,
                group="t",
                split=split,
                language=language,
                clusters={"identity": person, "speaker": f"voice of {person}", "sentence": sentence},
                facts={"transcript": f"words of {sentence}"},
            ),
            SOUND,
        )
    return writer.seal()


def asked(real: MediaSet, n: int, feeds: dict[str, MediaSet] | None = None) -> list[Asked]:
    return requests_for(CARD, {Split.TEST: n}, 0, real, Output(), feeds)


ROWS = [("a1", "a", "en", "s1"), ("a2", "a", "en", "s2"), ("b1", "b", "en", "s1"), ("c1", "c", "vi", "v1"),
        ("d1", "d", "vi", "v2"), ("e1", "e", "th", "t1")]  # fmt: skip


def test_own_voice_first_then_the_language_then_anybody(tmp_path: Path) -> None:
    pairs = {one.request.target.id: one.request.audio.id for one in asked(spoken(tmp_path / "r", *ROWS), 6)}
    assert pairs["a1"] == "a2"  # another sentence in the own voice
    assert pairs["a2"] == "a1"
    assert pairs["b1"] == "a2"  # nobody's own; s1 is what b says already
    assert (pairs["c1"], pairs["d1"]) == ("d1", "c1")  # the language
    assert pairs["e1"] != "e1"  # nobody else speaks Thai: anybody, but never the own sound


def test_nobody_is_given_what_they_say_already_and_equal_suites_give_equal_pairs(tmp_path: Path) -> None:
    real = spoken(tmp_path / "r", *ROWS)
    first, again = ([(o.request.target.id, o.request.audio.id) for o in asked(real, 24)] for _ in range(2))
    assert first == again
    assert all(target != audio for target, audio in first)


def test_one_sound_is_no_speech_for_itself_and_pictures_are_none(tmp_path: Path) -> None:
    (only,) = asked(spoken(tmp_path / "one", ROWS[0]), 1)
    assert only.request.audio is None  # the system answers with a counted failure
    writer = MediaSetWriter(tmp_path / "p", name="real", origin="test")
    picture = ImageMedia(pixels=np.zeros((4, 4, 3), np.uint8))
    writer.add(Item(id="p", modality=Modality.IMAGE, kind=Kind.REAL, group="t", split=Split.TEST), picture)
    with pytest.raises(InputError, match="holds no clips and no sounds"):
        asked(writer.seal(), 1)


@pytest.mark.parametrize("fake", [False, True])
def test_the_item_says_whose_words_and_voice_they_are(fake: bool, tmp_path: Path) -> None:
    real = spoken(tmp_path / "r", *ROWS)
    made = spoken(tmp_path / "m", ("m1", "nobody", "cmn", "n1"), fake=fake)
    (one, *_) = asked(real, 2, {"audio": made})
    assert one.request.audio.id == "m1"
    item = item_of(one, Artifact(request_id="r", media=SOUND), CARD, "x@1")
    assert (item.visual_fake, item.audio_fake) == (True, fake)
    assert (item.clusters["identity"], item.clusters["speaker"]) == ("a", "voice of nobody")
    assert (item.language, item.facts["transcript"], item.facts["audio"]) == ("cmn", "words of n1", "m1")
    assert item.sources == ("a1", "m1")


def of_another_language(real: MediaSet, n: int) -> dict[str, str | None]:
    card = GENERATORS.find("dub", Path()).card.with_parameters({"mouth": "foreign"})
    found = requests_for(card, {Split.TEST: n}, 0, real, Output())
    return {one.request.target.id: one.request.audio.id if one.request.audio else None for one in found}


def test_who_asks_for_another_language_is_given_no_other(tmp_path: Path) -> None:
    real = spoken(tmp_path / "r", *ROWS, ("a3", "a", "vi", "v3"))
    pairs = of_another_language(real, 7)
    assert (pairs["a1"], pairs["a2"], pairs["a3"]) == ("a3", "a3", "a1")  # in the own voice, where it speaks two
    languages = {item.id: item.language for item in real}
    assert all(audio and languages[audio] != languages[target] for target, audio in pairs.items())
    assert len({pairs[name] for name in ("b1", "c1", "d1", "e1")}) > 1  # everybody else's in turn
    assert pairs == of_another_language(real, 7)
    card = GENERATORS.find("dub", Path()).card
    assert {mouth: card.with_parameters({"mouth": mouth}).audio_language for mouth in ("moving", "foreign", "own")} == {
        "moving": "same", "foreign": "other", "own": "same"}  # fmt: skip


def test_where_one_language_is_spoken_there_is_no_sound_in_another(tmp_path: Path) -> None:
    alone = spoken(tmp_path / "r", *ROWS[:3])
    assert of_another_language(alone, 3) == {"a1": None, "a2": None, "b1": None}  # dub answers with counted failures
    assert all(one.request.audio for one in asked(alone, 3))


def test_targets_of_a_chain_take_the_place_of_real_ones(tmp_path: Path) -> None:
    real = spoken(tmp_path / "r", *ROWS)
    made = spoken(tmp_path / "m", ("m1", "x", "en", "n1"), ("m2", "y", "en", "n2"))
    targets = [one.request.target.id for one in asked(real, 4, {"target": made})]
    assert targets == ["m1", "m2", "m1", "m2"]


def test_a_system_that_is_not_given_speech_gets_none(tmp_path: Path) -> None:
    card = CARD.model_copy(update={"uses": ("target",)})
    (one,) = requests_for(card, {Split.TEST: 1}, 0, spoken(tmp_path / "r", *ROWS), Output())
    assert one.request.audio is None
    assert isinstance(one.request, Request)
