"""What is done to sounds, and to the sound of a clip: the rows of the table."""

from ..media.item import Modality
from .change import SEED, Change, ladder, steps

_PINK_NOISE = Change(
    name="pink_noise",
    modality=Modality.AUDIO,
    title="pink noise, by its ratio to the sound in dB",
    function="sound:add_pink_noise",
    draws={
        "snr": ladder((28, 32), (18, 22), (12, 15), (5, 9), (-2, 2)),
        "seed": SEED,
    },
)
_DELAY = Change(
    name="delay",
    modality=Modality.AUDIO,
    title="sound late by seconds",
    function="sound:delay",
    draws={"seconds": ladder((0.04, 0.06), (0.1, 0.14), (0.18, 0.24), (0.3, 0.4), (0.5, 0.7))},
)
_REVERBERATION = Change(
    name="reverberation",
    modality=Modality.AUDIO,
    title="the sound of a room",
    function="sound:reverberate",
    draws={"rt60": ladder((0.15, 0.25), (0.3, 0.4), (0.5, 0.7), (0.9, 1.2), (1.6, 2.2)), "seed": SEED},
    constants={"wet": -3.0},
)
_MP3 = Change(
    name="mp3",
    modality=Modality.AUDIO,
    title="one MP3 encoding, by kilobits a second",
    function="sound_codecs:mp3",
    draws={"kbps": steps(64, 40, 24, 16, 8)},
)
_AAC = Change(
    name="aac",
    modality=Modality.AUDIO,
    title="one AAC encoding, by kilobits a second",
    function="sound_codecs:aac",
    draws={"kbps": steps(64, 40, 24, 16, 10)},
)
_OPUS = Change(
    name="opus",
    modality=Modality.AUDIO,
    title="one Opus encoding, by kilobits a second",
    function="sound_codecs:opus",
    draws={"kbps": steps(32, 20, 14, 9, 6)},
)
_TELEPHONE = Change(
    name="telephone",
    modality=Modality.AUDIO,
    title="a telephone: a band of frequencies, and 8 bits of mu-law at 8 kHz",
    function="sound:telephone",
    draws={"low": steps(100, 200, 300, 450, 600), "high": steps(3800, 3600, 3400, 2600, 1800)},
)
_PACKETS = Change(
    name="packets",
    modality=Modality.AUDIO,
    title="packets of 20 ms lost in bursts",
    function="sound:lose_packets",
    draws={"share": ladder((0.01, 0.02), (0.03, 0.05), (0.08, 0.12), (0.18, 0.22), (0.35, 0.45)), "seed": SEED},
    constants={"burst": 2.0},
)
_CLIPPING = Change(
    name="clipping",
    modality=Modality.AUDIO,
    title="the loudest samples cut off",
    function="sound:clip_off",
    draws={"share": ladder((0.005, 0.01), (0.02, 0.04), (0.07, 0.1), (0.15, 0.22), (0.35, 0.45))},
)
_PITCH = Change(
    name="pitch",
    modality=Modality.AUDIO,
    title="higher or lower by semitones, as long as before",
    function="sound:shift_pitch",
    draws={"semitones": ladder((0.3, 0.5), (0.8, 1.2), (1.8, 2.4), (3.0, 4.0), (5.0, 7.0), either=True)},
)
_TEMPO = Change(
    name="tempo",
    modality=Modality.AUDIO,
    title="faster or slower at the same pitch",
    function="sound:change_tempo",
    draws={"rate": ladder((1.03, 1.06), (1.08, 1.14), (1.18, 1.25), (1.32, 1.45), (1.6, 1.9), log=True, either=True)},
    media=(Modality.AUDIO,),
    resizes=True,
)
SOUNDS = (
    *(_PINK_NOISE, _DELAY, _REVERBERATION, _MP3, _AAC, _OPUS, _TELEPHONE),
    *(_PACKETS, _CLIPPING, _PITCH, _TEMPO),
)
