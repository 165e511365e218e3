"""eSpeak NG: text to sound with the times of its phonemes and words.

The library (through the wheel `espeakng-loader`, an optional extra: it is GPL-3.0) keeps its state in global
variables, and some of it survives `espeak_Terminate`: the phase of the voice, and a random seed taken from the clock.
So the same text spoken twice gives different samples. Here every call loads the library anew, fixes its seed, speaks
and unloads it, behind one lock: equal input gives equal bytes in any order, at about 6 ms a call.
"""

import ctypes
import importlib
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ....errors import FauxbenchError, InputError
from ....media.content import Sound

SAMPLE_RATE = 22_050
"""Samples a second that eSpeak NG makes."""

_SYNCHRONOUS = 2  # sound comes through the callback, in the calling thread
_PHONEME_EVENTS = 1
_CHARS_UTF8, _PHONEME_TEXT = 0x01, 0x100
_BY_CHARACTER = 1
_RATE, _VOLUME = 1, 2  # parameters of eSpeak
_LOUDNESS = 50  # of 100: at full volume the louder voices clip
_END, _WORD, _PHONEME = 0, 1, 7  # kinds of events
_SEED = 1
_PLOSIVES = "pbtdkgcq"  # first letters of mnemonics of plosives and affricates
_SILENCE = 0.002  # amplitude below which a closure is silent
_LOCK = threading.Lock()


class _Id(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    ]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True, slots=True, kw_only=True)
class Phoneme:
    """One phoneme of an utterance."""

    mnemonic: str
    """As eSpeak writes it, without marks of stress; `_`, `_:` and the like are pauses, `_|` a boundary."""
    start: float
    """Seconds from the first sample. A plosive starts with the silence of its closure."""
    end: float
    release: float | None = None
    """A plosive's burst. eSpeak's own event stands here, 20 to 60 ms after the closure began."""
    stress: int = 0
    """2 primary, 1 secondary, 0 none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word of an utterance: where it is heard, and where it stands in the text."""

    start: float
    end: float
    text_start: int
    text_end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """What eSpeak made of a text.

    Attributes:
        sound: (samples,) float32 in [-1, 1], mono, at `SAMPLE_RATE`.
        phonemes: In order, without gaps, from the first event to the end of the sound.
        words: In order.
    """

    sound: Sound
    phonemes: tuple[Phoneme, ...]
    words: tuple[Word, ...]


@dataclass(slots=True)
class _Heard:
    """What the callback gathers during one call."""

    samples: bytearray = field(default_factory=bytearray)
    phonemes: list[tuple[int, str]] = field(default_factory=list)
    words: list[tuple[int, int, int]] = field(default_factory=list)


def speak(
    text: str, language: str, *, profile: str = "", words_per_minute: int = 175, phonemic: bool = False
) -> Spoken:
    """Speak a text.

    Args:
        text: What to say; with `phonemic`, phoneme mnemonics of the language, syllables apart by spaces.
        language: Code of one of eSpeak's languages, as `cmn`.
        profile: Lines of an eSpeak voice file (pitch, formants and so on) that are added to the language's own.
        words_per_minute: 80 to 450.
        phonemic: Whether `text` is phonemes.

    Raises:
        InputError: The extra `speech` is not installed, eSpeak has no such language, or the text cannot be spoken.
    """
    flags = _CHARS_UTF8 | (_PHONEME_TEXT if phonemic else 0)
    encoded = (f"[[{text}]]" if phonemic else text).encode()
    if b"\0" in encoded or not text.strip():
        raise InputError(f"nothing to say in {language}: {text!r:.40}")
    heard = _Heard()
    callback = _Callback(_listener(heard))
    with _LOCK, _library() as lib:
        lib.espeak_SetSynthCallback(callback)
        _select(lib, language, profile)
        lib.espeak_SetParameter(_RATE, int(words_per_minute), 0)
        lib.espeak_SetParameter(_VOLUME, _LOUDNESS, 0)
        code = lib.espeak_Synth(encoded, len(encoded) + 1, 0, _BY_CHARACTER, 0, flags, None, None)
    if code != 0 or not heard.samples:
        raise InputError(f"eSpeak NG could not say {text!r:.60} in {language} (code {code})")
    return _spoken(heard)


def written(text: str, language: str) -> str:
    """Return the mnemonics of a text's phonemes, with stress, tones and pauses, as eSpeak would say it.

    Raises:
        InputError: The extra `speech` is not installed, or eSpeak has no such language.
    """
    parts = []
    with _LOCK, _library() as lib:
        lib.espeak_TextToPhonemes.restype = ctypes.c_char_p
        _select(lib, language, "")
        rest = ctypes.c_char_p(text.encode())
        while rest:  # eSpeak moves it on by a clause, and at the end sets it to null
            parts.append((lib.espeak_TextToPhonemes(ctypes.byref(rest), _CHARS_UTF8, 0) or b"").decode())
    return " ".join(parts)


def languages() -> tuple[str, ...]:
    """Return the codes of all languages that eSpeak has on this machine.

    Raises:
        InputError: The extra `speech` is not installed.
    """
    return tuple(sorted(_language_files(_places()[1])))


