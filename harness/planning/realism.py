"""Planning realism: every metric on every system, and on the controls."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TypeVar

from ..cards import InstrumentCard, MetricCard
from ..errors import InputError, SuiteError
from ..instruments import FACES, OPTIONS, instrument_card
from ..media.item import Modality, Split
from ..metrics import metric_card
from ..metrics.offers import Offer, offer
from ..plan import Unit
from .controls import Controls, realism_row
from .model import REAL, Draft, Source, System, code_of
from .reading import Protocols, Reading, extracted, measure_key, missing_weights, protocols_of

C = TypeVar("C")

ALWAYS = "memorisation"
"""Whatever a suite names."""
NEIGHBOURS: Mapping[Modality, str] = MappingProxyType(
    {Modality.IMAGE: "thumbnail", Modality.VIDEO: "clip-spectrum", Modality.AUDIO: "sound-spectrum"}
)
"""Where memorisation looks for copies, besides what the suite names."""


def plan_realism(draft: Draft, protocols: Protocols | None = None) -> None:
    """Add every metric that fits a system, and the controls beside it.

    Args:
        draft: Of the plan.
        protocols: In place of what the suite says.

    Raises:
        SuiteError: An unknown metric or instrument, none that fits, or an option that no instrument knows.
    """
    chosen = _chosen(draft)
    metrics = _cards("metrics", chosen.metrics, metric_card)
    metrics.setdefault(ALWAYS, metric_card(ALWAYS))
    if protocols is None:
        protocols = _protocols(draft, chosen.instruments)
    named = _cards("instruments", chosen.instruments, instrument_card)
    neighbours = NEIGHBOURS[draft.modality]
    for card in metrics.values():
        instruments = {**named, neighbours: instrument_card(neighbours)} if card.purpose == "neighbours" else named
        if card.purpose == "pixels":
            for system in draft.systems:
                for comparer in comparers_of(card, instruments) if system.pairs else ():
                    plan_measured(draft, card, Reading(comparer, {}) if comparer else None, system)
            continue
        if not any(card.purpose in instrument.purpose for instrument in instruments.values()):
            raise SuiteError(
                f"metrics: '{card.name}' reads an instrument for {card.purpose}, and none of instruments is one: "
                f"{', '.join(instruments)}"
            )
        for instrument in instruments.values():
            if card.purpose in instrument.purpose:
                plan_through(draft, card, Reading(instrument.name, protocols.get(instrument.name, {})))


def plan_through(draft: Draft, card: MetricCard, reading: Reading) -> None:
    """Add a metric under an instrument: the controls, and every system that it fits."""
    learns = draft.split_sizes.get(Split.TRAIN, 0) > 0
    controls = Controls(draft, card, reading)
    controls.plan()
    for system in draft.systems:
        if card.name != ALWAYS or (learns and system.card.kind == "fully_synthetic"):
            plan_measured(draft, card, reading, system, controls)


def _chosen(draft: Draft) -> Offer:
    """Return what the suite names; where it names nothing, what its kind of media is measured by.

    Raises:
        SuiteError: Something unknown, or for other media.
    """
    suite, given = draft.suite, draft.suite.model_fields_set
    _cards("metrics", suite.metrics, metric_card)
    _cards("instruments", suite.instruments, instrument_card)
    picture = draft.modality is Modality.IMAGE
    try:
        return offer(
            draft.modality,
            tuple(dict.fromkeys((*suite.metrics, ALWAYS))) if picture or "metrics" in given else None,
            suite.instruments if picture or "instruments" in given else None,
        )
    except InputError as error:
        raise SuiteError(str(error)) from error


def _protocols(draft: Draft, instruments: Sequence[str]) -> Protocols:
    asked = draft.suite.protocol
    if draft.terms.people == "real" and any(FACES in OPTIONS.get(name, {}) for name in instruments):
        asked = {FACES: "found", **asked}
    try:
        return protocols_of(asked, instruments)
    except InputError as error:
        raise SuiteError(str(error)) from error


def comparers_of(card: MetricCard, named: Mapping[str, InstrumentCard]) -> Sequence[str | None]:
    """Return the instruments that compare pictures for a metric: those that the suite names, or the first.

    A metric whose card shows a name for some instruments reads one of them; the others read pixels alone.
    """
    if not card.display:
        return (None,)
    return [name for name in card.display if name in named] or [next(iter(card.display))]


def _cards(key: str, names: Sequence[str], find: Callable[[str], C]) -> dict[str, C]:
    """Return the cards of what the suite names, in its order."""
    found = {}
    for place, name in enumerate(names):
        try:
            found[name] = find(name)
        except InputError as error:
            raise SuiteError(f"{key}.{place}: {error}") from error
    return found


def plan_measured(
    draft: Draft, card: MetricCard, reading: Reading | None, system: System, controls: Controls | None = None
) -> None:
    """Add a metric on one system, under an instrument where it reads one."""
    if card.asked and not set(card.asked) & set(system.card.uses):
        return
    row = realism_row(card, reading, system.name, system.card.kind)
    reason = missing_weights(draft, reading) if reading else None
    if card.truth and (draft.suite.data.dataset != "studio" or draft.modality is not Modality.IMAGE):
        reason = "not computed: the perfect result is known of the studio's pictures alone"
    sources: list[Source] = []
    for seed, made in zip(system.seeds, system.sets, strict=True):
        if reason:
            break
        key = measure_key(draft, card, "system")
        inputs = {"synthetic_set": made, "real_set": REAL}
        if reading and not instrument_card(reading.name).outputs:  # it compares two pictures, and extracts nothing
            key |= reading.key
        elif reading:
            inputs = inputs if card.form == "paired" else {}
            inputs |= {
                "synthetic": extracted(draft, reading, made, (Split.TEST,)),
                "real": extracted(draft, reading, REAL, tuple(Split)),
            }
        if card.truth:
            inputs |= _perfect(draft, reading, system, seed, made)
        unit = Unit(
            id=f"measure {row.metric} of {system.name} seed {seed}",
            kind="measure",
            what=row.metric,
            key=key,
            inputs=inputs,
            cost=2,
        )
        sources.append((seed, draft.add(unit), card.name))
    found = tuple(sources)
    compared = controls.compared(system, found) if controls else None
    draft.rows.append(replace(row, sources=found, set_unit=system.sets[0], reason=reason, compared=compared))


def _perfect(draft: Draft, reading: Reading | None, system: System, seed: int, made: str) -> dict[str, str]:
    """Add the unit that renders what a system was asked for, and what reads it; return the inputs that they are."""
    code = code_of("datasets/studio", "media", "execute/steps/perfect.py")
    unit = Unit(
        id=f"perfect {system.name} seed {seed}",
        kind="render_perfect",
        what=f"studio {draft.counts[Split.TEST]} {draft.output_size}",
        key={"code": code},
        inputs={"synthetic": made, "real": REAL},
        cost=0.01 * draft.counts[Split.TEST],
    )
    truth = draft.add(unit)
    read = {"truth": extracted(draft, reading, truth, (Split.TEST,))} if reading else {}
    return {"truth_set": truth, **read}
