"""The `http` connector: a service that answers one POST for each item.

The body of the request is JSON:

    {"protocol": 1, "system": "name@version", "parameters": {...}, "request": {"id", "seed", "target", ..., "output"}}

where an Item is `{"id", "modality", "language", "content_type", "data"}` with its file in base64. The answer has status
200 and is either the media itself (`Content-Type: image/png`, `video/mp4`, `audio/wav`, ...), or JSON:

    {"media": BASE64, "content_type": "image/png", "masks": [BASE64 of PNG...], "facts": {...}}
    {"failure": {"kind": "refused", "message": "..."}}

A header `Fauxbench-Version`, if there is one, must equal the version that the suite declares. 429 and 5xx are tried
again.
"""

import base64
import binascii
import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ..canonical import JSON
from ..cards import GeneratorCard
from ..contracts import Artifact, Context, Generator, Request
from ..errors import Failure, InputError, MediaError
from ..media.content import FileMedia
from .outputs import frames_of
from .service import ANSWER, SUFFIXES, Broken, Reply, Service, item_with_data
from .spec import HttpSpec
from .wire import (
    PROTOCOL,
    facts_of,
    failure_of,
    read_object,
    request_record,
    stop_after,
)

GIVE_UP_AFTER = 3
"""Items in a row for which there was no connection, after which the rest are not tried."""


class HttpGenerator(Generator):
    """A system under test that is a service."""

    def __init__(
        self, card: GeneratorCard, parameters: Mapping[str, JSON], spec: HttpSpec, token: str | None = None
    ) -> None:
        super().__init__(card, parameters)
        self.spec = spec
        self._service = Service(spec, card.version, token)

    def generate(self, requests: Sequence[Request], context: Context) -> Iterator[Artifact | Failure]:
        """Ask for one item after the other and yield what comes.

        Raises:
            InputError: Nothing listens at the address.
        """
        deadline = time.monotonic() + stop_after(context.time_limit) if context.time_limit else float("inf")
        place = Path(tempfile.mkdtemp(prefix="http-", dir=context.scratch))
        unreached, reached = 0, False
        try:
            for done, request in enumerate(requests):
                if unreached >= GIVE_UP_AFTER:
                    message = f"not tried: no connection to {self.spec.url} for {unreached} items in a row"
                    yield Failure(request_id=request.id, kind="crashed", message=message)
                    continue
                made = self._one(request, place, deadline, context)
                lost = isinstance(made, Failure) and made.kind == "crashed"
                unreached, reached = (unreached + 1 if lost else 0), reached or not lost
                if isinstance(made, Failure) and unreached == min(GIVE_UP_AFTER, len(requests)) and not reached:
                    raise InputError(made.message)
                yield made
                context.progress((done + 1) / len(requests), f"{done + 1} of {len(requests)} items")
                for left in place.iterdir():
                    left.unlink()
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def _one(self, request: Request, place: Path, deadline: float, context: Context) -> Artifact | Failure:
        try:
            reply = self._service.ask(self._body(request), place / "body", deadline)
            return self._read(request, reply, place)
        except Broken as error:
            message = str(error)
            if time.monotonic() >= deadline:
                message += f" (the time limit of {context.time_limit:g} s was near)"
            return Failure(request_id=request.id, kind=error.kind, message=message)
        except (MediaError, ValueError) as error:
            return Failure(request_id=request.id, kind="invalid", message=str(error))

    def _body(self, request: Request) -> bytes:
        document = {
            "protocol": PROTOCOL,
            "system": f"{self.card.name}@{self.card.version}",
            "parameters": dict(self.parameters),
            "request": request_record(request, item_with_data),
        }
        return json.dumps(document).encode()

    def _read(self, request: Request, reply: Reply, place: Path) -> Artifact | Failure:
        if reply.type != ANSWER:
            return Artifact(request_id=request.id, media=FileMedia(path=_named(reply.body, reply.type)))
        answer = read_object(reply.body.read_bytes())
        failure = answer.get("failure")
        if failure is not None:
            told = failure if isinstance(failure, dict) else {"message": str(failure)}
            return failure_of(request.id, told)
        if answer.get("id", request.id) != request.id:
            raise MediaError(f"an answer to {answer['id']!r:.80}, which was not asked")
        found = answer.get("content_type")
        if not isinstance(found, str) or found not in SUFFIXES:
            raise MediaError(f"content_type: expected one of {', '.join(SUFFIXES)}; found {found!r:.60}")
        media = _decoded(answer.get("media"), place / "media", "media")
        masks = answer.get("masks") or []
        if not isinstance(masks, list):
            raise MediaError(f"masks: expected a list of base64, found {masks!r:.60}")
        paths = [_decoded(mask, place / f"mask-{i}.png", f"masks.{i}") for i, mask in enumerate(masks)]
        return Artifact(
            request_id=request.id,
            media=FileMedia(path=_named(media, found)),
            masks=frames_of(paths) if paths else None,
            facts=facts_of(answer),
        )


def _decoded(value: JSON, path: Path, name: str) -> Path:
    try:
        path.write_bytes(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError, TypeError) as error:
        raise MediaError(f"{name}: expected base64, found {value!r:.60}") from error
    return path


def _named(path: Path, found: str) -> Path:
    return path.rename(path.with_suffix(SUFFIXES[found]))
