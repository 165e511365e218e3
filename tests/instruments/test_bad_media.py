"""Sounds and clips as they come: each gives numbers, or is a failure that says why, and the rest goes on."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from fauxbench.harness.datasets.studio.speech.synthesis import synthesise
from fauxbench.harness.errors import InputError
from fauxbench.harness.instruments import load_instrument
from fauxbench.harness.media.content import VideoMedia
from fauxbench.harness.media.encode import write_media
from fauxbench.harness.media.item import Item, Kind, Modality
from fauxbench.harness.media.stream import MediaStream

RATE, FPS, FRAMES = 16_000, 25, 80


def opening(frames: int = FRAMES) -> np.ndarray:
    steps = np.repeat(np.random.default_rng(1).random(frames // 4 + 2), 4)
    return np.convolve(steps, np.ones(5) / 5, mode="same")[4 : frames + 4]


def voice(rate: int = RATE, frames: int = FRAMES) -> np.ndarray:
    at = np.arange(frames * rate // FPS) / rate
    loud = np.interp(at, (np.arange(frames) + 0.5) / FPS, opening(frames))
    buzz = sum(np.cos(2 * np.pi * 150 * k * at) / k for k in range(1, 12))
    return np.asarray(0.15 * loud * buzz, dtype=np.float32)


def face(wide: float) -> np.ndarray:
    y, x = np.mgrid[0:120, 0:120] / 120
    skin = 170 + 10 * np.sin(9 * x) + np.random.default_rng(3).normal(0, 1, x.shape)
    lips = ((x - 0.5) / 0.12) ** 2 + ((y - 0.66) / (0.02 + 0.06 * wide)) ** 2 < 1
    return np.repeat(np.where(lips, 40, skin)[:, :, None], 3, axis=2).clip(0, 255).astype(np.uint8)


def item(path: Path, modality: Modality) -> Item:
    clusters = {"identity": "p"}
    return Item(id=path.name, modality=modality, kind=Kind.REAL, group="t", clusters=clusters, location=path)


def sounds(folder: Path) -> list[Item]:
    """A sound of each sort, a good one last."""
    made = {
        "empty.wav": (np.zeros(0, np.float32), RATE),
        "short.wav": (voice()[:160], RATE),
        "silent.wav": (np.zeros(RATE, np.float32), RATE),
        "telephone.wav": (voice(8000), 8000),
        "clipped.wav": (np.clip(30 * voice(), -1, 1), RATE),
        "good.wav": (voice(), RATE),
    }
    for name, (sound, rate) in made.items():
        soundfile.write(folder / name, sound, rate)
    (folder / "damaged.wav").write_bytes(b"no sound")
    mute, *_ = write_media(folder, "picture", VideoMedia(frames=lambda: map(face, opening(8)), fps=FPS))
    paths = [folder / name for name in (*made, "damaged.wav")]
    return [*(item(path, Modality.AUDIO) for path in paths), item(mute, Modality.VIDEO)]


@pytest.mark.parametrize("name", ["sound-spectrum", "studio-voice"])
def test_instruments_of_sounds_take_what_they_can_and_name_the_rest(name: str, tmp_path: Path) -> None:
    stream = MediaStream(items=sounds(tmp_path), modality=Modality.AUDIO)
    told = stream.through(load_instrument(name, tmp_path))["features"]
    assert [one.id for one in stream.read] == ["telephone.wav", "clipped.wav", "good.wav"]
    assert np.isfinite(told).all()
    assert {*stream.failures} == {"empty.wav", "short.wav", "silent.wav", "damaged.wav", "picture.mp4"}
    assert all(stream.failures.values())


def clips(folder: Path) -> list[Item]:
    def write(name: str, sound: np.ndarray | None, rate: int = RATE, frames: int = FRAMES) -> Path:
        media = VideoMedia(frames=lambda: map(face, opening(frames)), fps=FPS, sound=sound, sample_rate=rate)
        return write_media(folder, name, media)[0]

    soundfile.write(folder / "heard.wav", voice(), RATE)
    paths = [
        write("mute", None),
        write("brief", voice()[: RATE // 25], frames=1),
        write("silence", np.zeros(FRAMES * RATE // FPS, np.float32)),
        write("telephone", voice(8000), 8000),
        write("clipped", np.clip(30 * voice(), -1, 1)),
        uneven(folder / "uneven.mp4"),
        write("good", voice()),
    ]
    return [*(item(path, Modality.VIDEO) for path in paths), item(folder / "heard.wav", Modality.AUDIO)]


def uneven(path: Path) -> Path:
    """A clip at about 30 frames a second, now faster and now slower, with its sound in step."""
    rng = np.random.default_rng(2)
    times = np.cumsum(rng.choice([0.02, 0.033, 0.05], 96))
    times = times - times[0]
    seen = np.interp(times, (np.arange(FRAMES) + 0.5) / FPS, opening())
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, width=120, height=120, pix_fmt="yuv420p")
        stream.codec_context.time_base = Fraction(1, 1000)
        heard = container.add_stream("aac", rate=RATE, layout="mono")
        for at, wide in zip(times, seen, strict=True):
            frame = av.VideoFrame.from_ndarray(face(float(wide)), format="rgb24")
            frame.pts, frame.time_base = round(1000 * at), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        samples = av.AudioFrame.from_ndarray(voice()[None], format="fltp", layout="mono")
        samples.sample_rate, samples.pts = RATE, 0
        container.mux(heard.encode(samples))
        container.mux(heard.encode(None))
    return path


def test_lips_are_measured_where_there_are_sound_and_speech(tmp_path: Path) -> None:
    stream = MediaStream(items=clips(tmp_path), modality=Modality.VIDEO, sound=True, fps=25.0)
    told = stream.through(load_instrument("mouth-pixels", tmp_path))["together"][:, 0]
    found = dict(zip([one.id for one in stream.read], told, strict=True))
    assert {*stream.failures} == {"mute.mp4", "brief.mp4", "silence.mp4", "heard.wav"}
    assert "without sound" in stream.failures["mute.mp4"]
    assert "without speech" in stream.failures["silence.mp4"]
    assert "a sound; this instrument reads clips" in stream.failures["heard.wav"]
    assert {*found} == {"telephone.mp4", "clipped.mp4", "uneven.mp4", "good.mp4"}
    assert found["good.mp4"] > 0.5
    assert found["telephone.mp4"] == pytest.approx(found["good.mp4"], abs=0.1)
    assert found["uneven.mp4"] > 0.4  # made even by the times in the file, and still in step


def test_the_judge_of_lips_counts_them_alike(tmp_path: Path) -> None:
    stream = MediaStream(items=clips(tmp_path), modality=Modality.VIDEO, sound=True, fps=25.0)
    told = stream.through(load_instrument("studio-sync", tmp_path))
    assert {*stream.failures} == {"mute.mp4", "brief.mp4", "heard.wav"}
    assert [one.id for one in stream.read] == ["silence.mp4", "telephone.mp4", "clipped.mp4", "uneven.mp4", "good.mp4"]
    spoken = told["windows"][:, :, 2]
    assert np.nanmax(spoken[0]) == 0  # no window of silence holds speech, so that none has a part in LSER
    assert np.nanmax(spoken[1:], axis=1).min() > 0.5


@pytest.mark.parametrize(
    ("text", "language", "words"),
    [
        ("Báwo ni o ṣe wà?", "yo", "eSpeak NG has no language 'yo'"),
        ("Good morning", "yue", "yue is written in CJK letters, found LATIN"),
        ("สวัสดี", "vi", "vi is written in LATIN letters, found THAI"),
        ("", "cmn", "nothing to say in cmn"),
        ("\n\t", "cmn", "nothing to say in cmn"),
    ],
)
def test_a_text_that_cannot_be_said_says_why(text: str, language: str, words: str) -> None:
    pytest.importorskip("espeakng_loader")
    with pytest.raises(InputError, match=words):
        synthesise(text, language)
