"""Instruments in a plan: under which protocol they read, and the units and keys that follow from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..canonical import JSON
from ..cards import MetricCard, did_you_mean
from ..conditions.table import Condition
from ..errors import InputError
from ..instruments import FACES, OPTIONS, check_options, instrument_card, instrument_fingerprint, weights_path
from ..media.item import Split
from ..plan import Unit
from ..preprocess.portraits import why_no_portraits
from .model import REAL, Draft, code_of, code_reached


@dataclass(frozen=True, slots=True)
class Reading:
    """An instrument under a protocol."""

    name: str
    options: Mapping[str, str]
    """What differs from its defaults."""

    @property
    def fingerprint(self) -> str:
        """Whatever could change its numbers."""
        return instrument_fingerprint(instrument_card(self.name), **self.options)

    @property
    def key(self) -> dict[str, JSON]:
        """Of a unit that loads it."""
        return {"instrument": self.name, "options": dict(self.options), "fingerprint": self.fingerprint}


Protocols = Mapping[str, Mapping[str, str]]
"""Instrument -> options of its protocol; the rest by default."""


def protocols_of(protocol: Mapping[str, str], instruments: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the options of each instrument that knows some of them; a default that is spelt out is left out.

    Raises:
        InputError: An option that none of the instruments knows, or a value that is not legal.
    """
    known = {option for name in instruments for option in OPTIONS.get(name, {})}
    for option in protocol:
        if option not in known:
            hint = did_you_mean(option, known)
            legal = ", ".join(sorted(known)) or "none"
            raise InputError(f"protocol: no option '{option}'{hint}; {', '.join(instruments)} have: {legal}")
    chosen = {
        name: {option: value for option, value in protocol.items() if option in OPTIONS.get(name, {})}
        for name in instruments
    }
    for name, options in chosen.items():
        check_options(name, options)
    others = {
        name: {option: value for option, value in options.items() if value != OPTIONS[name][option][0]}
        for name, options in chosen.items()
    }
    return {name: options for name, options in others.items() if options}


def missing_weights(draft: Draft, reading: Reading) -> str | None:
    """Return why an instrument cannot be read, or None."""
    absent = why_no_portraits() if reading.options.get(FACES) == "found" else None
    if absent:
        return f"not computed: {absent}"
    path = weights_path(instrument_card(reading.name), draft.weights)
    if path is None or path.is_file():
        return None
    return f"not computed: weights of {reading.name} missing, see fauxbench doctor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Degraded:
    """Which real items a degraded control reads, and how they are changed first."""

    condition: Condition
    held_out: str
    """`others`: items of the other splits; `half`: one half of the test split; `whole`: all of it."""
    n: int

    @property
    def key(self) -> dict[str, JSON]:
        """Of the unit that reads them."""
        n = self.n if self.held_out == "others" else None
        code = code_of("conditions", "stats/blocks.py")
        return {"condition": self.condition.record(), "condition_code": code, "held_out": self.held_out, "n": n}


def extracted(
    draft: Draft, reading: Reading, source: str, splits: Sequence[Split], degraded: Degraded | None = None
) -> str:
    """Add the unit that reads a set with an instrument, and return its id.

    With `degraded`, only the items that the control compares are read, each picture changed first.
    """
    key: dict[str, JSON] = {
        **reading.key,
        "splits": [str(split) for split in splits],
        "code": code_of("execute/steps/measures.py", "execute/steps/held_out.py", "media"),
    }
    size = sum(draft.split_sizes.values()) if source == REAL else draft.counts[Split.TEST]
    each = 0.15 if instrument_card(reading.name).weights else 0.002
    unit_id = f"extract {reading.name} of {source.removeprefix('generate ').removeprefix('collect ')}"
    if degraded is not None:
        unit_id, size, key = f"{unit_id} degraded", degraded.n, {**key, **degraded.key}
    what = f"{reading.name} {size}"
    return draft.add(Unit(id=unit_id, kind="extract", what=what, key=key, inputs={"set": source}, cost=1 + each * size))


def measure_key(draft: Draft, card: MetricCard, role: str) -> dict[str, JSON]:
    """Return the key of a unit that reduces features or pairs to one score."""
    module = card.entry.partition(":")[0]
    code = code_reached(f"metrics/{module}.py", "execute/steps/measures.py")
    return {"metric": card.name, "version": card.version, "role": role, "seed": draft.suite.seed, "code": code}


def protocol_of(card: MetricCard, reading: Reading | None) -> dict[str, JSON]:
    """Return what two rows must share to be compared, as far as it is known before the run."""
    protocol: dict[str, JSON] = {
        "metric": f"{card.name} {card.version}",
        "instrument": reading and f"{reading.name} {reading.fingerprint}",
        "condition": "none",
    }
    return protocol | ({"options": dict(reading.options)} if reading and reading.options else {})
