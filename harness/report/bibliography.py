"""The papers that a run's metrics and generators cite, as BibTeX.

`references.bib` holds them all; the field `keywords` of an entry says which parts cite it: `metric:fd`,
`generator:dcgan`.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from ..store.schema import Results

SOURCE = Path(__file__).with_name("references.bib")
_KEYWORDS = re.compile(r"^ *keywords *= *\{([^}]*)\},\n", re.MULTILINE)


class Entry(NamedTuple):
    """One paper."""

    key: str
    text: str
    """As BibTeX, without the field that says who cites it."""
    cited_by: frozenset[str]


@cache
def entries() -> tuple[Entry, ...]:
    """Return every paper that is known."""
    found = []
    for part in re.split(r"\n(?=@)", SOURCE.read_text(encoding="utf-8")):
        head, words = re.match(r"@\w+\{([^,]+),", part), _KEYWORDS.search(part)
        if head is None or words is None:
            raise ValueError(f"{SOURCE.name}: an entry without key or keywords: {part[:60]!r}")
        cited = frozenset(word.strip() for word in words[1].split(","))
        found.append(Entry(head[1], _KEYWORDS.sub("", part).strip() + "\n", cited))
    return tuple(found)


def parts_of(results: Results) -> Iterator[str]:
    """Yield `metric:NAME` of every metric with a value, and `generator:NAME` of every system; some more than once."""
    for row in results.rows:
        if row.section in {"realism", "robustness"} and row.value is not None and "detector" not in row.slice:
            yield f"metric:{str(row.protocol.get('metric', row.metric)).partition(' ')[0].partition('[')[0]}"
    for record in results.systems:
        yield f"generator:{record.generator}"


def bibliography(results: Results) -> str:
    """Return the papers of a run, by key; nothing where none of its parts cites one."""
    wanted = set(parts_of(results))
    cited = sorted(entry for entry in entries() if entry.cited_by & wanted)
    return "\n".join(entry.text for entry in cited)
