"""How a face moves: points that follow action units and pose, and a field of motion between the points."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

POINTS = (
    *("left_eye", "right_eye", "nose", "mouth_left", "mouth_right", "chin", "brow_left", "brow_right"),
    *("lip_upper", "lip_lower", "lid_upper_left", "lid_lower_left", "lid_upper_right", "lid_lower_right"),
)
"""Points of a face that its labels must hold; left and right are those of the picture."""
POSE = ("yaw", "pitch")
UNITS = (
    *("brow_inner_up", "brow_outer_up", "brow_lower", "lid_raise", "cheek_raise", "lid_tight", "nose_wrinkle"),
    *("upper_lip_raise", "smile", "dimple", "frown", "chin_raise", "lip_press", "jaw_open", "jaw_side", "lip_width"),
    *("lip_round", "lip_part", "blink_left", "blink_right", "gaze_x", "gaze_y"),
)
"""Action units that its labels must hold."""
ACTS = (*POSE, *UNITS)
REACH = {"left_eye": 0.08, "right_eye": 0.08, "nose": 0.13, "chin": 0.14, "brow_left": 0.09, "brow_right": 0.09}
"""How far around a point the face follows it, in shares of the side; points of lips and lids 0.06."""
STILL = 0.05
"""Weight of the motionless ground: what no point is near does not move."""

Array = NDArray[np.float64]


class Rig(NamedTuple):
    """Points as linear functions of acts: a person's own face moves, it does not become another's."""

    slopes: Array
    """(K, 2 P): movement of the points for one deviation of an act."""
    spread: Array
    """(K,) deviation of each act."""

    def movement(self, before: Array, after: Array) -> Array:
        """Return how far the points (P, 2) move when acts (K,) change, in shares of the side."""
        step = np.clip((after - before) / self.spread, -4.0, 4.0)
        return np.asarray((step @ self.slopes).reshape(-1, 2))


def fit_rig(points: Array, acts: Array, people: Sequence[str], ridge: float = 10.0) -> Rig:
    """Return the rig that explains best, within each person, where points (N, P, 2) are from acts (N, K).

    Ridge regression (Hoerl, Kennard 1970) of what differs from the person's own mean.
    """
    y, x = points.reshape(len(points), -1).astype(np.float64), acts.astype(np.float64)
    names = np.array(people)
    for person in dict.fromkeys(people):
        own = names == person
        y, x = np.where(own[:, None], y - y[own].mean(0), y), np.where(own[:, None], x - x[own].mean(0), x)
    spread = np.maximum(acts.std(0), 1e-3)
    x = x / spread
    slopes = np.linalg.solve(x.T @ x + ridge * np.eye(x.shape[1]), x.T @ y)
    return Rig(slopes, spread)


def carried(pictures: Tensor, points: Tensor, movement: Tensor) -> Tensor:
    """Return pictures (N, C, S, S) whose points (N, P, 2) have moved by `movement`, both in shares of the side.

    As in Siarohin et al. 2019 (arXiv:2003.00196), equations 4 to 6, of order zero: every place follows the points near
    it, by Gaussian weights, against a ground that stays; sampled backwards.
    """
    side = pictures.shape[-1]
    line = (torch.arange(side, device=pictures.device) + 0.5) / side
    y, x = torch.meshgrid(line, line, indexing="ij")
    spot = torch.stack([x, y], -1)[None, None]
    after = (points + movement)[:, :, None, None]
    reach = torch.tensor([REACH.get(name, 0.06) for name in POINTS[: points.shape[1]]], device=pictures.device)
    weight = torch.exp(-0.5 * ((spot - after) ** 2).sum(-1) / (reach**2)[None, :, None, None])
    flow = (weight[..., None] * movement[:, :, None, None]).sum(1) / (weight.sum(1)[..., None] + STILL)
    field = 2 * (spot[:, 0] - flow) - 1
    return functional.grid_sample(pictures, field, padding_mode="border", align_corners=False)
