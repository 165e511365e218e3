"""Pictures on their way into a training and out of a network: reading, sides, batches, grids."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fauxbench import FitTask, InputError, Item, MediaError, Output, crop_square, read_image, resize

DEFAULT_SIDE = 64
"""Largest side of a network, in pixels, when no size is asked for."""
GRID_COLUMNS = 8

Pictures = NDArray[np.uint8]


def decode(items: Sequence[Item]) -> tuple[list[Pictures], list[str]]:
    """Return the pictures that can be read, (H, W, 3) uint8 each, and what is wrong with the others."""
    pictures: list[Pictures] = []
    wrong: list[str] = []
    for item in items:
        if item.location is None:
            wrong.append(f"{item.id}: no file on this machine")
            continue
        try:
            pictures.append(read_image(item.location))
        except MediaError as error:
            wrong.append(str(error))
    return pictures, wrong


def network_side(output: Output, pictures: Sequence[Pictures], sides: Sequence[int]) -> int:
    """Return the side of a network, one of `sides`, for the size asked for and the train pictures at hand.

    The largest that is not above the smaller side asked for, or, where none is asked for, not above the smallest train
    picture nor `DEFAULT_SIDE`; the smallest of `sides` where all are too large.
    """
    asked = [side for side in (output.width, output.height) if side is not None]
    limit = min(asked) if asked else min(DEFAULT_SIDE, *(min(p.shape[:2]) for p in pictures))
    return max((side for side in sides if side <= limit), default=min(sides))


def train_pictures(name: str, task: FitTask, sides: Sequence[int]) -> tuple[Tensor, int]:
    """Return the train pictures, (N, 3, side, side) uint8, and how many could not be read.

    Each is cut to its centred square and resized to the network's side.

    Raises:
        InputError: None can be read.
    """
    pictures, unreadable = decode(task.train)
    if not pictures:
        raise InputError(f"{name}: none of the {len(task.train)} train pictures can be read; {unreadable[:1]}")
    side = network_side(task.output, pictures, sides)
    squares = np.stack([resize(crop_square(p), side, side) for p in pictures])
    return torch.from_numpy(squares).permute(0, 3, 1, 2).contiguous(), len(unreadable)


def as_floats(pictures: Tensor) -> Tensor:
    """Return uint8 pictures as float32 in [-1, 1]."""
    return pictures.to(torch.float32).div_(127.5).sub_(1.0)


def as_bytes(pictures: Tensor) -> Tensor:
    """Return pictures in [-1, 1] as uint8; what lies outside is cut off."""
    return pictures.add(1.0).mul(127.5).round().clamp(0.0, 255.0).to(torch.uint8)


class Batches:
    """Batches of pictures without end, a fresh order in each pass.

    Attributes:
        pool: (M,) int64, the pictures that this pass has still to show; part of what a checkpoint keeps.
        rng: Decides order and mirroring.
    """

    def __init__(self, pictures: Tensor, *, flip: bool, rng: torch.Generator) -> None:
        """Take (N, 3, H, W) uint8 `pictures`; `flip` mirrors each with probability one half."""
        self.pictures = pictures
        self.flip = flip
        self.rng = rng
        self.pool = torch.empty(0, dtype=torch.long)

    def draw(self, batch: int) -> Tensor:
        """Return (batch, 3, H, W) float32 in [-1, 1]; with fewer pictures than that, some appear more than once."""
        while len(self.pool) < batch:
            self.pool = torch.cat([self.pool, torch.randperm(len(self.pictures), generator=self.rng)])
        chosen, self.pool = self.pool[:batch], self.pool[batch:]
        drawn = self.pictures[chosen]
        if self.flip:
            mirrored = torch.rand(batch, generator=self.rng) < 0.5
            drawn = torch.where(mirrored[:, None, None, None], drawn.flip(3), drawn)
        return as_floats(drawn)


def grid(pictures: Tensor) -> Pictures:
    """Return pictures (N, 3, S, S) in [-1, 1] side by side as (H, W, 3) uint8, `GRID_COLUMNS` in a row."""
    tiles = as_bytes(pictures.detach().cpu()).permute(0, 2, 3, 1).numpy()
    rows = -(-len(tiles) // GRID_COLUMNS)
    side = tiles.shape[1]
    sheet = np.full((rows * side, GRID_COLUMNS * side, 3), 255, np.uint8)
    for place, tile in enumerate(tiles):
        top, left = (place // GRID_COLUMNS) * side, (place % GRID_COLUMNS) * side
        sheet[top : top + side, left : left + side] = tile
    return sheet


def cover(pixels: Pictures, width: int, height: int) -> Pictures:
    """Resize a square picture to cover (width, height) and cut it to its centre."""
    side = max(width, height)
    pixels = resize(pixels, side, side)
    top, left = (side - height) // 2, (side - width) // 2
    return pixels[top : top + height, left : left + width]
