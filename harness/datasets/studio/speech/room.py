"""Rooms: reverberation and noise for a dry voice."""

from typing import NamedTuple

import numpy as np

from ....errors import InputError
from ....media.content import Sound


class Room(NamedTuple):
    """Where a voice is heard.

    The response is a direct path without delay and, after 2 ms, white noise that decays by 60 dB in `rt60` seconds
    (Polack's model of late reverberation, 1988). The direct path is not delayed, so lips and sound stay in step.
    """

    rt60: float = 0.0
    """Seconds until the reverberation has fallen by 60 dB, 0.05 to 3; 0 is no reverberation."""
    direct_to_reverberant: float = 6.0
    """dB, energy of the direct path over that of the rest."""
    snr: float | None = None
    """dB, energy of the voice in its room over that of the noise, both over the whole clip; None is no noise."""
    colour: str = "pink"
    """Of the noise: white or pink."""


def check_room(room: Room) -> None:
    """Check the ranges.

    Raises:
        InputError: A number is outside its range.
    """
    if room.rt60 != 0 and not 0.05 <= room.rt60 <= 3:
        raise InputError(f"rt60 is {room.rt60} s; give 0, or 0.05 to 3")
    if room.colour not in {"white", "pink"}:
        raise InputError(f"noise of colour '{room.colour}'; legal: white, pink")
    if room.snr is not None and not -30 <= room.snr <= 100:
        raise InputError(f"snr is {room.snr} dB; give -30 to 100")


def response(room: Room, rate: int, rng: np.random.Generator) -> Sound:
    """Return the room's impulse response, (samples,) float32, the direct path at sample 0 with amplitude 1."""
    if room.rt60 == 0:
        return np.ones(1, np.float32)
    count = max(2, round(1.1 * room.rt60 * rate))
    seconds = np.arange(count) / rate
    tail = rng.standard_normal(count) * np.exp(-3.0 * np.log(10.0) * seconds / room.rt60)
    tail[: max(1, round(0.002 * rate))] = 0.0
    tail *= np.sqrt(10 ** (-room.direct_to_reverberant / 10) / np.sum(tail**2))
    tail[0] = 1.0
    return np.asarray(tail, dtype=np.float32)


def noise(count: int, colour: str, rng: np.random.Generator) -> Sound:
    """Return (count,) float32 noise of unit power; pink falls by 3 dB an octave above 20 Hz at 22,050 Hz."""
    white = rng.standard_normal(count)
    if colour == "pink":
        spectrum = np.fft.rfft(white)
        bins = np.arange(len(spectrum), dtype=np.float64)
        white = np.fft.irfft(spectrum / np.sqrt(np.maximum(bins, 0.0018 * count / 2)), count)
    return np.asarray(white / np.sqrt(np.mean(white**2)), dtype=np.float32)


def hear(sound: Sound, room: Room, rate: int, rng: np.random.Generator) -> Sound:
    """Return what is heard of a dry voice in a room, as long as the voice and not clipped.

    Args:
        sound: (samples,) float32, mono.
        room: Where.
        rate: Samples a second.
        rng: Of the response and the noise.

    Raises:
        InputError: A number of the room is outside its range.
    """
    from scipy.signal import oaconvolve

    check_room(room)
    heard = np.asarray(sound, dtype=np.float64)
    if room.rt60:
        heard = oaconvolve(heard, response(room, rate, rng).astype(np.float64))[: len(sound)]
    power = float(np.mean(heard**2)) if len(heard) else 0.0
    if room.snr is not None and power > 0:
        heard = heard + noise(len(heard), room.colour, rng) * np.sqrt(power / 10 ** (room.snr / 10))
    peak = float(np.max(np.abs(heard))) if len(heard) else 0.0
    return (heard / max(1.0, peak / 0.98)).astype(np.float32)
