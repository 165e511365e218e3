import numpy as np
import pytest

from fauxbench.harness.errors import MediaError
from fauxbench.harness.instruments import load_instrument
from fauxbench.harness.instruments.mouth_pixels import opening_of
from fauxbench.harness.media.content import VideoMedia

FPS, RATE = 25, 16_000


def openings(seed, frames=100):
    steps = np.repeat(np.random.default_rng(seed).random(frames // 4 + 2), 4)
    return np.convolve(steps, np.ones(5) / 5, mode="same")[4 : frames + 4]


def voice_of(opening, seed=0):
    at = np.arange(len(opening) * RATE // FPS) / RATE
    loud = np.interp(at, (np.arange(len(opening)) + 0.5) / FPS, opening)
    return (0.3 * loud**2 * np.random.default_rng(seed).standard_normal(len(at))).astype(np.float32)


def face(opening, sway=0.0):
    """A light face of 120 x 120 with a dark mouth whose height follows the opening; the head sways."""
    y, x = np.mgrid[0:120, 0:120] / 120.0
    rng = np.random.default_rng(3)
    skin = 170 + 10 * np.sin(9 * x) + rng.normal(0, 1, x.shape)
    lips = ((x - 0.5 - sway) / 0.12) ** 2 + ((y - 0.66) / (0.02 + 0.06 * opening)) ** 2 < 1
    return np.repeat(np.where(lips, 40, skin)[:, :, None], 3, axis=2).clip(0, 255).astype(np.uint8)


def talking(opening, sound, sways=True):
    sway = 0.02 * np.sin(np.arange(len(opening)) / 20) * sways
    pictures = [face(a, b) for a, b in zip(opening, sway, strict=True)]
    return VideoMedia(frames=lambda: iter(pictures), fps=FPS, sound=sound)


@pytest.fixture
def instrument(tmp_path):
    return load_instrument("mouth-pixels", tmp_path)


def test_a_mouth_in_step_is_told_from_others(instrument):
    opening = openings(1)
    sound = voice_of(opening)
    told = instrument.extract(
        [
            talking(opening, sound),
            talking(opening, np.roll(sound, 8 * RATE // FPS)),
            talking(opening, voice_of(openings(2))),
            talking(np.full(100, 0.4), sound, sways=False),
        ]
    )
    true, late, wrong, frozen = told["together"][:, 0]
    assert true > 0.6
    assert abs(late) < 0.4
    assert abs(wrong) < 0.4
    assert frozen == 0
    assert told["opening"][3, 0] == 0
    assert told["opening"][0, 0] > 1
    np.testing.assert_allclose(told["speech"][:, 0], 4.0, atol=0.6)


def test_the_opening_rises_with_the_mouth():
    rng = np.random.default_rng(0)
    opening = openings(4)
    planes = []
    for height in opening:
        plane = np.full((24, 34), 170, np.float32) + rng.normal(0, 1, (24, 34)).astype(np.float32)
        plane[11 : 11 + round(8 * height), 10:24] = 40
        planes.append(plane)
    found = opening_of(planes, 25.0)
    assert np.corrcoef(found, opening)[0, 1] > 0.7
    assert abs(found.mean()) < 0.5 * found.std()
    assert not opening_of([planes[0]] * 20, 25.0).any()
    assert opening_of(planes[:1], 25.0).tolist() == [0.0]


def test_clips_without_sound_or_speech_are_refused(instrument):
    opening = openings(1, 40)
    for sound, words in ((None, "without sound"), (np.zeros(25_600, np.float32), "without speech")):
        with pytest.raises(MediaError, match=words):
            instrument.extract([talking(opening, sound)])
    assert instrument.extract([])["together"].shape == (0, 1)
