"""`fauxbench check-generator SPEC`: the contract of a generator, point by point."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from ..cards import GeneratorCard
from ..errors import InputError
from . import options
from .generate import _parameters as parameters_of

if TYPE_CHECKING:
    from ..suite import SystemSpec

SIZE = 64
TAIL = 2000
MARKS = {"ok": "ok", "failed": "FAILED", "skipped": "-"}


class Subject(NamedTuple):
    """A system to be checked."""

    card: GeneratorCard
    order: dict[str, Any]
    """How the checking process builds it."""


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("check-generator")(check_generator)


def check_generator(
    spec: Annotated[str, typer.Argument(help="A name, file.py:Class, a folder of outputs, or a .yaml of one system.")],
    set_: Annotated[list[str] | None, typer.Option("--set", "-p", help="A parameter: name=value.")] = None,
    weights: Annotated[Path | None, typer.Option(help="A folder that save() wrote, instead of training.")] = None,
    time_limit: Annotated[float, typer.Option(min=1, help="Seconds for all of it.")] = 600.0,
    device: options.Device = "cpu",
    json_: options.Json = False,
) -> None:
    """Check a generator against the contract: what was expected, what was found, how to mend it; 1 if a point fails."""
    options.check_device(device)
    given = parameters_of(set_ or [])
    if ".py:" not in spec and Path(spec).is_dir():
        if given or weights:
            raise InputError(f"{spec}: a folder of outputs takes neither --set nor --weights")
        name, found = Path(spec).name, _folder(Path(spec))
    else:
        subject = _subject(spec, given, weights)
        name = f"{subject.card.name}@{subject.card.version}"
        found = _checked(subject, time_limit, device)
    findings = []
    for one in found:
        findings.append(one)
        if not json_:
            _show(one)
    failed = sum(one["status"] == "failed" for one in findings)
    if json_:
        typer.echo(json.dumps({"spec": spec, "system": name, "failed": failed, "points": findings}, ensure_ascii=False))
    else:
        passed = sum(one["status"] == "ok" for one in findings)
        typer.echo(f"{name}: {passed} passed, {failed} failed, {len(findings) - passed - failed} skipped")
    if failed:
        raise typer.Exit(1)


def _show(one: Mapping[str, Any]) -> None:
    typer.echo(f"{MARKS[one['status']]:<6}  {one['point']:<13}  {one['expected']}: {one['found']}")
    if one["mend"]:
        typer.echo(f"{'':<23}mend: {one['mend']}")


def _folder(folder: Path) -> Iterator[dict[str, Any]]:
    from ..connect.findings import check_outputs
    from ..datasets.listing import list_media
    from ..media.read import content_of, modality_of

    def digest(path: Path) -> tuple[str, dict[str, Any]]:
        modality = modality_of(path)
        if modality is None:
            raise InputError(f"{path}: not a file that fauxbench reads")
        return content_of(path, modality)

    for one in check_outputs(list_media(folder), digest):
        yield one.record()


def _subject(spec: str, given: dict[str, Any], weights: Path | None) -> Subject:
    """Return the system that a SPEC names.

    Raises:
        InputError: There is no such system, or what describes it is wrong.
    """
    from ..registry import GENERATORS
    from ..suite import read_system

    base, system, use = Path.cwd(), None, spec
    if Path(spec).suffix in {".yaml", ".yml"}:
        system = read_system(Path(spec))
        base, use = Path(spec).resolve().parent, system.use
        given = {**system.parameters, **given}
        weights = weights or (base / system.weights if system.weights else None)
    if use == "folder":
        raise InputError(f"{spec}: give the folder itself to check finished outputs")
    if system is not None and (system.command or system.http):
        card, order = _elsewhere(system, base)
    else:
        part = GENERATORS.find(use, base)
        card, order = part.card, {"spec": part.spec, "connector": None, "described": None}
        given = card.fill(given)
    order |= {"card": card.model_dump(mode="json"), "parameters": given, "weights": None}
    if weights is not None:
        order["weights"] = _weights(weights, card)
    return Subject(card, order)


def _elsewhere(system: "SystemSpec", base: Path) -> tuple[GeneratorCard, dict[str, Any]]:
    """Return card and order of a system behind a command or a service."""
    from ..connect.attach import resolved, token_of

    described = system.command or system.http
    if described is None or system.kind is None:
        raise InputError(f"use '{system.use}' needs {system.use}, name, version, kind")
    card = described.card(str(system.name), str(system.version), system.kind)
    if system.command is not None:
        described = resolved(system.command, base)
    elif system.http is not None:
        token_of(system.http)
    return card, {"spec": None, "connector": system.use, "described": described.model_dump(mode="json")}


def _weights(folder: Path, card: GeneratorCard) -> str:
    from ..connect.weights import check_handed_in

    if not card.fits:
        raise InputError(f"--weights {folder}: '{card.name}' has no training whose weights could be handed in")
    check_handed_in(folder)
    return str(folder.resolve())


def _material(card: GeneratorCard, folder: Path) -> str | None:
    """Render people who never lived, if the system learns from people or alters them."""
    from ..datasets.studio.recipe import StudioRecipe
    from ..datasets.studio.speech import ClipRecipe, SpeechRecipe
    from ..datasets.studio_set import TERMS, StudioFolder, write_studio
    from ..media.item import Modality
    from ..media.mediaset import MediaSetWriter

    if not card.fits and not card.uses:
        return None
    people = 6
    if card.modality == "image":
        asked = StudioFolder(pictures=StudioRecipe(people=people, per_person=4, size=SIZE, seed=11))
    elif card.modality == "video":
        asked = StudioFolder(clips=ClipRecipe(people=people, clips_per_person=1, height=240, seconds=1.0, seed=11))
    else:
        asked = StudioFolder(sounds=SpeechRecipe(people=people, per_person=2, seconds=1.0, seed=11))
    writer = MediaSetWriter(folder, name="studio", origin="studio", modality=Modality(card.modality), terms=TERMS)
    write_studio(writer, asked, shares={"train": 0.5, "validation": 0.0, "test": 0.5})
    return str(folder)


def _output(card: GeneratorCard) -> dict[str, float]:
    if card.modality == "image":
        return {"width": SIZE, "height": SIZE}
    return {} if "target" in card.uses else {"seconds": 1.0}


def _checked(subject: Subject, time_limit: float, device: str) -> Iterator[dict[str, Any]]:
    """Yield what a process of its own finds; it is ended when time is up."""
    with tempfile.TemporaryDirectory(prefix="fauxbench-check-") as name:
        place = Path(name)
        (place / "here").mkdir()
        order = {
            **subject.order,
            "real": _material(subject.card, place / "real"),
            "output": _output(subject.card),
            "scratch": str(place / "scratch"),
            "device": device,
        }
        yield from _Checking(order, place, time_limit).findings()
        left = sorted(path.name for path in (place / "here").iterdir())
        yield {
            "point": "tidy",
            "status": "failed" if left else "ok",
            "expected": "nothing written into the working folder",
            "found": ", ".join(left)[:200] or "nothing",
            "mend": "write temporary files into context.scratch" if left else "",
        }


class _Checking:
    """A checking process, listened to until it ends or its time is up."""

    def __init__(self, order: Mapping[str, Any], place: Path, time_limit: float) -> None:
        self._order = order
        self._place = place
        self._limit = time_limit
        self._looking = "builds"
        self._overdue = False

    def findings(self) -> Iterator[dict[str, Any]]:
        """Yield findings; the last is about time, or about a process that died."""
        began = time.monotonic()
        with (self._place / "stderr").open("w+b") as log, self._start(log) as process:
            timer = threading.Timer(self._limit, self._end, [process])
            timer.start()
            try:
                if process.stdin and process.stdout:
                    with contextlib.suppress(BrokenPipeError):
                        process.stdin.write(json.dumps(self._order) + "\n")
                        process.stdin.close()
                    for line in process.stdout:
                        message = json.loads(line)
                        self._looking = message.get("looking", self._looking)
                        if "finding" in message:
                            yield message["finding"]
                status = process.wait()
            finally:
                timer.cancel()
                self._kill(process)
            log.seek(max(0, log.seek(0, os.SEEK_END) - TAIL))
            yield self._last(status, time.monotonic() - began, log.read().decode(errors="replace").strip())

    def _start(self, log: Any) -> "subprocess.Popen[str]":  # noqa: ANN401
        return subprocess.Popen(
            [sys.executable, "-m", "fauxbench.harness.connect.checker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            encoding="utf-8",
            cwd=self._place / "here",
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"},
            start_new_session=True,
        )

    def _end(self, process: "subprocess.Popen[str]") -> None:
        self._overdue = True
        self._kill(process)

    def _kill(self, process: "subprocess.Popen[str]") -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)

    def _last(self, status: int, seconds: float, tail: str) -> dict[str, Any]:
        limit = f"an end within {self._limit:g} s"
        if self._overdue:
            found, mend = (
                f"no end of '{self._looking}'",
                "find what it waits for, or give a longer --time-limit",
            )
        elif status:
            limit, mend = "a process that lives", "see the end of what it printed"
            found = f"it died with exit status {status} while looking at '{self._looking}': {tail[-500:]}"
        else:
            return {"point": "time", "status": "ok", "expected": limit, "found": f"{seconds:.1f} s", "mend": ""}
        return {"point": "time", "status": "failed", "expected": limit, "found": found, "mend": mend}
