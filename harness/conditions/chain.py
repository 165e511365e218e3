"""Chains of conditions: one after another, for instance what a social network does to an upload."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from ..canonical import JSON
from ..cards import did_you_mean
from ..errors import InputError
from ..media.item import Modality
from .change import SEVERITIES
from .table import CHANGES, Condition

UNITS: Mapping[Modality, str] = MappingProxyType(
    {Modality.IMAGE: "pictures", Modality.VIDEO: "clips", Modality.AUDIO: "sounds"}
)


class Link(NamedTuple):
    """A step of a named chain, with its parameters at each severity."""

    condition: str
    ladder: Mapping[str, Sequence[JSON]]


class Named(NamedTuple):
    """A chain with a name, for each kind of media that it can be applied to."""

    title: str
    links: Mapping[Modality, tuple[Link, ...]]


_SMALLER = Link("scale", {"factor": (1.0, 1.25, 1.5, 2.0, 3.0)})
_JPEGS = tuple(Link("jpeg", {"quality": ladder}) for ladder in ((92, 85, 75, 60, 40), (85, 75, 65, 50, 30)))
_H264 = tuple(Link("h264", {"crf": ladder}) for ladder in ((23, 26, 28, 32, 36), (25, 28, 31, 35, 40)))
_OPUS = tuple(Link("opus", {"kbps": ladder}) for ladder in ((32, 24, 20, 16, 12), (32, 24, 16, 12, 8)))
NAMED: Mapping[str, Named] = MappingProxyType(
    {
        "social": Named(
            "a social network: made smaller, encoded, and encoded again on the way to the viewer",
            {
                Modality.IMAGE: (_SMALLER, *_JPEGS),
                Modality.VIDEO: (_SMALLER, *_H264, *_OPUS),
                Modality.AUDIO: _OPUS,
            },
        ),
    }
)
"""Chains that a suite can name like a condition, with severities of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Conditions in the order in which they are applied; one condition is a chain of one."""

    name: str
    """What tables call it; the same for all its severities."""
    steps: tuple[Condition, ...]
    severity: int | None = None
    """None where its steps have severities of their own."""

    @property
    def label(self) -> str:
        """Name and severity: what tells it apart in a plan."""
        return self.name if self.severity is None else f"{self.name} {self.severity}"

    @property
    def media(self) -> tuple[Modality, ...]:
        """The kinds of media that every step can be applied to."""
        return tuple(one for one in Modality if all(one in step.change.applies for step in self.steps))

    @property
    def resizes(self) -> bool:
        """Whether what it gives may have another size or length."""
        return any(step.change.resizes for step in self.steps)

    @property
    def said(self) -> str:
        """Its parameters, as far as they are the same for every item: `crf 40`, `height 240`, or nothing."""
        return " + ".join(filter(None, (_said(step) for step in self.steps)))

    def check(self, modality: Modality) -> None:
        """Raise InputError unless it can be applied to media of a kind; the message names the step that cannot."""
        for step in self.steps:
            if modality not in step.change.applies:
                takes = " and ".join(UNITS[one] for one in step.change.applies)
                among = f" in '{self.name}'" if len(self.steps) > 1 else ""
                raise InputError(f"condition {step.name}{among} changes {takes}, and these are {UNITS[modality]}")

    def record(self) -> list[JSON]:
        """Return the steps as JSON: what stands in fingerprints and keys, whatever the chain is called."""
        return [step.record() for step in self.steps]

    @classmethod
    def from_record(cls, record: Sequence[Mapping[str, JSON]], name: str = "") -> "Chain":
        """Build a Chain from `record()`'s form."""
        return cls(name=name, steps=tuple(Condition(**dict(step)) for step in record))


def chain_of(name: str, severity: int, modality: Modality, parameters: Mapping[str, JSON] | None = None) -> Chain:
    """Return the chain that a name stands for: one condition, or a chain that has a name.

    Args:
        name: Of `CHANGES` or `NAMED`.
        severity: 1 to 5.
        modality: Of the media that it is for; named chains differ.
        parameters: Held at a value in place of being drawn; not of a named chain.

    Raises:
        InputError: No such condition, severity or parameter, or not for such media.
    """
    if name not in NAMED:
        if name not in CHANGES:
            known = (*CHANGES, *NAMED)
            raise InputError(f"no condition '{name}'{did_you_mean(name, known)}; legal: {', '.join(known)}")
        one = Condition(name=name, severity=severity, parameters=dict(parameters or {}))
        chain = Chain(name=name, steps=(one,), severity=severity)
        chain.check(modality)
        return chain
    if severity not in SEVERITIES:
        raise InputError(f"condition {name}: severity {severity!r}; legal: 1 to 5")
    if parameters:
        raise InputError(f"condition {name} is a chain and takes no parameters; write its steps as a chain of your own")
    steps = (
        Condition(
            name=link.condition,
            severity=severity,
            parameters={key: values[severity - 1] for key, values in link.ladder.items()},
        )
        for link in NAMED[name].links[modality]
    )
    return Chain(name=name, steps=tuple(steps), severity=severity)


def _said(step: Condition) -> str:
    known = {**step.change.fixed(step.severity), **step.parameters}
    return ", ".join(f"{name} {value:g}" for name, value in sorted(known.items()) if isinstance(value, int | float))
