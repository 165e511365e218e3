"""Metrics: one module each, over what instruments measured. Their cards are read without importing them."""

import tomllib
from functools import cache
from importlib import import_module
from math import inf, isinf
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from ..canonical import JSON
from ..cards import MetricCard, did_you_mean
from ..errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .base import Metric

_CARDS = Path(__file__).with_name("cards.toml")


@cache
def metric_cards() -> "Mapping[str, MetricCard]":
    """Return the card of every metric, by name, in the order of `cards.toml`."""
    tables = tomllib.loads(_CARDS.read_text(encoding="utf-8"))
    for table in tables.values():  # TOML writes an open end as inf, JSON has no word for it
        table["range"] = [None if isinf(end) else end for end in table.get("range", (inf, inf))]
    return MappingProxyType(
        {name: MetricCard.model_validate({"name": name, **table}) for name, table in tables.items()}
    )


def metric_card(name: str) -> MetricCard:
    """Return the card of a metric.

    Raises:
        InputError: There is no such metric.
    """
    cards = metric_cards()
    if name not in cards:
        raise InputError(f"no metric '{name}'{did_you_mean(name, cards)}; there are: {', '.join(cards)}")
    return cards[name]


def possible_range(protocol: "Mapping[str, JSON]") -> tuple[float | None, float | None]:
    """Return the least and the largest value of the metric that a row's protocol names; None where it has no end."""
    card = metric_cards().get(str(protocol.get("metric")).partition(" ")[0])
    return card.range if card else (None, None)


def load_metric(name: str) -> "Metric":
    """Import a metric and return it.

    Raises:
        InputError: There is no such metric.
    """
    card = metric_card(name)
    module, _, attribute = card.entry.partition(":")
    return cast("Metric", getattr(import_module(f"{__name__}.{module}"), attribute)(card))
