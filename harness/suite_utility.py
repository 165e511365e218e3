"""Usefulness in a suite: what a classifier learns from synthetic pictures, beside real ones or in their place.

`utility: {label: smile, above: 0.25}`; see docs/utility.md.
"""

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from .cards import Document

Share = Annotated[float, Field(gt=0, le=1)]


class UtilitySpec(Document):
    """A downstream task: learnt from real, synthetic, or both; tested on real pictures alone."""

    label: str = Field(min_length=1)
    """What is told: a cluster (`identity`), a fact of the items (`smile`, `glasses`), or `folder`, the first folder of
    an item's name."""
    above: float | None = None
    """Where a number is cut into two classes; default: the median of the real train split."""
    real: Share = 0.25
    """Share of the real train people that stand beside synthetic pictures."""
    ratios: tuple[Annotated[float, Field(gt=0, le=100)], ...] = Field(default=(1.0, 3.0), min_length=1)
    """Synthetic pictures for each of those real ones."""
    curve: tuple[Share, ...] = (0.125, 0.25, 0.5, 1.0)
    """Shares of the real train people that are learnt from alone: what a synthetic picture is worth is read off it."""
    seeds: int = Field(default=3, ge=1, le=20)
    """Trainings of each classifier."""
    size: int = Field(default=32, ge=16, le=128)
    """Side in pixels that it reads."""
    steps: int = Field(default=200, ge=1, le=100_000)
    """Updates of each training, whatever it learns from."""

    @property
    def shares(self) -> tuple[float, ...]:
        """Shares of real people that are learnt from alone, smallest first."""
        return tuple(sorted({*self.curve, self.real}))

    @field_validator("ratios", "curve")
    @classmethod
    def _differ(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        if len(set(values)) != len(values):
            raise ValueError(f"{list(values)}: one is given twice")
        return values

    @model_validator(mode="after")
    def _a_curve(self) -> "UtilitySpec":
        if len(self.shares) < 2:
            raise ValueError("curve: a learning curve needs two shares of real people at least")
        return self
