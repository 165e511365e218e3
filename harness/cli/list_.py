"""`fauxbench list`: what there is, read from cards alone."""

import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import typer

from . import options


class What(StrEnum):
    """What can be listed."""

    GENERATORS = "generators"
    DETECTORS = "detectors"
    METRICS = "metrics"
    INSTRUMENTS = "instruments"
    CONNECTORS = "connectors"
    SUITES = "suites"


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("list")(list_parts)


def list_parts(what: What, json_: options.Json = False) -> None:
    """List generators, detectors, metrics, instruments, connectors or suites."""
    found = {
        What.GENERATORS: _parts,
        What.DETECTORS: _parts,
        What.METRICS: _metrics,
        What.INSTRUMENTS: _instruments,
        What.CONNECTORS: _connectors,
        What.SUITES: _suites,
    }[what](what)
    if json_:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    width = max((len(one["name"]) for one in found), default=0)
    for one in found:
        typer.echo(f"{one['name']:<{width}}  {one['version']:<4} {one['kind']:<20} {one['modality']:<6} {one['title']}")


def _parts(what: What) -> list[dict[str, Any]]:
    from ..cards import GeneratorCard
    from ..registry import DETECTORS, GENERATORS

    parts = GENERATORS.all() if what is What.GENERATORS else DETECTORS.all()
    rows = []
    for part in parts.values():
        card = part.card
        kind = card.kind if isinstance(card, GeneratorCard) else card.target
        row = {**_common(card.name, card.version, kind, card.modality, card.title), "origin": part.origin}
        parameters = {n: p.model_dump(mode="json", exclude_defaults=True) for n, p in card.parameters.items()}
        rows.append({**row, "licence": card.licence, "reference": card.reference, "parameters": parameters})
    return rows


def _metrics(what: What) -> list[dict[str, Any]]:
    from ..metrics import metric_cards

    return [
        {
            **_common(c.name, c.version, c.form, _one_word(c.modality), c.title),
            "direction": c.direction,
            "reference": c.reference,
        }
        for c in metric_cards().values()
    ]


def _one_word(modalities: Sequence[str]) -> str:
    return modalities[0] if len(modalities) == 1 else "any" if len(modalities) == 3 else "+".join(modalities)


def _instruments(what: What) -> list[dict[str, Any]]:
    from ..instruments import instrument_cards

    rows = []
    for card in instrument_cards().values():
        weights = card.weights.model_dump(mode="json") if card.weights else None
        rows.append({**_common(card.name, card.version, "instrument", card.modality, card.title), "weights": weights})
    return rows


def _connectors(what: What) -> list[dict[str, Any]]:
    from ..connect import CONNECTORS
    from ..connect.wire import PROTOCOL

    return [_common(name, str(PROTOCOL), "connector", "any", title) for name, title in CONNECTORS.items()]


def _suites(what: What) -> list[dict[str, Any]]:
    import yaml

    from ..registry import PACKAGE

    rows = []
    for path in sorted((PACKAGE / "suites").glob("*.yaml")):
        head: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        row = _common(head["suite"], str(head["version"]), "suite", "image", head.get("title", ""))
        rows.append({**row, "file": str(Path(path))})
    return rows


def _common(name: str, version: str, kind: str, modality: str, title: str) -> dict[str, Any]:
    return {"name": name, "version": version, "kind": kind, "modality": modality, "title": title}
