"""Lexical tones as eSpeak NG means them: of each phoneme of a text the tone that it carries, and when it is said."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from ....errors import InputError
from .espeak import SAMPLE_RATE, written
from .languages import LANGUAGES
from .synthesis import as_given, say

VOWELS = "aAeEiIoOuUVyY03@&"
_SKIPPED = re.compile(r"(?:\(\w+\)|_[:|!^]?|[\s',%=|:])*")
_TONE = re.compile(r":?(\d+)")


class Toned(NamedTuple):
    """What is heard when `synthesise` says a text."""

    heard: tuple[tuple[str, float, float], ...]
    """Mnemonic, start and end in seconds of each phoneme, without pauses."""
    tones: tuple[tuple[str, str], ...]
    """The same mnemonics, each with its tone or nothing."""
    seconds: float
    """Of the whole sound."""


def toned(text: str, language: str, voice_number: int | None = None) -> Toned:
    """Return the phonemes that `synthesise` says, with their times and tones; they depend on the arguments alone.

    Raises:
        InputError: As `synthesise`; or the phonemes that are heard are not those that eSpeak NG writes.
    """
    spoken = say(text, language, voice_number)
    heard = tuple((p.mnemonic, p.start, p.end) for p in spoken.phonemes if not p.mnemonic.startswith("_"))
    tones = labelled([name for name, _, _ in heard], phonemes_of(as_given(text, language), language), language)
    return Toned(heard, tuple(tones), len(spoken.sound) / SAMPLE_RATE)


def phonemes_of(given: str, language: str) -> str:
    """Return what eSpeak NG is given as its phonemes, tones among them."""
    return given if language in LANGUAGES and LANGUAGES[language].phonemic else written(given, language)


def labelled(names: Sequence[str], marks: str, language: str) -> list[tuple[str, str]]:
    """Return the phonemes that were heard, each vowel with its tone.

    Args:
        names: Mnemonics, as they are heard.
        marks: The same as `phonemes_of` has them.
        language: Code.

    Raises:
        InputError: They are not the same.
    """
    found: list[tuple[str, str]] = []
    word, words, place = 0, [], 0
    for name in names:
        gap = _SKIPPED.match(marks, place)
        place, word = (gap.end(), word + (" " in gap.group())) if gap else (place, word)
        if not marks.startswith(name, place):
            raise InputError(f"{language}: heard {name!r} where {marks[place : place + 12]!r} is written")
        place += len(name)
        tone = _TONE.match(marks, place)
        found.append((name, ""))
        words.append(word)
        if tone:
            place = tone.end()
            vowels = [k for k, (one, _) in enumerate(found) if one[:1] in VOWELS] if language == "th" else []
            home = vowels[-1] if vowels else len(found) - 1
            found[home] = (found[home][0], tone.group(1))
    return _level(found, words) if language == "vi" else found


def _level(found: list[tuple[str, str]], words: Sequence[int]) -> list[tuple[str, str]]:
    """Return Vietnamese phonemes with tone 1, which is not written, where a word has no other."""
    done = {word for word, (_, tone) in zip(words, found, strict=True) if tone}
    for place, (word, (name, _)) in enumerate(zip(words, found, strict=True)):
        if word not in done and name[:1] in VOWELS:
            found[place] = (name, "1")
            done.add(word)
    return found
