"""Chains, and what is made of pictures, clips and sounds."""

from pathlib import Path

import numpy as np
import pytest

from fauxbench.harness.conditions.apply import apply_chain
from fauxbench.harness.conditions.chain import NAMED, Chain, chain_of
from fauxbench.harness.conditions.change import EmptyCellError
from fauxbench.harness.conditions.table import CHANGES, Condition
from fauxbench.harness.errors import InputError, MediaError
from fauxbench.harness.media.content import FileMedia, ImageMedia, SoundMedia, VideoMedia
from fauxbench.harness.media.encode import write_media
from fauxbench.harness.media.item import Item, Kind, Modality
from fauxbench.harness.media.read import content_of, read_frames, read_sound

FPS, SECONDS = 25, 2


def frames():
    y, x = np.mgrid[0:48, 0:64]
    for k in range(FPS * SECONDS):
        level = 120 + 60 * np.sin((x + k) / 5) * np.cos(y / 7)
        yield np.repeat(level[:, :, None], 3, axis=2).astype(np.uint8)


def item(folder: Path, media: object, modality: Modality, name: str) -> Item:
    path, content, _ = write_media(folder, name, media)
    return Item(id=name, modality=modality, kind=Kind.REAL, group="x", content=content, location=path)


@pytest.fixture(scope="module")
def items(tmp_path_factory) -> dict[str, Item]:
    folder = tmp_path_factory.mktemp("media")
    sound = (0.2 * np.sin(np.arange(16_000 * SECONDS) / 15)).astype(np.float32)
    return {
        "picture": item(folder, ImageMedia(pixels=next(frames())), Modality.IMAGE, "picture"),
        "clip": item(folder, VideoMedia(frames=frames, fps=FPS, sound=sound), Modality.VIDEO, "clip"),
        "mute": item(folder, VideoMedia(frames=frames, fps=FPS), Modality.VIDEO, "mute"),
        "sound": item(folder, SoundMedia(sound=sound), Modality.AUDIO, "sound"),
    }


def changed(chain: Chain, one: Item, folder: Path, seed: int = 0):
    (folder / one.id).mkdir(exist_ok=True)
    return apply_chain(chain, one, seed, folder / one.id)


def seen(media: FileMedia) -> np.ndarray:
    return np.stack(list(read_frames(media.path))).astype(float)


@pytest.mark.parametrize("name", ["h264", "h265", "vp9", "av1"])
def test_codecs_lose_more_at_higher_severity_and_keep_time_and_sound(name: str, items, tmp_path: Path) -> None:
    clean = np.stack(list(read_frames(items["clip"].location))).astype(float)
    errors = []
    for severity in (1, 5):
        made = changed(chain_of(name, severity, Modality.VIDEO), items["clip"], tmp_path)
        assert seen(made.media).shape == clean.shape
        errors.append(np.abs(seen(made.media) - clean).mean())
        sound, before = read_sound(made.media.path), read_sound(items["clip"].location)
        length = min(len(sound), len(before))
        assert np.abs(sound[:length] - before[:length]).max() < 1e-3
    assert errors[0] < errors[1]


def test_a_frame_of_a_clip_is_changed_as_a_picture_is_but_noise_moves(items, tmp_path: Path) -> None:
    blur = Condition(name="contrast", parameters={"factor": 0.3})
    made = seen(changed(Chain(name="x", steps=(blur,)), items["mute"], tmp_path).media)
    wanted = blur.apply(next(read_frames(items["mute"].location)), np.random.default_rng(0))[0]
    assert np.abs(made[0] - wanted).mean() < 2.0
    noise = Chain(name="x", steps=(Condition(name="noise", parameters={"deviation": 30.0}),))
    rest = seen(changed(noise, items["mute"], tmp_path).media) - np.stack(list(read_frames(items["mute"].location)))
    assert abs(np.corrcoef(rest[0].ravel(), rest[1].ravel())[0, 1]) < 0.2


