import base64
import contextlib
import io
import json
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from fauxbench import Artifact, Context, Failure, InputError, Item
from fauxbench.harness.connect.attach import http_identity, token_of
from fauxbench.harness.connect.http import HttpGenerator
from fauxbench.harness.connect.spec import HttpSpec
from fauxbench.harness.media.item import Kind, Modality

from .conftest import asked


def png(seed: int = 0) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (12, 16, 3), dtype=np.uint8)).save(file, "PNG")
    return file.getvalue()


PICTURE = png()


class Service:
    """A server of one's own whose answer to each request can be set; it remembers what it was asked."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, object]] = []
        self.headers: list[dict[str, str]] = []
        self.times: list[float] = []
        self.answers: list[Callable[[BaseHTTPRequestHandler], None]] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                service.times.append(time.monotonic())
                service.headers.append(dict(self.headers))
                service.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                place = min(len(service.bodies), len(service.answers)) - 1
                self.close_connection = True
                with contextlib.suppress(OSError):  # the client went away
                    service.answers[place](self)

            def log_message(self, *words: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/make?quality=1"
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


def answer(
    body: bytes = PICTURE, status: int = 200, kind: str | None = "image/png", **headers: str
) -> Callable[[BaseHTTPRequestHandler], None]:
    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        if kind:
            handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", headers.get("length", str(len(body))))
        for name, value in ((n, v) for n, v in headers.items() if n != "length"):
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return send


def said(**document: object) -> Callable[[BaseHTTPRequestHandler], None]:
    return answer(json.dumps(document).encode(), kind="application/json")


@pytest.fixture
def service() -> Iterator[Service]:
    one = Service()
    one.answers = [answer()]
    yield one
    one.close()


def system(url: str, token: str | None = None, **more: object) -> HttpGenerator:
    spec = HttpSpec.model_validate({"url": url, "backoff": 0.01, "timeout": 5, "retries": 2, **more})
    return HttpGenerator(spec.card("mine", "2", "fully_synthetic"), {"depth": 3}, spec, token)


def ask(one: HttpGenerator, context: Context, number: int = 1, **more: object) -> list[bytes | Failure]:
    found: list[bytes | Failure] = []
    for made in one.generate(asked(number, **more), context):
        found.append(made if isinstance(made, Failure) else made.media.path.read_bytes())  # type: ignore[union-attr]
    assert not list(context.scratch.iterdir())
    return found


def only(found: list[bytes | Failure], kind: str = "invalid") -> str:
    (one,) = found
    assert isinstance(one, Failure), one
    assert one.kind == kind, one
    assert one.request_id == "r0"
    return one.message


def test_media_is_kept_byte_for_byte_and_the_service_is_told_everything(
    service: Service, context: Context, tmp_path: Path
) -> None:
    (tmp_path / "anna.png").write_bytes(PICTURE)
    clusters = {"identity": "anna"}
    person = Item(
        id="p", modality=Modality.IMAGE, kind=Kind.REAL, group="g", clusters=clusters, location=tmp_path / "anna.png"
    )
    assert ask(system(service.url, token="secret"), context, 2, target=person) == [PICTURE, PICTURE]
    body = service.bodies[0]
    assert (body["protocol"], body["system"], body["parameters"]) == (1, "mine@2", {"depth": 3})
    request = body["request"]
    assert isinstance(request, dict)
    assert (request["id"], request["seed"], request["output"]["width"]) == ("r0", 10, 16)
    target = request["target"]
    assert base64.b64decode(target.pop("data")) == PICTURE
    assert target == {"id": "p", "modality": "image", "language": None, "content_type": "image/png"}
    assert service.headers[0]["Authorization"] == "Bearer secret"
    assert "anna" not in json.dumps(body)  # neither path nor identity


def test_json_may_carry_media_masks_and_facts(service: Service, context: Context) -> None:
    data = base64.b64encode(PICTURE).decode()
    service.answers = [said(id="r0", media=data, content_type="image/png", masks=[data], facts={"n": 1})]
    (made,) = list(_held(system(service.url), context))
    assert made == (PICTURE, {"n": 1}, (12, 16))


def _held(one: HttpGenerator, context: Context) -> Iterator[tuple[bytes, object, tuple[int, ...]]]:
    for made in one.generate(asked(1), context):
        assert isinstance(made, Artifact)
        assert made.masks
        (mask,) = made.masks()
        yield made.media.path.read_bytes(), made.facts, mask.shape  # type: ignore[union-attr]


def test_a_failure_of_the_service_is_a_failure(service: Service, context: Context) -> None:
    service.answers = [said(failure={"kind": "refused", "message": "no face"})]
    assert only(ask(system(service.url), context), "refused") == "no face"
    service.answers = [said(failure="odd")]
    assert only(ask(system(service.url), context), "error") == "odd"


WRONG: dict[str, tuple[Callable[[BaseHTTPRequestHandler], None], str]] = {
    "a page": (
        answer(b"<html>hello</html>", kind="text/html"),
        "found Content-Type text/html, expected",
    ),
    "no content type": (answer(kind=None), "found Content-Type none"),
    "compressed": (answer(Content_Encoding="gzip"), "Content-Encoding 'gzip'"),
    "another version": (answer(Fauxbench_Version="3"), "says version '3', the suite declares '2'"),
    "not JSON": (answer(b"{oops", kind="application/json"), "not JSON: '{oops'"),
    "a list": (answer(b"[]", kind="application/json; charset=utf-8"), "expected a JSON object"),
    "empty JSON": (said(), "content_type: expected one of image/png"),
    "no base64": (said(content_type="image/png", media="***"), "media: expected base64, found '***'"),
    "a number for media": (said(content_type="image/png", media=5), "media: expected base64, found 5"),
    "another item": (said(id="r7", content_type="image/png", media=""), "an answer to 'r7', which was not asked"),
    "a mask that is none": (said(content_type="image/png", media="", masks=[{}]), "masks.0: expected base64"),
    "masks that are a word": (said(content_type="image/png", media="", masks="x"), "masks: expected a list"),
    "facts that are a list": (said(content_type="image/png", media="", facts=[1]), "facts: expected a JSON object"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_answer_is_a_failure_and_the_rest_goes_on(case: str, service: Service, context: Context) -> None:
    wrong, words = WRONG[case]
    service.answers = [wrong, answer()]
    first, second = ask(system(service.url), context, 2)
    assert words in only([first])
    assert second == PICTURE
    assert len(service.bodies) == 2  # a wrong answer stays wrong: it is not asked again


def test_the_version_that_is_declared_is_welcome(service: Service, context: Context) -> None:
    service.answers = [answer(Fauxbench_Version="2")]
    assert ask(system(service.url), context) == [PICTURE]


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_busy_and_broken_services_are_asked_again(status: int, service: Service, context: Context) -> None:
    service.answers = [answer(b"busy", status), answer(b"busy", status), answer()]
    assert ask(system(service.url), context) == [PICTURE]
    assert len(service.bodies) == 3
    service.bodies.clear()
    service.answers = [answer(b"busy", status)]
    message = only(ask(system(service.url), context), "error")
    assert f"answered {status}" in message
    assert "'busy' (3 attempts)" in message
    assert len(service.bodies) == 3


def test_the_wait_doubles_and_retry_after_counts(service: Service, context: Context) -> None:
    service.answers = [answer(b"", 503), answer(b"", 503), answer()]
    ask(system(service.url, backoff=0.2), context)
    spans = np.diff(service.times)
    assert 0.2 <= spans[0] < 0.4 <= spans[1]
    service.times.clear()
    service.bodies.clear()
    service.answers = [answer(b"", 429, Retry_After="1"), answer()]
    assert ask(system(service.url), context) == [PICTURE]
    assert np.diff(service.times)[0] >= 1
    service.bodies.clear()
    service.answers = [answer(b"", 429, Retry_After=formatdate(time.time() + 4000, usegmt=True))]
    assert "no further attempt, it would begin in 39" in only(ask(system(service.url), context), "error")
    assert len(service.bodies) == 1
    service.bodies.clear()
    service.answers = [answer(b"", 429, Retry_After="soon"), answer()]
    assert ask(system(service.url), context) == [PICTURE]


@pytest.mark.parametrize("status", [400, 401, 404, 422])
def test_a_refusal_is_not_asked_again(status: int, service: Service, context: Context) -> None:
    service.answers = [answer(b'{"detail": "no"}', status)]
    message = only(ask(system(service.url), context), "error")
    assert f"answered {status}" in message
    assert "detail" in message
    assert len(service.bodies) == 1


def test_a_redirect_is_not_followed(service: Service, context: Context) -> None:
    service.answers = [answer(b"", 302, Location="http://elsewhere/")]
    assert "redirects to 'http://elsewhere/'; give that address" in only(ask(system(service.url), context), "error")


def _cut(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


def _chunked_and_cut(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "image/png")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"40\r\n" + PICTURE[:20])


def _no_http(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"hello\r\n\r\n")


@pytest.mark.parametrize("broken", [answer(PICTURE[:100], length="9999"), _cut, _chunked_and_cut, _no_http])
def test_a_broken_answer_is_asked_for_again(
    broken: Callable[[BaseHTTPRequestHandler], None], service: Service, context: Context
) -> None:
    service.answers = [broken, answer()]
    assert ask(system(service.url), context) == [PICTURE]
    service.bodies.clear()
    service.answers = [broken, broken, broken, answer()]
    first, second = ask(system(service.url), context, 2)
    assert "the connection broke" in only([first], "crashed")
    assert second == PICTURE


def _drip(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "image/png")
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(1000):
        handler.wfile.write(b"x")
        time.sleep(0.05)


def _drip_headers(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
    for _ in range(1000):
        handler.wfile.write(b"x")
        time.sleep(0.05)


def _silent(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(3)


@pytest.mark.parametrize("slow", [_drip, _drip_headers, _silent])
def test_a_slow_answer_is_cut_off_and_the_rest_goes_on(
    slow: Callable[[BaseHTTPRequestHandler], None], service: Service, context: Context
) -> None:
    service.answers = [slow, answer()]
    began = time.monotonic()
    first, second = ask(system(service.url, timeout=0.5), context, 2)
    assert time.monotonic() - began < 2.5
    assert "no whole answer from" in only([first], "timeout")
    assert second == PICTURE


def test_the_time_limit_of_the_unit_ends_the_asking(service: Service, context: Context) -> None:
    service.answers = [answer(), _silent]
    short = Context(seed=0, scratch=context.scratch, time_limit=2)
    found = ask(system(service.url), short, 4)
    assert found[0] == PICTURE
    assert [one.kind for one in found[1:] if isinstance(one, Failure)] == ["timeout"] * 3
    assert "time limit of 2 s was near" in str(found[3])


BLOCK = b"x" * (1 << 16)


def _endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "video/mp4")
    handler.end_headers()
    while True:
        handler.wfile.write(BLOCK)


def _endless_chunk(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"%x\r\n" % (10 << 30))
    while True:
        handler.wfile.write(BLOCK)


@pytest.mark.parametrize(
    ("huge", "words"),
    [
        (answer(b"x", length=str(10 << 30)), "an answer of 10737418240 bytes, more than the 2097152"),
        (_endless, "bytes, more than the 2097152 that are allowed"),
        (_endless_chunk, "bytes, more than the 2097152 that are allowed"),
    ],
)
def test_ten_gigabytes_are_cut_off_without_being_held(
    huge: Callable[[BaseHTTPRequestHandler], None], words: str, service: Service, context: Context
) -> None:
    service.answers = [huge, answer()]
    tracemalloc.start()
    try:
        first, second = ask(system(service.url, largest_mb=2), context, 2)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert words in only([first])
    assert "cut off" in only([first]) or "10737418240" in only([first])
    assert second == PICTURE
    assert peak < 4 << 20


def test_a_long_refusal_is_not_read(service: Service, context: Context) -> None:
    service.answers = [answer(b"x" * (1 << 20), 400)]
    assert len(only(ask(system(service.url), context), "error")) < 500


def test_the_rate_is_kept(service: Service, context: Context) -> None:
    ask(system(service.url, per_second=10), context, 4)
    assert min(np.diff(service.times)) > 0.08


def test_nobody_listening_ends_the_unit(context: Context) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
    for number in (1, 5):
        with pytest.raises(InputError, match=r"no connection to http://127\.0\.0\.1.* \(3 attempts\)"):
            ask(system(url), context, number)


def test_a_service_that_dies_is_not_asked_for_ever(service: Service, context: Context) -> None:
    service.answers = [answer(), _cut]
    found = ask(system(service.url, retries=0), context, 40)
    assert found[0] == PICTURE
    assert [one.kind for one in found[1:] if isinstance(one, Failure)] == ["crashed"] * 39
    assert len(service.bodies) == 4
    assert "not tried: no connection to" in str(found[-1])


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://host/x", "expected http://"),
        ("host:80/x", "expected http://"),
        ("http://", "expected http://"),
        ("http://host:99999/", "not a URL"),
        ("http://host:0/", "a port from 1"),
        ("http://host/a b", "without blanks"),
        ("http://host/ü", "printable ASCII"),
        ("http://me:pw@host/", "does not belong in a suite"),
        ("http://host/#x", "a fragment"),
    ],
)
def test_addresses_that_cannot_be_used(url: str, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        HttpSpec(url=url)


def test_the_identity_is_the_address_and_the_declared_version(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = HttpSpec(url="http://host/a", token="FAUX_TOKEN")
    first = http_identity(spec, "1")
    assert http_identity(spec.model_copy(update={"timeout": 7.0, "retries": 0}), "1") == first
    assert http_identity(spec, "2") != first
    assert http_identity(HttpSpec(url="http://host/b"), "1") != first
    with pytest.raises(InputError, match="the variable FAUX_TOKEN holds no token"):
        token_of(spec)
    monkeypatch.setenv("FAUX_TOKEN", "s3cret")
    assert token_of(spec) == "s3cret"
