"""What passes between fauxbench and a system that is no Python class: plain JSON, versioned."""

import json
import mimetypes
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..canonical import JSON
from ..contracts import Output, Request
from ..errors import Failure
from ..media.item import Item

PROTOCOL = 1
"""Of both connectors; a change that an older program would misunderstand raises it."""
QUOTED = 200
"""Characters of a wrong answer that a message quotes."""

KINDS = frozenset({"unreadable", "error", "timeout", "invalid", "missing", "refused", "crashed"})
"""Kinds of failure that a system may give; any other word becomes `error`."""

ItemForm = Callable[[Item], dict[str, JSON]]
_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp", ".mp4": "video/mp4", ".wav": "audio/wav"}


def content_type(path: Path) -> str:
    """Return the media type of a file by its suffix."""
    suffix = path.suffix.lower()
    return _TYPES.get(suffix) or mimetypes.types_map.get(suffix, "application/octet-stream")


def item_record(item: Item) -> dict[str, JSON]:
    """Return what a system is told of an Item besides its content: nothing that says who it is but its id."""
    return {"id": item.id, "modality": str(item.modality), "language": item.language}


def item_with_file(item: Item) -> dict[str, JSON]:
    """Return an Item with the absolute path of its file."""
    return {**item_record(item), "file": str(item.location)}


def output_record(output: Output | None) -> dict[str, JSON]:
    """Return the form asked for; None leaves it to the system."""
    asked = output or Output()
    return {"width": asked.width, "height": asked.height, "fps": asked.fps, "seconds": asked.seconds}


def request_record(request: Request, form: ItemForm) -> dict[str, JSON]:
    """Return a request as a JSON object; `form` says how Items are handed over."""

    def one(item: Item | None) -> JSON:
        return form(item) if item is not None else None

    return {
        "id": request.id,
        "seed": request.seed,
        "target": one(request.target),
        "references": [form(item) for item in request.references],
        "driver": one(request.driver),
        "audio": one(request.audio),
        "text": request.text,
        "language": request.language,
        "attributes": dict(request.attributes),
        "output": output_record(request.output),
    }


def read_object(line: bytes | str) -> dict[str, JSON]:
    """Return a JSON object.

    Raises:
        ValueError: It is not JSON, or no object; the message quotes it.
    """
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {quoted(line)}") from error
    if not isinstance(found, dict):
        raise ValueError(f"expected a JSON object, found {quoted(line)}")  # noqa: TRY004 - one kind of wrong answer
    return found


def quoted(text: bytes | str) -> str:
    """Return the beginning of a text for a message."""
    words = text.decode(errors="replace") if isinstance(text, bytes) else text
    return repr(words[:QUOTED]) + ("..." if len(words) > QUOTED else "")


def names_of(value: JSON) -> Sequence[str]:
    """Return file names given as one string or as a list of strings.

    Raises:
        ValueError: Neither.
    """
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise ValueError(f"expected a file name or a list of them, found {value!r:.80}")
    return names


def facts_of(answer: Mapping[str, JSON]) -> Mapping[str, JSON]:
    """Return the facts of an answer, which must be an object.

    Raises:
        ValueError: They are something else.
    """
    facts = answer.get("facts") or {}
    if not isinstance(facts, dict):
        raise ValueError(f"facts: expected a JSON object, found {facts!r:.80}")  # noqa: TRY004
    return facts


def failure_of(request_id: str, told: Mapping[str, JSON]) -> Failure:
    """Return the Failure that a system reports of one item."""
    kind = str(told.get("kind"))
    message = str(told.get("message") or "no reason given")[:1000]
    return Failure(request_id=request_id, kind=kind if kind in KINDS else "error", message=message)


def stop_after(limit: float) -> float:
    """Return the seconds after which a connector stops waiting, so that what has come by then is kept."""
    return limit - min(5.0, limit / 4)
