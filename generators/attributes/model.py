"""An editor of age, emotion and expression as a system under test."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from fauxbench import Request
from fauxbench.generators._faces_cut import Array, Picture
from fauxbench.generators._faces_editor import Edit, Unfit
from fauxbench.generators._faces_labelled import LabelledEditor

MADE_OF: Mapping[str, tuple[str, ...]] = {
    "age": ("age",),
    "smile": ("smile",),
    "surprise": ("brow_inner_up", "brow_outer_up", "jaw_open"),
    "anger": ("brow_lower", "lid_tight", "lip_press"),
}
"""Attribute -> the labels it moves, each between the ends seen in training; emotions after Ekman and Friesen, 1978."""
LABELS = tuple(dict.fromkeys(name for parts in MADE_OF.values() for name in parts))
PLACES = {attribute: tuple(map(LABELS.index, parts)) for attribute, parts in MADE_OF.items()}


class Attributes(LabelledEditor):
    """Moves one attribute of the target's face to the strength asked for, -1 to 1, and leaves the rest.

    What a face shows already is read off its pixels, so that asking for what is there changes nothing.
    """

    labels = LABELS
    groups = tuple(PLACES.values())

    def _edit(self, request: Request) -> tuple[Edit, dict[str, Any]]:
        unknown = [name for name in request.attributes if name not in PLACES]
        if unknown or not request.attributes:
            found = f"unknown {', '.join(unknown)}" if unknown else "none asked for"
            raise Unfit(f"attributes: {found}; it has: {', '.join(PLACES)}")
        asked = [(place, float(np.clip(v, -1, 1))) for name, v in request.attributes.items() for place in PLACES[name]]
        strength = float(self.parameters["strength"])

        def wanted(shown: Array) -> Array:
            labels = shown.copy()
            for which, value in asked:
                labels[which] += strength * (value - shown[which])
            return labels

        def edit(pixels: Picture, number: int) -> tuple[Picture, Picture]:
            return self.changed(pixels, wanted, 1.0)

        self._fitted()
        return edit, {"strength": strength}
