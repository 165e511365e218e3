"""Conditions in a suite: `conditions: [jpeg, {use: h264, severity: [1, 3, 5]}, {chain: [...]}, {render: {...}}]`."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from .canonical import JSON
from .cards import Document, Name
from .conditions.chain import Chain, chain_of
from .conditions.change import SEVERITIES
from .conditions.table import Condition
from .media.item import Modality


def _by_name(value: object) -> object:
    """Let `jpeg` stand for `{use: jpeg}`."""
    return {"use": value} if isinstance(value, str) else value


def _listed(value: object) -> object:
    """Let `severity: 3` stand for `severity: [3]`."""
    return (value,) if isinstance(value, int) and not isinstance(value, bool) else value


Severity = Annotated[int, Field(ge=SEVERITIES[0], le=SEVERITIES[-1], strict=True)]


class StepSpec(Document):
    """One step of a chain."""

    use: str
    """Name of a condition: see docs/robustness.md."""
    severity: Severity = 3
    parameters: dict[str, Any] = {}
    """Held at a value in place of being drawn."""


class RenderSpec(Document):
    """Clips rendered anew at a size or length that the real set does not have: nothing is up-scaled or repeated."""

    height: Literal[240, 360, 480, 720, 1080] | None = None
    seconds: float | None = Field(default=None, ge=1, le=300)
    cut_from: float | None = Field(default=None, ge=1, le=300)
    """Seconds of the clips that are rendered, of which `seconds` are the first: one rendering for several lengths."""
    people: int | None = Field(default=None, ge=1)
    """How many, from those after the people of the real set; default: as many as its test split has."""

    @property
    def said(self) -> str:
        """What is asked for, in words: `480p, 5 s`."""
        words = (f"{self.height}p" if self.height else "", f"{self.seconds:g} s" if self.seconds else "")
        return ", ".join(filter(None, words))

    @property
    def changed(self) -> Mapping[str, JSON]:
        """What of the rendering differs from the real set."""
        values: dict[str, JSON] = {"height": self.height, "seconds": self.cut_from or self.seconds}
        return {name: value for name, value in values.items() if value is not None}

    @model_validator(mode="after")
    def _something(self) -> "RenderSpec":
        if self.height is None and self.seconds is None:
            raise ValueError("expected a height, or seconds")
        if self.cut_from is not None and (self.seconds is None or self.cut_from <= self.seconds):
            raise ValueError(f"cut_from: expected more than `seconds`, found {self.cut_from:g} and {self.seconds}")
        return self


class ConditionSpec(Document):
    """A condition in a suite, at one severity or several; a chain of them; or clips rendered for it."""

    use: str | None = None
    """Name of a condition, or of a chain that has one: see docs/robustness.md."""
    severity: Annotated[tuple[Severity, ...], BeforeValidator(_listed)] = Field(default=SEVERITIES, min_length=1)
    parameters: dict[str, Any] = {}
    """Held at a value in place of being drawn."""
    name: Name | None = None
    """What tables call it; default: `use`, or the names of the chain's steps."""
    first: tuple[Annotated[StepSpec, BeforeValidator(_by_name)], ...] = ()
    """Steps before it, the same at every severity: for instance the first seconds alone, to save time."""
    chain: tuple[Annotated[StepSpec, BeforeValidator(_by_name)], ...] = ()
    render: RenderSpec | None = None

    @model_validator(mode="after")
    def _one(self) -> "ConditionSpec":
        given = [n for n in ("use", "chain", "render") if getattr(self, n)]
        if len(given) != 1:
            found = ", ".join(given) or "none of them"
            raise ValueError(f"expected one of use, chain, render; found {found}")
        fields = type(self).model_fields
        own = [n for n in ("first", "parameters", "severity") if getattr(self, n) != fields[n].get_default()]
        if given != ["use"] and own:
            raise ValueError(f"{', '.join(own)}: only beside use; a step of a chain has its own")
        if len(set(self.severity)) != len(self.severity):
            raise ValueError(f"severity {list(self.severity)}: one is given twice")
        return self

    @property
    def family(self) -> str:
        """What its cells are called together."""
        if self.name:
            return self.name
        if self.render:
            return "rendered"
        return self.use or "+".join(step.use for step in self.chain)

    def chains(self, modality: Modality) -> tuple[Chain, ...]:
        """Return one chain for each severity, mildest first; none where clips are rendered.

        Raises:
            InputError: An unknown condition or parameter, or one that is for other media.
        """
        if self.use:
            made = (chain_of(self.use, severity, modality, self.parameters) for severity in sorted(self.severity))
            before = _steps(self.first, modality)
            return tuple(Chain(name=self.family, steps=before + one.steps, severity=one.severity) for one in made)
        return (Chain(name=self.family, steps=_steps(self.chain, modality)),) if self.chain else ()


def _steps(specs: Sequence[StepSpec], modality: Modality) -> tuple[Condition, ...]:
    chains = (chain_of(step.use, step.severity, modality, step.parameters) for step in specs)
    return tuple(one for chain in chains for one in chain.steps)


NamedCondition = Annotated[ConditionSpec, BeforeValidator(_by_name)]
