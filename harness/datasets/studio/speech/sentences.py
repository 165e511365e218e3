"""Sentences to say, written for the project, and their splits.

`sentences/<code>.txt` holds one sentence a line; lines that start with `#` say where they come from. Where eSpeak does
not read the script, a transcription follows after ` | `.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from ....media.item import Split
from ...splits import split_identities
from .languages import find_language

_FOLDER = Path(__file__).parent / "sentences"
SHARES: Mapping[str, float] = {"train": 0.5, "validation": 0.2, "test": 0.3}


class Sentence(NamedTuple):
    """One sentence."""

    id: str
    """Stable, as `cmn-007`: the seventh of its file. New sentences are added at the end."""
    language: str
    text: str
    """In the language's own script."""
    spoken: str
    """What eSpeak is given: the text, or its transcription."""


@lru_cache(maxsize=16)
def sentences(language: str) -> tuple[Sentence, ...]:
    """Return all sentences of a language, in the order of the file.

    Raises:
        InputError: The studio does not speak it.
    """
    find_language(language)
    lines = (_FOLDER / f"{language}.txt").read_text(encoding="utf-8").splitlines()
    said = [line for line in lines if line.strip() and not line.startswith("#")]
    found = []
    for number, line in enumerate(said, 1):
        text, _, transcription = (part.strip() for part in line.partition("|"))
        found.append(Sentence(f"{language}-{number:03d}", language, text, transcription or text))
    return tuple(found)


@lru_cache(maxsize=64)
def sentences_of(language: str, split: Split | None) -> tuple[Sentence, ...]:
    """Return the sentences of one split; None returns all. Splits are disjoint and the same in every set."""
    if split is None:
        return sentences(language)
    assigned = split_identities({one.id: 1 for one in sentences(language)}, SHARES, 0)
    return tuple(one for one in sentences(language) if assigned[one.id] is split)
