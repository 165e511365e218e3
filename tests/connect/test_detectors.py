import json
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from fauxbench import Context, Detector, InputError, Item
from fauxbench.harness.connect.verdicts import record_of
from fauxbench.harness.media.images import write_png
from fauxbench.harness.media.item import Kind, Modality
from fauxbench.harness.registry import DETECTORS, Part, load_class

PROGRAM = """
import base64, json, pathlib, sys
from PIL import Image

def brightness(path):
    return min(1.0, max(0.0, sum(Image.open(path).convert("L").tobytes()) / 255 / 64))

weights = None
for line in sys.stdin:
    order = json.loads(line)
    if order["type"] == "hello":
        weights = order["weights"]
        answer = {"type": "hello", "protocol": 1, "card": {"modality": "image"}}
    elif order["type"] == "fit":
        print(json.dumps({"type": "progress", "fraction": 0.5, "message": "half"}), flush=True)
        told = [[one["id"], one["fake"]] for one in order["train"] + order["validation"]]
        (pathlib.Path(order["weights"]) / "learned.json").write_text(json.dumps(told))
        answer = {"type": "fitted", "threshold": 0.25}
    elif order["type"] == "score":
        assert "fake" not in order
        answer = {"type": "score", "id": order["id"]}
        if order["id"] == "shy":
            answer["missing"] = "no face"
        elif order["id"] == "loud":
            answer["fake"] = 7
        elif order["id"] == "fail":
            answer = {"type": "failure", "id": "fail", "message": "cannot"}
        elif order["id"] == "last":
            sys.exit(3)
        else:
            answer["fake"] = brightness(order["file"])
            answer["frames"] = [[0.0, 0.5], [0.5, 1.0]]
    else:
        break
    print(json.dumps(answer), flush=True)
"""


def picture(folder: Path, name: str, level: int, *, fake: bool = False) -> Item:
    path = folder / f"{name}.png"
    write_png(path, np.full((8, 8, 3), level, np.uint8))
    kind = Kind.FULLY_SYNTHETIC if fake else Kind.REAL
    return Item(id=name, modality=Modality.IMAGE, kind=kind, visual_fake=fake, group="t", location=path)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    (tmp_path / "judge.py").write_text(PROGRAM)
    path = tmp_path / "judge.yaml"
    argv = json.dumps([sys.executable, "judge.py"])
    path.write_text(
        f"use: command\nname: judge\nversion: 2\nparameters: {{k: 3}}\ncommand: {{argv: {argv}, fits: true}}\n"
    )
    return path


def built(path: Path) -> Detector:
    part = DETECTORS.find(path.name, path.parent)
    detector = load_class(part.spec, Detector)(part.card, part.card.fill({}))
    assert isinstance(detector, Detector)
    return detector


@pytest.fixture
def context(tmp_path: Path) -> Context:
    (tmp_path / "scratch").mkdir()
    return Context(seed=0, scratch=tmp_path / "scratch")


def test_a_program_learns_is_saved_and_scores(program: Path, context: Context, tmp_path: Path) -> None:
    detector = built(program)
    detector.fit([picture(tmp_path, "a", 0), picture(tmp_path, "b", 9, fake=True)], [], context)
    detector.save(tmp_path / "scratch")
    assert json.loads((tmp_path / "scratch" / "learned.json").read_text()) == [["a", False], ["b", True]]
    other = built(program)
    other.load(tmp_path / "scratch")
    assert other.threshold == 0.25
    items = [picture(tmp_path, name, 51) for name in ("x", "shy", "loud", "fail", "y")]
    records = list(other.score(items, context))
    assert [r.item for r in records] == ["x", "shy", "loud", "fail", "y"]
    assert [r.status for r in records] == ["ok", "missing", "error", "error", "ok"]
    assert records[0].fake == pytest.approx(0.2)
    assert records[0].frames == ((0.0, 0.5), (0.5, 1.0))
    assert (records[1].reason, records[3].reason) == ("no face", "cannot")
    assert "1 = fake; found 7" in str(records[2].reason)
    assert list(other.score([], context)) == []


def test_a_program_that_ends_early_keeps_what_it_said(program: Path, context: Context, tmp_path: Path) -> None:
    items = [picture(tmp_path, name, 51) for name in ("x", "last", "y")]
    records = list(built(program).score(items, context))
    assert [r.status for r in records] == ["ok", "error", "error"]
    assert "exit status 3" in str(records[1].reason)


def test_the_identity_follows_the_program(program: Path) -> None:
    def part() -> Part:
        return DETECTORS.find("judge.yaml", program.parent)

    first = part()
    assert (first.card.name, first.card.version, first.card.fits, first.card.fill({})) == ("judge", "2", True, {"k": 3})
    code = first.code
    assert part().code == code
    (program.parent / "judge.py").write_text(PROGRAM + "\n# changed")
    assert part().code != code


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("use: command\nname: a\nversion: '1'\n", "needs `command:` and nothing else, found none"),
        ("use: http\nname: a\nversion: '1'\nhttp: {url: 'ftp://x'}\n", "expected http"),
        ("use: command\nname: a\nversion: '1'\ncommand: {argv: [no-such-program-at-all]}\n", "no program"),
        ("[", "not YAML"),
        ("use: command\nname: a\nversion: '1'\nthreshold: 2\n", "less than or equal to 1"),
    ],
)
def test_a_wrong_description_is_answered(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(InputError, match=words):
        DETECTORS.find("a.yaml", tmp_path)
    with pytest.raises(InputError, match="no detector at"):
        DETECTORS.find("b.yaml", tmp_path)


@pytest.fixture
def service() -> Iterator[tuple[str, Callable[[object], None]]]:
    answers: list[object] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert order["item"]["data"]
            assert order["system"] == "far@1"
            body = json.dumps(answers.pop(0)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/", answers.append
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_service_is_asked_item_by_item(
    service: tuple[str, Callable[[object], None]], context: Context, tmp_path: Path
) -> None:
    url, answer = service
    (tmp_path / "far.yaml").write_text(f"use: http\nname: far\nversion: '1'\nthreshold: 0.3\nhttp: {{url: '{url}'}}\n")
    detector = built(tmp_path / "far.yaml")
    assert detector.threshold == 0.3
    for one in ({"fake": 0.9}, {"missing": "no face"}, {"failure": {"message": "tired"}}, {"fake": "high"}, [1]):
        answer(one)
    records = list(detector.score([picture(tmp_path, name, 1) for name in "abcde"], context))
    assert [r.status for r in records] == ["ok", "missing", "error", "error", "error"]
    assert records[0].fake == 0.9
    assert records[2].reason == "tired"


def test_nothing_at_the_address(context: Context, tmp_path: Path) -> None:
    text = "use: http\nname: far\nversion: '1'\nhttp: {url: 'http://127.0.0.1:9/', retries: 0}\n"
    (tmp_path / "far.yaml").write_text(text)
    with pytest.raises(InputError, match="no connection to"):
        list(built(tmp_path / "far.yaml").score([picture(tmp_path, "a", 1)], context))


@pytest.mark.parametrize(
    "said",
    [{}, {"fake": True}, {"fake": float("nan")}, {"fake": -0.1}, {"fake": 0.5, "frames": [[0.0]]}, {"frames": []}],
)
def test_what_is_no_verdict_is_an_error(said: dict[str, object]) -> None:
    record = record_of("a", said)
    assert record.status == "error"
    assert record.fake is None
    assert record.reason
