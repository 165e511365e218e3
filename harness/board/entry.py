"""The entry of one run on a leaderboard, whole in itself.

BOARD/<suite>/
  <id>.json       everything but what follows
  <id>/           scores.parquet, replicates.json
  README.md       the ranking over all entries

The id is a digest over what was measured, on what and how; never over a time, a machine or a place, so that two runs
that measured the same give the same entry.

HISTORY of `schema_version` (raise it with any change of meaning, and write a migration):
    1   2026-11-22  first form
"""

from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from ..canonical import JSON, digest_of
from ..cards import Document
from ..errors import InputError
from ..safeguards.detectability import Detectability
from ..store.schema import Results

TABLE = "README.md"
SCORES = "scores.parquet"
REPLICATES = "replicates.json"


class SetRecord(Document):
    """A system's set, as its card says it."""

    digest: str
    items: int
    expected: int
    modality: str
    people: str
    """real, rendered or none."""
    detectability: Detectability


class Entry(Document):
    """`<id>.json`."""

    schema_version: Literal[1] = 1
    id: str
    """First 16 characters of the digest over everything here that a repetition gives again."""
    results: Results
    """As the run wrote it: rows with their comparability keys, and the systems with their code identity."""
    results_digest: str
    """sha256 over `results`."""
    suite: dict[str, JSON]
    """The suite as it was read."""
    cards: dict[str, JSON]
    """Of systems and detectors, by name."""
    sets: dict[str, SetRecord]
    """System -> its set. A system that made nothing has none."""
    detectors: dict[str, str]
    """Trained detector -> fingerprint of its training: card, parameters, code, weights and what it learned from."""
    environment: dict[str, JSON]
    """Where it ran; not part of the id."""
    files: dict[str, str]
    """Name in the entry's folder -> sha256 of its bytes."""


def id_of(entry: Entry) -> str:
    """Return the id that an entry must have."""
    known = entry.model_dump(mode="json", exclude={"id", "environment"})
    for one in known["sets"].values():
        del one["detectability"]["measured"]
    return digest_of(known)[:16]


def digest_of_results(results: Results) -> str:
    """Return the digest of a results document."""
    return f"sha256:{digest_of(results.model_dump(mode='json'))}"


def entries_of(suite_folder: Path) -> list[Path]:
    """Return the entry files of one suite's leaderboard, sorted by id."""
    return sorted(path for path in suite_folder.glob("*.json") if path.is_file() and path.name != REPLICATES)


def read_entry(path: Path) -> Entry:
    """Read an entry.

    Raises:
        InputError: It is no entry of a version that this fauxbench reads.
    """
    try:
        return Entry.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "document"
        raise InputError(f"{path}: {place}: {first['msg']} ({error.error_count()} findings)") from error
