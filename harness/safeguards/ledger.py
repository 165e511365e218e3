"""What left, by run and maker: names for the few letters that a watermark has room for.

KEYS/known.jsonl, one line for each pair: {"run": 8 hex, "generator": 4 hex, "made_by": ..., "name": ...}
"""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..canonical import JSON, canonical
from ..errors import InputError
from .watermark import Mark

KNOWN = "known.jsonl"


def note(folder: Path, made: Iterable[tuple[Mark, str, str]]) -> None:
    """Remember (mark, what made it, name of its maker); pairs that are known are not written again.

    Raises:
        InputError: The folder of the keys cannot be written.
    """
    rows = {canonical({"run": m.run, "generator": m.generator, "made_by": by, "name": name}) for m, by, name in made}
    path = folder / KNOWN
    try:
        new = sorted(rows - set(path.read_text(encoding="utf-8").splitlines() if path.is_file() else ()))
        if not new:
            return
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write("".join(row + "\n" for row in new))  # one write: lines of two processes do not mix
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be written: {error}; set FAUXBENCH_KEYS to a folder that can") from error


def look_up(folder: Path, mark: Mark) -> Mapping[str, JSON] | None:
    """Return what is known of who made a mark, or None; a damaged line is passed over."""
    path = folder / KNOWN
    if not path.is_file():
        return None
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and (row.get("run"), row.get("generator")) == (mark.run, mark.generator):
            return row
    return None
