"""What is measured on pictures, on clips and on sounds: read from cards alone."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from ..cards import MetricCard
from ..errors import InputError
from ..instruments import instrument_card
from ..media.item import Modality
from . import metric_card, metric_cards, metric_named, names_of

UNITS: Mapping[Modality, str] = MappingProxyType(
    {Modality.IMAGE: "pictures", Modality.VIDEO: "clips", Modality.AUDIO: "sounds"}
)
"""What items of a modality are called."""


class Offer(NamedTuple):
    """Names of metrics, and of the instruments that they read."""

    metrics: tuple[str, ...]
    instruments: tuple[str, ...]


DEFAULTS: Mapping[Modality, Offer] = MappingProxyType(
    {
        Modality.IMAGE: Offer(("fd", "kd", "is", "ssim", "psnr"), ("spectrum", "inception-2015")),
        Modality.VIDEO: Offer(
            (
                *("fd", "frame_uniformity", "motion", "flicker", "identity_drift"),
                *("lse_d", "lse_c", "av_offset", "lser", "mouth_correlation"),
            ),
            ("clip-frames", "clip-spectrum", "clip-face", "studio-sync", "mouth-pixels", "studio-mouth"),
        ),
        Modality.AUDIO: Offer(
            ("fd", "kd", "mcd", "f0_rmse", "f0_correlation", "voicing_error", "tones", "si_sdr", "speaker_similarity"),
            ("sound-spectrum", "studio-voice"),
        ),
    }
)
"""What `measure` takes where nothing is named. A modality's part is kept beside its metrics."""


def _served(modality: Modality, instruments: Sequence[str]) -> tuple[str, ...]:
    """Return the metrics that are taken by default, without those that read an instrument of which none is named.

    Raises:
        InputError: Those that are named serve none of them.
    """
    purposes = {purpose for name in instruments for purpose in instrument_card(name).purpose}

    def serves(card: MetricCard) -> bool:
        return card.purpose in purposes or not set(card.display).isdisjoint(instruments)

    cards = [metric_card(name) for name in DEFAULTS[modality].metrics]
    if instruments and not any(map(serves, cards)):
        fits = [card.name for card in metric_cards().values() if modality in card.modality and serves(card)]
        readers = f", of those that do: {', '.join(fits)}" if fits else ""
        raise InputError(f"no metric that is taken by default reads {', '.join(instruments)}: name metrics{readers}")
    return tuple(card.name for card in cards if serves(card) or (card.purpose == "pixels" and not card.display))


def offer(modality: Modality, metrics: Sequence[str] | None = None, instruments: Sequence[str] | None = None) -> Offer:
    """Return what to measure on sets of a modality: what is named, checked, and the defaults for what is not.

    Where instruments are named and metrics are not, the defaults that none of them serves are left out.

    Raises:
        InputError: An unknown name, or a metric or an instrument for another modality; the message says what fits.
    """
    for name in instruments or ():
        reads = instrument_card(name).modality
        if reads != modality and not (reads == "audio" and modality is Modality.VIDEO):
            raise InputError(f"instrument {name} reads {UNITS[Modality(reads)]}, and these are {UNITS[modality]}")
    if metrics is None:
        metrics = DEFAULTS[modality].metrics if instruments is None else _served(modality, instruments)
    chosen = Offer(tuple(metrics), DEFAULTS[modality].instruments if instruments is None else tuple(instruments))
    for name in chosen.metrics:
        card = metric_card(name)
        if modality not in card.modality:
            fits = ", ".join(c.name for c in metric_cards().values() if modality in c.modality)
            takes = " and ".join(UNITS[Modality(one)] for one in card.modality)
            raise InputError(f"metric {name} measures {takes}, and these are {UNITS[modality]}; for them: {fits}")
    if not chosen.metrics:
        raise InputError(f"no metric for {UNITS[modality]} is named, and none is taken by default")
    return chosen


class Asked(NamedTuple):
    """What `measure` was asked for."""

    offer: Offer
    shown: frozenset[str] | None
    """Names of rows; None is every metric through every instrument that fits it."""


def check_names(metrics: Sequence[str] | None, instruments: Sequence[str] | None) -> None:
    """Make sure that metrics, by their names or as tables print them, and instruments exist; nothing heavy is imported.

    Raises:
        InputError: One does not; or it needs a suite.
    """
    for word in metrics or ():
        if metric_named(word)[0] == "memorisation":
            raise InputError(
                "memorisation needs the set that the system was trained on: use a suite with `use: folder`"
            )
    for name in instruments or ():
        instrument_card(name)


def asked_of(
    modality: Modality, metrics: Sequence[str] | None = None, instruments: Sequence[str] | None = None
) -> Asked:
    """Return what to measure, where metrics may be named as tables print them: `fid` or `fd[spectrum]`, not only `fd`.

    Raises:
        InputError: As `offer`; or instruments are named though every metric names its own.
    """
    named = [metric_named(word) for word in metrics or ()]
    if not any(instrument for _, instrument in named):
        plain = None if metrics is None else tuple(dict.fromkeys(metric for metric, _ in named))
        return Asked(offer(modality, plain, instruments), None)
    own = [instrument for _, instrument in named if instrument]
    if len(own) == len(named) and instruments is not None:
        raise InputError("every metric names its instrument, as fd[spectrum] does: leave instruments out, or name 'fd'")
    base = DEFAULTS[modality].instruments if instruments is None else tuple(instruments)
    shown = {metric_card(metric).shown_as(instrument) for metric, instrument in named if instrument}
    for card in (metric_card(metric) for metric, instrument in named if not instrument):
        fits = names_of(card, modality)
        taken = [name for name in base if name in fits.values()]
        if card.purpose == "pixels" and fits:
            taken = taken or [next(iter(fits.values()))]  # as where nothing is named: the first
        own += taken
        shown |= {card.shown_as(name) for name in taken} or {card.name}
    read = tuple(dict.fromkeys(own))
    return Asked(offer(modality, tuple(dict.fromkeys(metric for metric, _ in named)), read), frozenset(shown))


def choices(metric: str, modality: Modality) -> str:
    """Return in words through which instruments a metric can be measured, and how to name them; nothing for one."""
    found = names_of(metric_card(metric), modality)
    if len(found) < 2:
        return ""
    names = ", ".join(name if "[" in name else f"{name} (through {reads})" for name, reads in found.items())
    return f"{metric} is measured through an instrument: {names}; --metrics takes each of these names"
