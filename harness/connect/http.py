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
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

from ..canonical import JSON
from ..cards import GeneratorCard
from ..contracts import Artifact, Context, Generator, Request
from ..errors import Failure, InputError, MediaError
from ..media.content import FileMedia
from ..media.item import Item
from .outputs import frames_of
from .spec import HttpSpec
from .wire import (
    PROTOCOL,
    content_type,
    facts_of,
    failure_of,
    item_record,
    quoted,
    read_object,
    request_record,
    stop_after,
)

SUFFIXES = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/bmp": ".bmp",
    "video/mp4": ".mp4",
    "video/webm": ".webm",
    "video/quicktime": ".mov",
    "video/x-matroska": ".mkv",
    "audio/wav": ".wav",
    "audio/x-wav": ".wav",
    "audio/wave": ".wav",
    "audio/flac": ".flac",
    "audio/mpeg": ".mp3",
    "audio/ogg": ".ogg",
}
"""Content types of media that fauxbench reads, and how such a file is called."""
ANSWER = "application/json"
VERSION = "Fauxbench-Version"
BLOCK = 1 << 16
LONGEST_WAIT = 300.0
"""Seconds; a service that asks for more is not waited for."""
LARGEST_JSON = 1 << 28
"""Bytes of an answer in JSON, which is held as a whole; media is not."""
GIVE_UP_AFTER = 3
"""Items in a row for which there was no connection, after which the rest are not tried."""


class Broken(Exception):
    """An attempt that failed."""

    def __init__(self, kind: str, message: str, *, again: bool = False, wait: float = 0.0) -> None:
        super().__init__(message)
        self.kind = kind
        self.again = again
        """Whether another attempt may succeed."""
        self.wait = wait
        """Seconds that the service asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole answer, on disk."""

    type: str
    body: Path


