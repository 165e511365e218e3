"""A process that checks one system and says what it finds, one JSON object a line; started by `check-generator`.

Standard input holds the order; standard output belongs to the findings, what the system prints goes to standard error.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..cards import GeneratorCard
from ..contracts import Generator, Output
from ..media.item import Item, Split
from ..media.mediaset import MediaSet
from ..registry import load_class
from .attach import build
from .conformance import Bench, check


def bench_of(order: Mapping[str, Any]) -> Bench:
    """Return what an order asks to be checked."""
    card = GeneratorCard.model_validate(order["card"])
    scratch = Path(order["scratch"])
    real = MediaSet.open(Path(order["real"])) if order["real"] else None

    def system() -> Generator:
        if order["connector"]:
            return build(order["connector"], order["described"], card, order["parameters"])
        built = load_class(order["spec"], Generator)(card, order["parameters"])
        assert isinstance(built, Generator)
        return built

    def items(split: Split) -> tuple[Item, ...]:
        return tuple(item for item in real.select(split) if item.modality == card.modality) if real else ()

    return Bench(
        card=card,
        build=system,
        train=items(Split.TRAIN),
        targets=items(Split.TEST),
        output=Output(**order["output"]),
        scratch=scratch,
        weights=Path(order["weights"]) if order["weights"] else scratch / "weights",
        handed_in=bool(order["weights"]),
        device=order["device"],
    )


def main() -> None:
    """Check, and say what is being looked at and what is found."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    for said in check(bench_of(json.loads(sys.stdin.readline()))):
        message = {"looking": said} if isinstance(said, str) else {"finding": said.record()}
        out.write(json.dumps(message) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
