from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from fauxbench.harness.errors import MediaError
from fauxbench.harness.media.clips import even_frames, open_clip
from fauxbench.harness.media.content import ImageMedia, Picture, SoundMedia, VideoMedia
from fauxbench.harness.media.encode import write_media
from fauxbench.harness.media.item import Item, Kind, Modality
from fauxbench.harness.media.stream import MediaStream

RATE = 16_000


def grey(level: float, size: int = 32) -> Picture:
    return np.full((size, size, 3), level, np.uint8)


def write(folder: Path, name: str, frames: int = 30, fps: float = 25.0, *, sound: float | None = 1.2) -> Path:
    """Write a clip whose frame t has the grey level 4 t + 20; its sound is a click at 0.5 s."""
    heard = None
    if sound:
        heard = np.zeros(round(sound * RATE), np.float32)
        heard[RATE // 2 : RATE // 2 + 160] = 0.8
    media = VideoMedia(frames=lambda: (grey(4 * t + 20) for t in range(frames)), fps=fps, sound=heard)
    return write_media(folder, name, media)[0]


def shown(frames: Iterator[Picture]) -> list[int]:
    return [round((float(picture.mean()) - 20) / 4) for picture in frames]


def write_timed(path: Path, times: list[float]) -> Path:
    """Write a clip with frames at given times, in seconds."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "10"}
        stream.codec_context.time_base = Fraction(1, 1000)
        for place, at in enumerate(times):
            frame = av.VideoFrame.from_ndarray(grey(4 * place + 20), format="rgb24")
            frame.pts, frame.time_base = round(1000 * at), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


# Rates


def test_at_its_own_rate_every_frame_comes_once(tmp_path: Path) -> None:
    path = write(tmp_path, "a")
    assert shown(even_frames(path, 25.0)) == list(range(30))
    clip = open_clip(path)
    assert (clip.fps, clip.sound) == (25.0, None)
    assert shown(clip.frames()) == shown(clip.frames()) == list(range(30))


@pytest.mark.parametrize(
    ("fps", "expected"),
    [
        (50.0, [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28]),
        (12.5, [k // 2 for k in range(60)]),
        (30.0, [int((k + 0.5) / 25 * 30 - 1e-6) for k in range(25)]),
    ],
)
def test_other_rates_become_even(tmp_path: Path, fps: float, expected: list[int]) -> None:
    path = write(tmp_path, "a", fps=fps, sound=None)
    clip = open_clip(path, fps=25.0)
    assert clip.fps == 25.0
    assert shown(clip.frames()) == expected


def test_a_variable_rate_becomes_even_by_its_times(tmp_path: Path) -> None:
    path = write_timed(tmp_path / "v.mp4", [0.0, 0.04, 0.24, 0.28, 0.32])
    assert shown(even_frames(path, 25.0))[:8] == [0, 1, 1, 1, 1, 1, 2, 3]


# Sound in step


def test_sound_starts_with_the_first_frame(tmp_path: Path) -> None:
    clip = open_clip(write(tmp_path, "a"), sound=True)
    assert clip.sound is not None
    assert abs(int(np.abs(clip.sound).argmax()) - RATE // 2 - 80) < 200


@pytest.mark.parametrize("late", [0.2, 0.0])
def test_sound_that_starts_later_is_preceded_by_silence(tmp_path: Path, late: float) -> None:
    path = tmp_path / "late.mkv"
    sound = np.zeros((1, RATE), np.float32)
    sound[0, :800] = 0.7
    with av.open(str(path), "w") as container:
        video, audio = container.add_stream("libx264", rate=25), container.add_stream("pcm_s16le", rate=RATE)
        video.width = video.height = 32
        audio.layout = "mono"
        for t in range(25):
            container.mux(video.encode(av.VideoFrame.from_ndarray(grey(4 * t + 20), format="rgb24")))
        container.mux(video.encode(None))
        samples = (sound * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), round(late * RATE)
        container.mux(audio.encode(frame))
        container.mux(audio.encode(None))
    heard = open_clip(path, sound=True).sound
    assert heard is not None
    assert abs(int(np.flatnonzero(np.abs(heard) > 0.3)[0]) - round(late * RATE)) <= 32


def test_clips_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="a clip without sound"):
        open_clip(write(tmp_path, "mute", sound=None), sound=True)
    (tmp_path / "broken.mp4").write_bytes(b"nothing")
    for fps in (None, 25.0):
        with pytest.raises(MediaError):
            open_clip(tmp_path / "broken.mp4", fps=fps)
    only = write_media(tmp_path, "only", SoundMedia(sound=np.zeros(RATE, np.float32)))[0]
    with pytest.raises(MediaError, match="no video stream"):
        open_clip(only, sound=True)


# The stream


class Lengths:
    """Frames and samples of each clip or sound, and a row of as many numbers as it has frames."""

    def extract(self, media: list[VideoMedia | SoundMedia | Picture]) -> dict[str, np.ndarray]:
        rows = []
        for one in media:
            if isinstance(one, VideoMedia):
                rows.append((sum(1 for _ in one.frames()), 0 if one.sound is None else len(one.sound)))
            elif isinstance(one, SoundMedia):
                rows.append((0, len(one.sound)))
            else:
                rows.append((int(one[0, 0, 0]), 0))
            if rows[-1][0] == 7:
                raise MediaError("seven frames are not liked")
        width = max((row[0] for row in rows), default=0)
        return {"size": np.array(rows, float).reshape(-1, 2), "ragged": np.ones((len(rows), width, 2))}


@pytest.fixture
def items(tmp_path: Path) -> Callable[[str], list[Item]]:
    """Return a function that lists some of: clips (a, b), a mute one (m), an unlucky one (u), a sound, a picture."""
    paths = {
        "a": write(tmp_path, "a", 10),
        "b": write(tmp_path, "b", 12, sound=0.5),
        "m": write(tmp_path, "m", 9, sound=None),
        "u": write(tmp_path, "u", 7),
        "s": write_media(tmp_path, "s", SoundMedia(sound=np.zeros(RATE, np.float32)))[0],
        "p": write_media(tmp_path, "p", ImageMedia(pixels=grey(50)))[0],
        "x": tmp_path / "gone.mp4",
    }
    kinds = {"s": Modality.AUDIO, "p": Modality.IMAGE}

    def listed(names: str) -> list[Item]:
        return [
            Item(id=n, modality=kinds.get(n, Modality.VIDEO), kind=Kind.REAL, group="g", location=paths[n])
            for n in names
        ]

    return listed


def test_one_bad_clip_is_counted_and_the_rest_goes_on(items: Callable[[str], list[Item]]) -> None:
    stream = MediaStream(items=items("amubxsp"), modality=Modality.VIDEO)
    told = stream.through(Lengths())
    assert [item.id for item in stream.read] == ["a", "m", "b"]
    assert set(stream.failures) == {"u", "x", "s", "p"}
    assert stream.failures["u"] == "seven frames are not liked"
    assert stream.failures["p"] == "p: a picture; this instrument reads clips"
    assert told["size"][:, 0].tolist() == [10, 9, 12]
    assert not told["size"][:, 1].any()  # sound is read for instruments that hear alone
    assert told["ragged"].shape == (3, 12, 2)
    assert np.isfinite(told["ragged"]).all(axis=2).sum(axis=1).tolist() == [10, 9, 12]


def test_a_clip_without_sound_fails_where_sound_is_wanted_alone(items: Callable[[str], list[Item]]) -> None:
    stream = MediaStream(items=items("amb"), modality=Modality.VIDEO, sound=True, fps=50.0)
    told = stream.through(Lengths())
    assert [item.id for item in stream.read] == ["a", "b"]
    assert "without sound" in stream.failures["m"]
    assert told["size"][:, 0].tolist() == [20, 24]
    assert (told["size"][:, 1] > 0).all()


def test_sounds_are_read_from_sounds_and_clips(items: Callable[[str], list[Item]]) -> None:
    stream = MediaStream(items=items("asmp"), modality=Modality.AUDIO)
    told = stream.through(Lengths())
    assert [item.id for item in stream.read] == ["a", "s"]
    assert told["size"][1, 1] == RATE
    assert set(stream.failures) == {"m", "p"}


def test_changes_come_before_reading(items: Callable[[str], list[Item]]) -> None:
    heard = MediaStream(
        items=items("s"),
        modality=Modality.AUDIO,
        hear=lambda sound, _: SoundMedia(sound=sound.sound[:100], sample_rate=sound.sample_rate),
    )
    assert heard.through(Lengths())["size"][0, 1] == 100
    seen = MediaStream(items=items("p"), modality=Modality.IMAGE, look=lambda pixels: pixels + np.uint8(9))
    assert seen.through(Lengths())["size"][0, 0] == 59


def test_nothing_readable_gives_arrays_without_rows(items: Callable[[str], list[Item]]) -> None:
    stream = MediaStream(items=items("x"), modality=Modality.VIDEO)
    assert {name: len(array) for name, array in stream.through(Lengths()).items()} == {"size": 0, "ragged": 0}
