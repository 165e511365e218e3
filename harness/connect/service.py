"""A service that answers POST requests with a file or with JSON: attempts, limits, versions, sizes."""

import base64
import socket
import threading
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

from ..canonical import JSON
from ..errors import MediaError
from ..media.item import Item
from .spec import HttpSpec
from .wire import content_type, item_record, quoted

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


class Service:
    """An address, asked as the suite allows.

    Args:
        spec: Of the suite.
        version: What the service must call itself, if it says so.
        token: Sent as a bearer token.
    """

    def __init__(self, spec: HttpSpec, version: str, token: str | None = None) -> None:
        self.spec = spec
        self.version = version
        self._token = token
        self._last = float("-inf")

    def ask(self, body: bytes, into: Path, deadline: float) -> Reply:
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
        if said is not None and said.strip() != self.version:
            message = f"the service says version {said.strip()!r:.40}, the suite declares '{self.version}'"
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


def item_with_data(item: Item) -> dict[str, JSON]:
    """Return an Item with its file in base64.

    Raises:
        MediaError: There is no such file.
    """
    if item.location is None:
        raise MediaError(f"{item.id}: no file on this machine")
    try:
        data = base64.b64encode(item.location.read_bytes()).decode()
    except OSError as error:
        raise MediaError(f"{item.location}: {error.strerror}") from error
    return {**item_record(item), "content_type": content_type(item.location), "data": data}


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
