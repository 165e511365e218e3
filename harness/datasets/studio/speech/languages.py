"""The languages that the studio speaks."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from ....cards import did_you_mean
from ....errors import InputError


class Language(NamedTuple):
    """One language of the studio."""

    code: str
    """BCP 47; also eSpeak's name for it."""
    name: str
    family: str
    """The family whose viseme table it uses."""
    tonal: bool
    pitch_span: float
    """Highest over lowest pitch of eSpeak's own voice: tones need room."""
    phonemic: bool = False
    """Whether sentences are spoken from a transcription, because eSpeak does not read the script."""


LANGUAGES: Mapping[str, Language] = MappingProxyType(
    {
        language.code: language
        for language in (
            Language("en", "English", "germanic", False, 1.45),
            Language("es", "Spanish", "romance", False, 1.45),
            Language("de", "German", "germanic", False, 1.45),
            Language("id", "Indonesian", "austronesian", False, 1.45),
            Language("cmn", "Mandarin Chinese", "sinitic", True, 1.48),
            Language("yue", "Cantonese", "sinitic", True, 1.45),
            Language("vi", "Vietnamese", "vietic", True, 1.84),
            Language("th", "Thai", "tai", True, 1.45, phonemic=True),
        )
    }
)


def find_language(code: str) -> Language:
    """Return a language of the studio.

    Raises:
        InputError: The studio does not speak it.
    """
    if code not in LANGUAGES:
        hint = did_you_mean(code, LANGUAGES)
        raise InputError(f"the studio does not speak '{code}'{hint}; it speaks: {', '.join(LANGUAGES)}")
    return LANGUAGES[code]
