from pathlib import Path

import numpy as np
import pytest
import soundfile

import fauxbench
from fauxbench.harness.instruments import instrument_card, weights_path
from fauxbench.harness.measure import Measured
from fauxbench.harness.media.content import VideoMedia
from fauxbench.harness.media.encode import write_media
from fauxbench.harness.store.schema import Row

RATE = 16_000


def voice(seed: int, seconds: float = 0.6, rate: int = RATE) -> np.ndarray:
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * rate)) / rate
    f0 = rng.uniform(110, 230) * 2 ** (0.2 * np.sin(2 * np.pi * rng.uniform(1, 4) * t))
    phase = 2 * np.pi * np.cumsum(f0) / rate
    tilt = rng.uniform(0.8, 1.4)
    return np.asarray(0.1 * sum(np.cos(k * phase) / k**tilt for k in range(1, 9)))


def noisy(sound: np.ndarray, seed: int, level: float = 0.01) -> np.ndarray:
    return sound + level * np.random.default_rng([seed, 1]).standard_normal(len(sound))


@pytest.fixture
def voices(tmp_path: Path) -> Path:
    folder = tmp_path / "voices"
    folder.mkdir()
    for number in range(8):
        soundfile.write(folder / f"{number:02d}.wav", voice(number), RATE)
    return folder


def row(found: Measured, metric: str, system: str = "synthetic@1") -> Row:
    return next(row for row in found.rows if row.system == system and row.metric == metric)


def test_a_folder_of_sounds_of_every_sort_is_measured(voices: Path, tmp_path: Path) -> None:
    fake = tmp_path / "fake"
    fake.mkdir()
    for number in range(8):
        soundfile.write(fake / f"{number:02d}.wav", noisy(voice(number), number), RATE)
    soundfile.write(fake / "00.wav", voice(0, rate=8000), 8000)
    soundfile.write(fake / "01.wav", np.stack([voice(1, rate=44_100)] * 2, axis=1), 44_100)
    soundfile.write(fake / "02.wav", np.clip(20 * voice(2), -1, 1), RATE)
    soundfile.write(fake / "03.wav", np.zeros(RATE), RATE)
    soundfile.write(fake / "04.wav", voice(4)[:160], RATE)
    (fake / "05.wav").write_bytes(b"not a sound")
    found = fauxbench.measure(voices, fake, store=tmp_path / "store", workers=1)
    far, near = row(found, "fd[sound-spectrum]"), row(found, "fd[sound-spectrum]", "real")
    assert far.value is not None
    assert near.value is not None
    assert far.value > near.value
    assert (far.n, far.expected, far.failures) == (5, 8, {"unreadable": 3})
    silent, short = "synthetic 03.wav: silence", "synthetic 04.wav: a sound of 10 ms, at least 100 ms are needed"
    assert any(flag.startswith(f"not measured: {silent}") and flag.endswith(short) for flag in far.flags)
    for name, low, high in (("mcd", 0, 20), ("f0_rmse", 0, 50), ("voicing_error", 0, 0.2), ("si_sdr", 0, 60)):
        one = row(found, name)
        assert one.value is not None
        assert low <= one.value < high
        assert (one.n, one.failures) == (5, {"unreadable": 1, "unusable sound": 2})
        assert any("03.wav: synthetic: silence" in flag for flag in one.flags)
        assert any("04.wav: synthetic: found 10 ms" in flag for flag in one.flags)
    card = instrument_card("studio-voice")
    path = weights_path(card, tmp_path / "store" / "weights")
    for name in ("fd[studio-voice]", "speaker_similarity[studio-voice]"):
        if path is not None and path.is_file():
            assert row(found, name).value is not None
        else:
            assert row(found, name).reason == "not computed: weights of studio-voice missing, see fauxbench doctor"


def test_flac_of_other_names_has_no_pairs_but_a_distance(voices: Path, tmp_path: Path) -> None:
    fake = tmp_path / "fake"
    fake.mkdir()
    for number in range(8):
        soundfile.write(fake / f"other {number}.flac", voice(100 + number, 0.4), RATE)
    found = fauxbench.measure(voices, fake, store=tmp_path / "store", workers=1)
    assert row(found, "fd[sound-spectrum]").value is not None
    assert row(found, "kd[sound-spectrum]").value is not None
    assert not any(row.metric in {"mcd", "tones", "si_sdr"} for row in found.rows)


def test_equal_folders_are_perfect(voices: Path, tmp_path: Path) -> None:
    found = fauxbench.measure(
        voices, voices, metrics=("mcd", "mcd_dtw", "f0_rmse", "tones", "si_sdr"), store=tmp_path / "store", workers=1
    )
    values = {row.metric: row.value for row in found.rows}
    assert values == {"mcd": 0, "mcd_dtw": 0, "f0_rmse": 0, "tones": pytest.approx(1), "si_sdr": 100}


def test_sounds_and_pictures_are_not_mixed(voices: Path, photographs: Path, tmp_path: Path) -> None:
    with pytest.raises(fauxbench.InputError, match="metric ssim measures pictures"):
        fauxbench.measure(voices, voices, metrics=("ssim",), store=tmp_path / "store")
    with pytest.raises(fauxbench.InputError, match="cannot be compared"):
        fauxbench.measure(voices, photographs, store=tmp_path / "store")


def test_the_sound_of_clips_is_heard(tmp_path: Path) -> None:
    for folder, level in (("real", 0.0), ("fake", 0.01)):
        (tmp_path / folder).mkdir()
        for number in range(6):
            sound = noisy(voice(number, 1.0), number, level).astype(np.float32)
            frames = [np.full((32, 32, 3), 100 + number, np.uint8)] * 25
            media = VideoMedia(
                frames=lambda frames=frames: iter(frames),  # type: ignore[misc]
                fps=25,
                sound=sound if number else None,
                sample_rate=RATE,
            )
            write_media(tmp_path / folder, f"{number}", media)
    found = fauxbench.measure(
        tmp_path / "real", tmp_path / "fake", metrics=("f0_rmse",), store=tmp_path / "store", workers=1
    )
    assert row(found, "f0_rmse").n == 5
    assert row(found, "f0_rmse").failures == {"unreadable": 1}
