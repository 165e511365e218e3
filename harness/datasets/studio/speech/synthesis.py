"""A synthesiser for anybody's generator: text and language in, speech out, by eSpeak NG's formant voices."""

import unicodedata
from collections import Counter
from collections.abc import Mapping
from numbers import Integral
from types import MappingProxyType

from ....errors import InputError
from ....media.content import SoundMedia
from .espeak import SAMPLE_RATE, Spoken, speak
from .espeak import languages as known_languages
from .languages import LANGUAGES
from .sentences import sentences
from .utterance import levelled
from .voices import RESERVED_VOICES, Voice, voice

SCRIPTS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("cmn", "yue"), "CJK"),
        **dict.fromkeys(("th",), "THAI"),
        **dict.fromkeys(("en", "es", "de", "id", "vi", "fr", "it", "pt", "nl", "pl", "sv", "tr", "ms", "sw"), "LATIN"),
        **dict.fromkeys(("ru", "uk", "bg", "sr", "kk"), "CYRILLIC"),
        **dict.fromkeys(("ar", "fa", "ur"), "ARABIC"),
        **dict.fromkeys(("hi", "mr", "ne"), "DEVANAGARI"),
        **dict.fromkeys(("el",), "GREEK"),
        **dict.fromkeys(("he",), "HEBREW"),
        **dict.fromkeys(("ko",), "HANGUL"),
    }
)
"""First word of the Unicode names of a language's letters; a language that is not here is not checked."""


def synthesise(text: str, language: str | None, voice_number: int | None = None) -> SoundMedia:
    """Speak a text, as a generator of speech would: eSpeak NG's formant synthesis, at 22,050 Hz.

    Equal arguments give equal samples. Thai is spoken for the sentences of the studio alone, which carry a
    transcription: eSpeak NG does not read the script.

    Args:
        text: In the language's own script.
        language: BCP 47, one of eSpeak NG's: `en`, `cmn`, `vi`, ...
        voice_number: Whose voice: 0 to 1,999,999, the same throat in every language; without it, eSpeak's own. People
            of suites have small numbers; those above belong to judges.

    Raises:
        InputError: No text, no language or one that eSpeak lacks, another script, a reserved voice, or the extra
            `speech` is not installed.
    """
    return SoundMedia(sound=levelled(say(text, language, voice_number).sound), sample_rate=SAMPLE_RATE)


def say(text: str | None, language: str | None, voice_number: int | None = None) -> Spoken:
    """Return what `synthesise` says, not yet levelled, with its phonemes and their times; errors are the same."""
    given = as_given(text, language)
    code = str(language)
    whole = isinstance(voice_number, Integral)
    if voice_number is not None and not (whole and 0 <= voice_number < RESERVED_VOICES):
        raise InputError(f"voice {voice_number!r:.40}: legal are 0 to {RESERVED_VOICES - 1}; others belong to judges")
    if code not in known_languages():
        raise InputError(f"eSpeak NG has no language '{code:.40}'{_other_language(code)}")
    throat = _throat(code, voice_number) if voice_number is not None else None
    return speak(
        given,
        code,
        profile=throat.profile() if throat else "",
        words_per_minute=throat.words_per_minute if throat else 165,
        phonemic=_is_phonemic(code),
    )


def as_given(text: str | None, language: str | None) -> str:
    """Return what eSpeak NG is given: the text, or its transcription where it does not read the script.

    Raises:
        InputError: As `check_text`, or no transcription is known.
    """
    words, code = check_text(text, language), str(language)
    return _transcribed(words, code) if _is_phonemic(code) else words


def _other_language(code: str) -> str:
    """Return what might be meant by a language that there is not, and some that there are."""
    known = known_languages()
    plain = {name.lower(): name for name in known}
    meant = plain.get(code.lower()) or plain.get(code.lower().partition("-")[0])
    guess = f" did you mean '{meant}'?" if meant else ""
    return f";{guess} it has {len(known)}, among them {', '.join(sorted(set(LANGUAGES) & set(known)))}"


def _is_phonemic(code: str) -> bool:
    return code in LANGUAGES and LANGUAGES[code].phonemic


def check_text(text: str | None, language: str | None) -> str:
    """Return a text that can be said in a language, without space around it.

    Raises:
        InputError: There is none, no language, or most of its letters are of another script.
    """
    for name, given in (("text", text), ("language", language)):
        if given is not None and not isinstance(given, str):
            raise InputError(f"{name}: expected words, found {given!r:.40} ({type(given).__name__})")
    if not language:
        raise InputError("no language: say which one the text is in, as 'en'")
    words = (text or "").strip()
    letters = [letter for letter in words if letter.isalpha()]
    if not any(letter.isalnum() for letter in words):
        raise InputError(f"nothing to say in {language}: {words!r:.40}")
    wanted = SCRIPTS.get(language.partition("-")[0])
    found = Counter(unicodedata.name(letter, "?").partition(" ")[0] for letter in letters)
    if wanted and letters and 2 * found[wanted] < len(letters):
        other = found.most_common(1)[0][0]
        raise InputError(f"{language} is written in {wanted} letters, found {other}: {words!r:.40}")
    return words


def _throat(language: str, number: int) -> Voice:
    """Return a voice; of a language that the studio does not speak, with the range of most."""
    return voice(language if language in LANGUAGES else "en", number)


def _transcribed(text: str, language: str) -> str:
    """Return the phonemes of a text that is made of known sentences.

    Raises:
        InputError: It is not.
    """
    known = sorted(sentences(language), key=lambda one: -len(one.text))
    left, found = text, []
    while left:
        one = next((sentence for sentence in known if left.startswith(sentence.text)), None)
        if one is None:
            raise InputError(
                f"eSpeak NG does not read the script of '{language}', and there is no transcription of {left!r:.40}"
            )
        found.append(one.spoken)
        left = left[len(one.text) :].lstrip()
    return " _: ".join(found)
