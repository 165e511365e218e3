"""Metrics: one module each, over what instruments measured. Their cards are read without importing them."""

import difflib
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
from ..instruments import instrument_card, instrument_cards

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .base import Metric

_CARDS = Path(__file__).with_name("cards.toml")
NEAR = 0.7
"""How alike a word must be to a name that is suggested for it, by difflib: names are short, and of few letters."""


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
        metric, instrument = shown_names().get(name.lower(), (name, None))
        hint = f"; it is '{metric}' through the instrument '{instrument}'" if instrument else _meant(name)
        raise InputError(f"no metric '{name}'{hint}; there are: {', '.join(cards)}")
    return cards[name]


def metric_named(word: str) -> tuple[str, str | None]:
    """Return the metric that a word names, and the instrument if the word names one.

    Words are names of metrics (`fd`), and names as tables print them: `fid`, `KID`, `fd[spectrum]`.

    Raises:
        InputError: There is no such metric, no such instrument, or the metric does not read it.
    """
    cards, name = metric_cards(), word.lower()
    if name in cards:
        return name, None
    if name in shown_names():
        return shown_names()[name]
    head, bracket, rest = name.partition("[")
    if bracket and head in cards:
        instrument = instrument_card(rest.removesuffix("]")).name
        if instrument in names_of(cards[head]).values():  # printed shorter, as fid is for fd[inception-2015]
            return head, instrument
        legal = ", ".join(names_of(cards[head])) or f"{head}, which reads no instrument"
        raise InputError(f"no metric '{word}'; there are: {legal}")
    raise InputError(f"no metric '{word}'{_meant(name)}; there are: {', '.join(cards)}, and names as tables print them")


def _meant(name: str) -> str:
    short = [shown for shown in shown_names() if "[" not in shown]
    known = shown_names() if "[" in name else [*metric_cards(), *short]
    return did_you_mean(name, difflib.get_close_matches(name, list(known), n=1, cutoff=NEAR))


@cache
def shown_names() -> "Mapping[str, tuple[str, str]]":
    """Return metric and instrument of every name that tables print for a metric through an instrument."""
    found: dict[str, tuple[str, str]] = {}
    for card in metric_cards().values():
        found |= {name: (card.name, instrument) for name, instrument in names_of(card).items()}
    return MappingProxyType({name: pair for name, pair in found.items() if name not in metric_cards()})


def names_of(card: MetricCard, modality: str | None = None) -> "dict[str, str]":
    """Return the names that a metric has through instruments, with the instrument of each; none if it reads none.

    Args:
        card: Of the metric.
        modality: Of the media; by default all that the metric is for.
    """
    if card.purpose == "pixels":
        return {shown: name for name, shown in card.display.items()}
    media = set(card.modality) if modality is None else {modality}
    heard = media | ({"audio"} if "video" in media else set())  # clips have sound
    return {
        card.shown_as(one.name): one.name
        for one in instrument_cards().values()
        if card.purpose in one.purpose and one.modality in heard
    }


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
