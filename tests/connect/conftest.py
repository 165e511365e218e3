from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent, indent

import pytest

from fauxbench import Artifact, Context, Failure, Output, Request

Answers = list[Artifact | Failure]


@pytest.fixture
def context(tmp_path: Path) -> Context:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return Context(seed=3, scratch=scratch, time_limit=60)


def asked(number: int, **more: object) -> tuple[Request, ...]:
    return tuple(
        Request(id=f"r{i}", seed=10 + i, output=Output(width=16, height=12), **more)  # type: ignore[arg-type]
        for i in range(number)
    )


PROGRAM = """
import json, os, sys, time
from pathlib import Path

def say(**answer):
    print(json.dumps(answer), flush=True)

def picture(path, seed=0, size=(16, 12)):
    pixels = bytes((seed * 7 + i * 13) % 256 for i in range(size[0] * size[1] * 3))
    Path(path).write_bytes(b"P6 %d %d 255\\n" % size + pixels)
    return str(path)

for line in sys.stdin:
    order = json.loads(line)
    if order["type"] == "hello":
        hello = order
        scratch = Path(order["scratch"])
{hello}
    elif order["type"] == "fit":
{fit}
    elif order["type"] == "generate":
        i = order["id"]
{generate}
    else:
{end}
"""
GOOD = 'say(type="artifact", id=i, file=Path(picture(scratch / (i + ".ppm"), order["seed"])).name, facts={"n": 1})'


@pytest.fixture
def write_program(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a program which speaks the protocol; each part of it can be replaced."""

    def write(
        generate: str = GOOD,
        *,
        hello: str = 'say(type="hello", protocol=1)',
        fit: str = 'say(type="fitted")',
        end: str = "break",
        name: str = "program.py",
    ) -> Path:
        folder = tmp_path / "program"
        folder.mkdir(exist_ok=True)
        parts = {"hello": hello, "fit": fit, "generate": generate, "end": end}
        text = PROGRAM
        for key, code in parts.items():
            text = text.replace("{" + key + "}", indent(dedent(code).strip(), " " * 8))
        (folder / name).write_text(text)
        return folder / name

    return write


@pytest.fixture
def kept(tmp_path: Path) -> Callable[[Iterator[Artifact | Failure]], dict[str, bytes | Failure]]:
    """Return a function that reads answers as the harness does: each file before the next answer is asked for."""

    def read(answers: Iterator[Artifact | Failure]) -> dict[str, bytes | Failure]:
        found: dict[str, bytes | Failure] = {}
        for answer in answers:
            found[answer.request_id] = answer if isinstance(answer, Failure) else answer.media.path.read_bytes()  # type: ignore[union-attr]
        return found

    return read