def _places() -> tuple[str, Path]:
    """Return the library's file and the folder of its data."""
    try:
        loader = importlib.import_module("espeakng_loader")
    except ImportError as error:
        raise InputError(
            "speech needs eSpeak NG: install the extra `speech`, as with: pip install 'fauxbench[speech]'"
        ) from error
    return str(loader.get_library_path()), Path(str(loader.get_data_path()))


@lru_cache(maxsize=2)
def _language_files(data: Path) -> dict[str, Path]:
    return {path.name: path for path in sorted((data / "lang").rglob("*")) if path.is_file()}


@contextmanager
def _library() -> Iterator[ctypes.CDLL]:
    """Load the library, as fresh as in a new process, and unload it afterwards."""
    file, data = _places()
    with tempfile.TemporaryDirectory(prefix="fauxbench-espeak-") as scratch:
        if _is_loaded(file):  # somebody else holds it: a copy has globals of its own
            file = shutil.copy(file, scratch)
        lib = ctypes.CDLL(file)
        try:
            if lib.espeak_Initialize(_SYNCHRONOUS, 0, str(data).encode(), _PHONEME_EVENTS) != SAMPLE_RATE:
                raise FauxbenchError(f"eSpeak NG cannot start with the data in {data}; reinstall espeakng-loader")
            lib.espeak_ng_SetRandSeed(ctypes.c_long(_SEED))
            yield lib
            lib.espeak_Terminate()
        finally:
            _unload(lib)


def _is_loaded(file: str) -> bool:
    if not hasattr(os, "RTLD_NOLOAD"):
        return False
    try:
        _unload(ctypes.CDLL(file, mode=os.RTLD_NOLOAD))
    except OSError:
        return False
    return True


def _unload(lib: ctypes.CDLL) -> None:
    import _ctypes

    close: Callable[[int], Any] = getattr(_ctypes, "FreeLibrary", None) or _ctypes.dlclose
    close(lib._handle)


def _select(lib: ctypes.CDLL, language: str, profile: str) -> None:
    """Choose the voice, and check that it was chosen: on failure eSpeak keeps the voice it had."""
    files = _language_files(_places()[1])
    if language not in files or lib.espeak_SetVoiceByName(language.encode()) != 0:
        raise InputError(f"eSpeak NG has no language '{language}'; it has: {', '.join(sorted(files))}")
    if not profile:
        return
    with tempfile.NamedTemporaryFile(prefix="fauxbench-voice-", delete=False) as file:
        file.write(files[language].read_bytes() + b"\n" + profile.encode() + b"\n")
    try:
        if lib.espeak_ng_SetVoiceByFile(file.name.encode()) != 0:
            raise InputError(f"eSpeak NG refused the voice profile for '{language}': {profile!r:.80}")
    finally:
        Path(file.name).unlink()


def _listener(heard: _Heard) -> Callable[[int | None, int, Any], int]:
    def listen(samples: int | None, count: int, events: Any) -> int:  # noqa: ANN401 - a ctypes pointer
        if samples and count > 0:
            heard.samples.extend(ctypes.string_at(samples, 2 * count))
        place = 0
        while events[place].type != _END:
            event = events[place]
            if event.type == _PHONEME:
                heard.phonemes.append((event.sample, event.id.string.decode("utf-8", "replace")))
            elif event.type == _WORD:
                heard.words.append((event.sample, event.text_position - 1, event.length))
            place += 1
        return 0

    return listen


def _spoken(heard: _Heard) -> Spoken:
    sound = np.frombuffer(bytes(heard.samples), dtype="<i2").astype(np.float32) / 32768.0
    words = []
    for place, (start, at, length) in enumerate(heard.words):
        end = heard.words[place + 1][0] if place + 1 < len(heard.words) else len(sound)
        words.append(Word(start=start / SAMPLE_RATE, end=end / SAMPLE_RATE, text_start=at, text_end=at + length))
    return Spoken(sound=sound, phonemes=_phonemes(heard.phonemes, sound), words=tuple(words))


def _phonemes(events: list[tuple[int, str]], sound: Sound) -> tuple[Phoneme, ...]:
    """Turn events into intervals: each lasts until the next, and a plosive takes its closure from the one before."""
    names = [name.lstrip("',%=") for _, name in events]
    bursts = [name[:1] in _PLOSIVES and name[:1] != "" for name in names]
    early = [_closure(sound, sample) if burst else 0 for (sample, _), burst in zip(events, bursts, strict=True)]
    begun = [sample - lead for (sample, _), lead in zip(events, early, strict=True)]
    starts = [int(start) for start in np.maximum.accumulate(begun)] if begun else []
    found = []
    for place, (sample, name) in enumerate(events):
        end = starts[place + 1] if place + 1 < len(events) else len(sound)
        marks = name[: len(name) - len(names[place])]
        found.append(
            Phoneme(
                mnemonic=names[place],
                start=starts[place] / SAMPLE_RATE,
                end=max(end, starts[place]) / SAMPLE_RATE,
                release=sample / SAMPLE_RATE if bursts[place] else None,
                stress=2 if "'" in marks else 1 if "," in marks else 0,
            )
        )
    return tuple(found)


def _closure(sound: Sound, burst: int) -> int:
    """Return the length in samples of the silence before a burst, at most 60 ms."""
    before = np.abs(sound[max(0, burst - round(0.06 * SAMPLE_RATE)) : burst])
    loud = np.flatnonzero(before > _SILENCE)
    return len(before) - (int(loud[-1]) + 1 if len(loud) else 0)
