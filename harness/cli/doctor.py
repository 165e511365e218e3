"""`fauxbench doctor`: what this machine has, what is missing, and what it would unlock."""

import importlib.util
import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from . import options

if TYPE_CHECKING:
    from ..cards import InstrumentCard, MetricCard

EXTRAS = {
    "facenet_pytorch": ("facenet-pytorch", "MTCNN faces"),
    "espeakng_loader": ("espeakng-loader", "speech"),
    "c2pa": ("c2pa-python", "signed content credentials"),
}
"""Module -> distribution and what it would unlock."""
PROGRAMS = {"uv": "environments that a program of ours runs in, as MediaPipe does"}
"""Program -> what it would unlock."""


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("doctor")(doctor)


def doctor(store: options.Store = None, json_: options.Json = False) -> None:
    """Check devices, weights and extras; say what each missing one would unlock and how to get it."""
    from ..run import default_store
    from ..store.store import weights_folder

    place = store or default_store()
    devices, weights, extras, programs = _devices(), _weights(weights_folder(place)), _extras(), _programs()
    here = {"fauxbench": version("fauxbench"), "python": platform.python_version(), "processors": os.cpu_count()}
    stored = _store(place)
    if json_:
        told = {"store": stored, "devices": devices, "weights": weights, "extras": extras, "programs": programs}
        typer.echo(json.dumps({**here, **told}))
        return
    typer.echo(f"fauxbench {here['fauxbench']}, Python {here['python']}, {here['processors']} processors")
    typer.echo(f"store     {stored['path']}: {stored['state']}")
    for device in devices:
        typer.echo(f"device    {device['name']}: {device['title']}")
    for one in weights:
        gain = f"; unlocks {one['unlocks']}" if one["missing"] else ""
        typer.echo(f"weights   {one['instrument']}: {one['state']}{gain}")
        if one["missing"]:
            typer.echo(f"          get  {one['url']}")
            typer.echo(f"          size {one['size']:,} bytes, sha256 {one['sha256']}, licence {one['licence']}")
            typer.echo(f"          put  {one['path']}")
    for extra in extras:
        typer.echo(f"extra     {extra['name']}: {extra['state']}; unlocks {extra['unlocks']}")
    for program in programs:
        typer.echo(f"program   {program['name']}: {program['state']}; unlocks {program['unlocks']}")
        if program["get"]:
            typer.echo(f"          get  {program['get']}")


def _store(place: Path) -> dict[str, Any]:
    import shutil

    existing = next(p for p in (place, *place.parents) if p.exists())
    free = shutil.disk_usage(existing).free
    writable = os.access(existing, os.W_OK)
    state = f"{'ready' if place.is_dir() else 'not made yet'}, {free >> 30} GiB free" if writable else "not writable"
    return {"path": str(place), "state": state, "free": free, "writable": writable}


def _devices() -> list[dict[str, str]]:
    import torch

    torch_version = torch.__version__
    devices = [{"name": "cpu", "title": f"torch {torch_version}, {platform.machine()}"}]
    for index in range(torch.cuda.device_count()):
        devices.append({"name": f"cuda:{index}", "title": torch.cuda.get_device_name(index)})
    if torch.backends.mps.is_available():
        devices.append({"name": "mps", "title": "Apple GPU"})
    return devices


def _weights(folder: Path) -> list[dict[str, Any]]:
    from ..errors import FauxbenchError, WeightsMissingError
    from ..instruments import check_weights, instrument_cards, weights_path
    from ..metrics import metric_cards

    rows = []
    for card in instrument_cards().values():
        path = weights_path(card, folder)
        if card.weights is None or path is None:
            continue
        try:
            check_weights(card, path)
            state = "present, sha256 right"
        except WeightsMissingError:
            state = "missing"
        except FauxbenchError as error:
            state = str(error)
        metrics = [m.shown_as(card.name) for m in metric_cards().values() if _reads(m, card)]
        missing = state != "present, sha256 right"
        row = {"instrument": card.name, "state": state, "missing": missing, "unlocks": ", ".join(metrics)}
        rows.append({**row, "path": str(path), **card.weights.model_dump(mode="json")})
    return rows


def _reads(metric: "MetricCard", instrument: "InstrumentCard") -> bool:
    fits = metric.purpose in instrument.purpose and instrument.modality in metric.modality
    return fits or instrument.name in metric.display


def _extras() -> list[dict[str, str]]:
    rows = []
    for module, (distribution, unlocks) in EXTRAS.items():
        try:
            state = f"installed, {version(distribution)}" if importlib.util.find_spec(module) else "not installed"
        except PackageNotFoundError:
            state = "not installed"
        rows.append({"name": distribution, "state": state, "unlocks": unlocks})
    return rows


def _programs() -> list[dict[str, Any]]:
    """Return the programs that others start, and what runs in an environment that one of them makes."""
    import shutil

    from ..connect.faces import VERSION, mediapipe_environment

    rows: list[dict[str, Any]] = []
    for name, unlocks in PROGRAMS.items():
        found = shutil.which(name)
        state = f"found at {found}" if found else "not installed"
        rows.append({"name": name, "state": state, "ready": found is not None, "get": None, "unlocks": unlocks})
    unlocks = "MediaPipe faces: `--finder mediapipe`, in an environment of its own"
    own = mediapipe_environment()
    return [*rows, {"name": f"mediapipe {VERSION}", **own._asdict(), "unlocks": unlocks}]