class HttpGenerator(Generator):
    """A system under test that is a service."""

    def __init__(
        self, card: GeneratorCard, parameters: Mapping[str, JSON], spec: HttpSpec, token: str | None = None
    ) -> None:
        super().__init__(card, parameters)
        self.spec = spec
        self._token = token
        self._last = float("-inf")

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
            reply = self._ask(self._body(request), place / "body", deadline)
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
            "request": request_record(request, _item_with_data),
        }
        return json.dumps(document).encode()

    def _ask(self, body: bytes, into: Path, deadline: float) -> Reply:
        """Return the answer, after as many attempts as the suite allows."""
        for attempt in range(self.spec.retries + 1):
            try:
                self._keep_rate(deadline)
                return self._attempt(body, into, min(self.spec.timeout, deadline - time.monotonic()))
            except Broken as error:
                wait = max(error.wait, self.spec.backoff * 2**attempt)
                tries = f" ({attempt + 1} attempts)" if attempt else ""
                if not error.again or attempt == self.spec.retries:
                    raise Broken(error.kind, f"{error}{tries}") from error
                if wait > LONGEST_WAIT or time.monotonic() + wait >= deadline:
                    raise Broken(error.kind, f"{error}; no further attempt, it would begin in {wait:g} s") from error
                time.sleep(wait)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _keep_rate(self, deadline: float) -> None:
        if self.spec.per_second:
            wait = self._last + 1 / self.spec.per_second - time.monotonic()
            if wait > 0:
                time.sleep(min(wait, max(deadline - time.monotonic(), 0)))
            self._last = time.monotonic()

    def _attempt(self, body: bytes, into: Path, seconds: float) -> Reply:
        if seconds <= 0:
            raise Broken("timeout", "not asked: no time is left")
        parts = urlsplit(self.spec.url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = kind(str(parts.hostname), parts.port, timeout=seconds)
        watch = None
        try:
            connection.connect()
            watch = _Watch(connection.sock, seconds)
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", target, body, self._headers())
            with connection.getresponse() as response:
                reply = self._receive(response, into)
        except (OSError, HTTPException, Broken) as error:
            if isinstance(error, TimeoutError) or (watch and watch.over):
                raise self._overdue(seconds) from error
            if isinstance(error, Broken):
                raise
            what = f"{type(error).__name__}: {error}".rstrip(": ")
            state = "no connection to" if watch is None else "the connection broke:"
            raise Broken("crashed", f"{state} {self.spec.url} ({what})", again=True) from error
        finally:
            if watch:
                watch.stop()
            connection.close()
        if watch.over:  # to whoever reads to the end of a connection, a cut is an end
            raise self._overdue(seconds)
        return reply

    def _overdue(self, seconds: float) -> Broken:
        return Broken("timeout", f"no whole answer from {self.spec.url} within {seconds:.3g} s")

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": ANSWER, "Accept": f"{ANSWER}, image/*, video/*, audio/*", "Connection": "close"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        return headers

    def _receive(self, response: HTTPResponse, into: Path) -> Reply:
        """Check an answer's head and write its body to disk, block by block, up to the largest size allowed."""
        if response.status != 200:
            self._refuse_status(response)
        said = response.headers.get(VERSION)
        if said is not None and said.strip() != self.card.version:
            message = f"the service says version {said.strip()!r:.40}, the suite declares '{self.card.version}'"
            raise Broken("invalid", f"{message}: give the suite the version that is there")
        encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding != "identity":
            raise Broken("invalid", f"found Content-Encoding {encoding!r:.40}, which was not asked for")
        found = response.headers.get_content_type() if response.headers.get("Content-Type") else "none"
        if found != ANSWER and found not in SUFFIXES:
            start = quoted(response.read(300))
            raise Broken("invalid", f"found Content-Type {found:.60}, expected {ANSWER} or media; it begins {start}")
        self._write(response, into, min(self.spec.largest, LARGEST_JSON) if found == ANSWER else self.spec.largest)
        return Reply(type=found, body=into)

    def _write(self, response: HTTPResponse, into: Path, largest: int) -> None:
        announced, too_large = response.length, f"more than the {largest} that are allowed"
        if announced is not None and announced > largest:
            raise Broken("invalid", f"an answer of {announced} bytes, {too_large}")
        received = 0
        with into.open("wb") as file:
            while block := response.read1(BLOCK):
                received += len(block)
                if received > largest:
                    raise Broken("invalid", f"the answer was cut off after {received} bytes, {too_large}")
                file.write(block)
        if announced is not None and received != announced:
            raise ConnectionError(f"{received} of {announced} bytes came")

    def _refuse_status(self, response: HTTPResponse) -> None:
        status, start = response.status, quoted(response.read(300))
        message = f"{self.spec.url} answered {status} {response.reason:.60}: {start}"
        if 300 <= status < 400:
            message = f"{self.spec.url} redirects to {response.headers.get('Location', '?')!r:.200}; give that address"
        again = status == 429 or status >= 500
        raise Broken("error", message, again=again, wait=_retry_after(response.headers.get("Retry-After")))

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


class _Watch:
    """Cuts a connection after a while, however busy it is: a slow answer must not take for ever byte by byte."""

    def __init__(self, sock: socket.socket, seconds: float) -> None:
        self._sock = sock
        self.over = False
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self._timer.start()

    def _cut(self) -> None:
        self.over = True
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it ended by itself at this moment

    def stop(self) -> None:
        """Let the connection be."""
        self._timer.cancel()
        self._timer.join()


def _item_with_data(item: Item) -> dict[str, JSON]:
    if item.location is None:
        raise MediaError(f"{item.id}: no file on this machine")
    try:
        data = base64.b64encode(item.location.read_bytes()).decode()
    except OSError as error:
        raise MediaError(f"{item.location}: {error.strerror}") from error
    return {**item_record(item), "content_type": content_type(item.location), "data": data}


def _decoded(value: JSON, path: Path, name: str) -> Path:
    try:
        path.write_bytes(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError, TypeError) as error:
        raise MediaError(f"{name}: expected base64, found {value!r:.60}") from error
    return path


def _named(path: Path, found: str) -> Path:
    return path.rename(path.with_suffix(SUFFIXES[found]))


def _retry_after(value: str | None) -> float:
    """Return the seconds that a Retry-After header asks for: a number, or a date (RFC 9110, section 10.2.3)."""
    if value is None:
        return 0.0
    if value.strip().isascii() and value.strip().isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return 0.0