def test_the_record_repeats_what_was_done_and_the_seed_decides_it(items, tmp_path: Path) -> None:
    chain = Chain(name="x", steps=(Condition(name="blur"), Condition(name="jpeg", severity=4)))
    first, again, other = (changed(chain, items["picture"], tmp_path, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.media.pixels, again.media.pixels)
    assert first.applied == again.applied != other.applied
    held = Chain.from_record(first.applied)
    assert np.array_equal(changed(held, items["picture"], tmp_path, 9).media.pixels, first.media.pixels)
    assert [step["name"] for step in first.applied] == ["blur", "jpeg"]


def test_lengths_and_rates_are_cut_and_never_made_up(items, tmp_path: Path) -> None:
    short = changed(chain_of("length", 5, Modality.VIDEO, {"seconds": 0.8}), items["clip"], tmp_path)
    assert content_of(short.media.path, Modality.VIDEO)[1]["seconds"] == pytest.approx(0.8)
    assert len(read_sound(short.media.path)) / 16_000 == pytest.approx(0.8, abs=0.05)
    slow = changed(chain_of("frame_rate", 5, Modality.VIDEO), items["clip"], tmp_path)
    facts = content_of(slow.media.path, Modality.VIDEO)[1]
    assert (facts["fps"], facts["seconds"]) == (5.0, SECONDS)
    for name, one, message in (
        ("length", "clip", "2.00 s are not 15 s"),
        ("length", "sound", "2.00 s are not 15 s"),
        ("height", "clip", "64 x 48 pixels are not up-scaled to 240p"),
        ("opus", "mute", "a clip without sound"),
    ):
        with pytest.raises(EmptyCellError, match=f"{one}: .*{message}"):
            changed(chain_of(name, 5, items[one].modality), items[one], tmp_path)
    with pytest.raises(EmptyCellError, match="25 frames a second are not raised to 50"):
        changed(chain_of("frame_rate", 1, Modality.VIDEO, {"fps": 50}), items["clip"], tmp_path)


def test_lost_frames_show_the_one_before(items, tmp_path: Path) -> None:
    made = seen(changed(chain_of("dropped_frames", 5, Modality.VIDEO), items["mute"], tmp_path).media)
    still = (np.abs(np.diff(made, axis=0)).mean(axis=(1, 2, 3)) < 0.5).mean()
    assert len(made) == FPS * SECONDS
    assert 0.4 < still < 0.8


@pytest.mark.parametrize(("one", "codec"), [("picture", "jpeg"), ("clip", "h264"), ("sound", "opus")])
def test_a_social_network_makes_smaller_and_encodes_twice(one: str, codec: str, items, tmp_path: Path) -> None:
    made = changed(chain_of("social", 5, items[one].modality), items[one], tmp_path)
    assert [step["name"] for step in made.applied].count(codec) == 2
    if one != "sound":
        first = made.media.pixels if one == "picture" else next(read_frames(made.media.path))
        assert first.shape == (16, 22, 3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("hh264", 3, Modality.VIDEO), "did you mean 'h264'"),
        (("scoial", 3, Modality.VIDEO), "did you mean 'social'"),
        (("social", 6, Modality.VIDEO), "severity 6; legal: 1 to 5"),
        (("h264", 6, Modality.VIDEO), "severity 6; legal: 1 to 5"),
        (("mp3", 3, Modality.IMAGE), "mp3 changes sounds and clips, and these are pictures"),
        (("h264", 3, Modality.AUDIO), "h264 changes clips, and these are sounds"),
        (("social", 3, Modality.VIDEO, {"crf": 3}), "takes no parameters"),
    ],
)
def test_wrong_conditions_are_refused(given, message: str) -> None:
    with pytest.raises(InputError, match=message):
        chain_of(*given)


def test_a_chain_that_mixes_is_for_clips_alone(items, tmp_path: Path) -> None:
    mixed = Chain(name="mixed", steps=(Condition(name="jpeg"), Condition(name="mp3")))
    assert mixed.media == (Modality.VIDEO,)
    with pytest.raises(InputError, match="condition mp3 in 'mixed' changes sounds and clips, and these are pictures"):
        changed(mixed, items["picture"], tmp_path)
    assert seen(changed(mixed, items["clip"], tmp_path).media).shape[0] == FPS * SECONDS


def test_a_file_that_is_gone_or_empty_is_one_failure(items, tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").write_bytes(b"")
    for location in (None, tmp_path / "empty.mp4"):
        gone = Item(id="gone", modality=Modality.VIDEO, kind=Kind.REAL, group="x", location=location)
        with pytest.raises(MediaError, match=r"gone|empty"):
            changed(chain_of("h264", 1, Modality.VIDEO), gone, tmp_path)


def test_every_named_chain_fits_its_media_and_says_what_it_does() -> None:
    for name, named in NAMED.items():
        for modality in named.links:
            for severity in range(1, 6):
                chain = chain_of(name, severity, modality)
                chain.check(modality)
                assert chain.said
    assert chain_of("h264", 4, Modality.VIDEO).said == "crf 40"
    assert not set(NAMED) & set(CHANGES)
