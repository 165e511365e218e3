"""Utterances: sentences joined with pauses to any length."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ....canonical import JSON
from ....media.content import Sound
from .espeak import SAMPLE_RATE, Phoneme, Spoken
from .sentences import Sentence
from .voices import Voice

_LEVEL, _PEAK = 0.08, 0.9  # root mean square of what is not silent, and the largest amplitude
_FADE = round(0.01 * SAMPLE_RATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One sentence as it was said."""

    id: str
    text: str
    """Without the words that a cut took away."""
    start: float
    end: float
    whole: bool
    """False if the end of the clip cut it."""

    def record(self) -> dict[str, JSON]:
        """Return it as a JSON object, times in milliseconds."""
        times = {"start": round(self.start, 3), "end": round(self.end, 3)}
        return {"id": self.id, "text": self.text, **times, "whole": self.whole}


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """What a voice says in a clip.

    Attributes:
        voice: Whose.
        sound: (samples,) float32 at `SAMPLE_RATE`, dry, root mean square about 0.08 while it speaks.
        phonemes: In order, times from the first sample.
        said: The sentences, in order.
    """

    voice: Voice
    sound: Sound
    phonemes: tuple[Phoneme, ...]
    said: tuple[Said, ...]

    @property
    def transcript(self) -> str:
        """What is said, in the language's own script."""
        return " ".join(one.text for one in self.said if one.text)

    def window(self, start: float, seconds: float) -> "Utterance":
        """Return a part of it as an utterance of its own, padded with silence at the end if need be."""
        first, count = round(start * SAMPLE_RATE), round(seconds * SAMPLE_RATE)
        sound = np.zeros(count, np.float32)
        part = self.sound[first : first + count]
        sound[: len(part)] = part
        if first + count < len(self.sound):
            sound[-_FADE:] *= np.linspace(1, 0, _FADE, dtype=np.float32)
        phonemes = [_shifted(p, start, seconds) for p in self.phonemes if p.end > start and p.start < start + seconds]
        said = [
            replace(one, start=max(0.0, one.start - start), end=min(seconds, one.end - start))
            for one in self.said
            if one.end > start and one.start < start + seconds
        ]
        return Utterance(voice=self.voice, sound=sound, phonemes=tuple(phonemes), said=tuple(said))


def utter(
    voice: Voice, pool: Sequence[Sentence], rng: np.random.Generator, *, seconds: float | None = None
) -> Utterance:
    """Say sentences, joined with pauses of 0.25 to 0.7 seconds, until `seconds` are full.

    Args:
        voice: Who speaks.
        pool: Sentences to draw from; all are said once before one is said again.
        rng: Of their order and the pauses.
        seconds: Length; the last sentence is cut there. Without it, one whole sentence.

    Raises:
        InputError: The extra `speech` is not installed.
    """
    sounds: list[Sound] = []
    phonemes: list[Phoneme] = []
    said: list[Said] = []
    now = 0

    def pause(low: float, high: float) -> None:
        nonlocal now
        count = round(float(rng.uniform(low, high)) * SAMPLE_RATE)
        phonemes.append(Phoneme(mnemonic="_", start=now / SAMPLE_RATE, end=(now + count) / SAMPLE_RATE))
        sounds.append(np.zeros(count, np.float32))
        now += count

    pause(0.05, 0.2)
    for sentence in _endless(pool, rng):
        spoken = voice.say(sentence)
        start = now / SAMPLE_RATE
        phonemes.extend(_shifted(p, -start) for p in spoken.phonemes)
        now += len(spoken.sound)
        sounds.append(spoken.sound)
        said.append(_said(sentence, spoken, start, seconds, transcribed=sentence.spoken != sentence.text))
        if seconds is None or now >= seconds * SAMPLE_RATE:
            break
        pause(0.05, 0.45)  # a sentence of eSpeak's ends with about 0.2 s of silence already
        if now >= seconds * SAMPLE_RATE:
            break
    whole = Utterance(voice=voice, sound=levelled(np.concatenate(sounds)), phonemes=tuple(phonemes), said=tuple(said))
    return whole if seconds is None else whole.window(0.0, seconds)


def _endless(pool: Sequence[Sentence], rng: np.random.Generator) -> Iterator[Sentence]:
    while True:
        yield from (pool[int(place)] for place in rng.permutation(len(pool)))


def _shifted(phoneme: Phoneme, start: float, seconds: float | None = None) -> Phoneme:
    first, end = phoneme.start - start, phoneme.end - start
    if seconds is not None:
        first, end = max(0.0, first), min(seconds, end)
    release = None if phoneme.release is None else phoneme.release - start
    return replace(phoneme, start=first, end=end, release=release)


def _said(sentence: Sentence, spoken: Spoken, start: float, limit: float | None, *, transcribed: bool) -> Said:
    end = start + len(spoken.sound) / SAMPLE_RATE
    heard_until = max((p.end for p in spoken.phonemes if not p.mnemonic.startswith("_")), default=0.0)
    if limit is None or start + heard_until <= limit:
        return Said(id=sentence.id, text=sentence.text, start=start, end=end, whole=True)
    if transcribed:  # places of words in the transcription say nothing of the script
        return Said(id=sentence.id, text=sentence.text, start=start, end=end, whole=False)
    kept = max((word.text_end for word in spoken.words if start + word.end <= limit), default=0)
    return Said(id=sentence.id, text=sentence.text[:kept], start=start, end=end, whole=False)


def levelled(sound: Sound) -> Sound:
    """Return a sound with a root mean square of 0.08 while it speaks, and no amplitude above 0.9."""
    voiced = sound[np.abs(sound) > 1e-3]
    if not len(voiced):
        return sound
    power = float(np.sqrt(np.mean(voiced.astype(np.float64) ** 2)))
    return (sound * min(_LEVEL / power, _PEAK / float(np.max(np.abs(sound))))).astype(np.float32)
