"""Reenactment as a system under test."""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from fauxbench import Item, Request, open_clip, read_image
from fauxbench.generators._faces_cut import Array, Picture
from fauxbench.generators._faces_editor import Edit, Unfit, place_of
from fauxbench.generators._faces_labelled import LabelledEditor

POSE = ("yaw", "pitch")
UNITS = (
    *("brow_inner_up", "brow_outer_up", "brow_lower", "lid_raise", "cheek_raise", "lid_tight", "nose_wrinkle"),
    *("upper_lip_raise", "smile", "dimple", "frown", "chin_raise", "lip_press", "jaw_open", "jaw_side", "lip_width"),
    *("lip_round", "lip_part", "blink_left", "blink_right", "gaze_x", "gaze_y"),
)
"""Action units that its labels must hold."""
ACTS = (*POSE, *UNITS)


class Reenactment(LabelledEditor):
    """Draws the target's face with the acts of a driver: action units and pose, read off the pixels of both.

    After Pumarola et al. 2018 (GANimation, arXiv:1807.09251): acts condition what is drawn, and no pixel of the driver
    goes into it.
    """

    labels = ACTS

    def _edit(self, request: Request) -> tuple[Edit, dict[str, Any]]:
        path = place_of(request.driver, "driver")
        assert request.driver is not None
        acts = self._acts_of_driver(request.driver, path)
        kept = float(self.parameters["kept"])
        pose, units = float(self.parameters["pose"]), float(self.parameters["expression"])
        share = np.array([pose if name in POSE else units for name in ACTS])

        def edit(pixels: Picture, number: int) -> tuple[Picture, Picture]:
            theirs = acts(number)
            return self.changed(pixels, lambda mine: np.asarray(mine + share * (theirs - mine)), kept)

        return edit, {"driver_modality": str(request.driver.modality)}

    def _acts_of_driver(self, driver: Item, path: Path) -> Callable[[int], Array]:
        self._fitted()
        if driver.modality != "video":
            still = self.shown_in(read_image(path))
            return lambda number: still
        seen: list[Array] = []
        frames: Iterator[Picture] = open_clip(path).frames()

        def at(number: int) -> Array:
            """Return the acts of a frame; a driver that is too short stays as it ends."""
            for frame in islice(frames, max(0, number + 1 - len(seen))):
                seen.append(self.shown_in(frame))
            if not seen:
                raise Unfit(f"driver {driver.id} has no frames")
            return seen[min(number, len(seen) - 1)]

        return at
