"""What the built-in systems share that change faces: a target in, the same picture or clip out, with its masks."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fauxbench import (
    Artifact,
    Context,
    Failure,
    FitTask,
    Generator,
    GeneratorCard,
    ImageMedia,
    InputError,
    Item,
    MediaError,
    Request,
    VideoMedia,
    crop_square,
    has_sound,
    open_clip,
    read_image,
    resize,
)
from fauxbench.generators._faces_cut import CENTRE, Array, Picture, cut, placement, sides
from fauxbench.generators._faces_reader import (
    EYES_AND_MOUTH,
    SIDE,
    Labels,
    Reader,
    labels_of,
    points_of_finder,
    read,
    train_reader,
)

FRAMES = 8
"""Frames of a clip, evenly over it, that a training looks at."""

Edit = Callable[[Picture, int], tuple[Picture, Picture]]
"""A frame and its number to the changed frame and its mask (H, W) uint8."""


class Unfit(Exception):
    """A request that cannot be met, and why."""


class Editor(Generator):
    """A system that finds the face in every frame of the target and changes it."""

    finder: Reader | None = None
    """Where the face is; None takes it to be in the middle, as in portraits."""

    def __init__(self, card: GeneratorCard, parameters: Mapping[str, Any]) -> None:
        super().__init__(card, parameters)
        self.card: GeneratorCard = card
        self.parameters: Mapping[str, Any] = parameters

    @abstractmethod
    def _edit(self, request: Request) -> tuple[Edit, dict[str, Any]]:
        """Return how frames of a request's target are changed, and facts to record; raise Unfit if they cannot be."""

    @torch.inference_mode()
    def generate(self, requests: Sequence[Request], context: Context) -> Iterator[Artifact | Failure]:
        """Yield one picture or clip a request, of its target's size; it depends on the request alone."""
        for done, request in enumerate(requests):
            try:
                yield self._artifact(request)
            except Unfit as error:
                yield Failure(request_id=request.id, kind="missing", message=f"{self.card.name}: {error}")
            except MediaError as error:
                yield Failure(request_id=request.id, kind="unreadable", message=str(error))
            context.progress((done + 1) / len(requests), f"{done + 1} of {len(requests)} {self.card.modality}s")

    def _artifact(self, request: Request) -> Artifact:
        path = place_of(request.target, "target")
        edit, facts = self._edit(request)
        assert request.target is not None
        if request.target.modality == "video":
            clip = open_clip(path, sound=has_sound(path))

            def changed(which: int) -> Iterator[Picture]:
                return (edit(frame, number)[which] for number, frame in enumerate(clip.frames()))

            next(changed(0))  # what is wrong with the request shows now, and not while it is written
            media = VideoMedia(frames=lambda: changed(0), fps=clip.fps, sound=clip.sound, sample_rate=clip.sample_rate)
            return Artifact(request_id=request.id, media=media, masks=lambda: changed(1), facts=facts)
        pixels, mask = edit(read_image(path), 0)
        return Artifact(request_id=request.id, media=ImageMedia(pixels=pixels), masks=lambda: iter([mask]), facts=facts)

    def _place(self, pixels: Picture) -> Array:
        """Return the affine that brings the face of a picture upright and to its size."""
        return placement(self._points(pixels))

    def _points(self, pixels: Picture) -> Array:
        """Return where eyes, nose and corners of the mouth are (5, 2), in pixels of a picture."""
        square = crop_square(pixels)
        side = len(square)
        points = CENTRE if self.finder is None else read(self.finder, resize(square, SIDE, SIDE))[0]
        corner = np.array([(pixels.shape[1] - side) // 2, (pixels.shape[0] - side) // 2])
        return np.asarray(points[:5] * side + corner - 0.5)

    def _find_faces(self, items: Sequence[Item], pictures: Sequence[Picture], steps: int, context: Context) -> None:
        """Learn where faces are, as the parameter `align` says."""
        how = self.parameters["align"]
        self.finder = None
        if how == "centre":
            return
        labels = labels_of(items, sides(pictures), EYES_AND_MOUTH, ())
        squares = [resize(crop_square(p), SIDE, SIDE) for p in pictures]
        if how == "mtcnn":
            found = points_of_finder([crop_square(p) for p in pictures])
            seen = [k for k, points in enumerate(found) if points is not None]
            if len(seen) < 8:
                raise InputError(f"{self.card.name}: MTCNN sees a face in {len(seen)} of {len(found)} train pictures")
            squares = [squares[k] for k in seen]
            labels = Labels(np.array([found[k] for k in seen]), np.zeros((len(seen), 0)))
        if labels is None:
            return
        self.finder = train_reader(planes(squares), labels, steps, context)


def place_of(item: Item | None, role: str) -> Path:
    """Return where the file of an Item lies."""
    if item is None:
        raise Unfit(f"request has no {role}")
    if item.location is None:
        raise Unfit(f"{role} {item.id} has no file on this machine")
    return item.location


def first_frames(item: Item) -> list[Picture]:
    """Return the picture, or a few frames evenly over a clip."""
    path = place_of(item, "picture")
    if item.modality != "video":
        return [read_image(path)]
    clip = open_clip(path)
    total = max(1, round(float(item.facts.get("seconds", 1.0)) * clip.fps))
    step = max(1, total // FRAMES)
    return list(islice((frame for k, frame in zip(count(), clip.frames(), strict=False) if k % step == 0), FRAMES))


def readable(name: str, task: FitTask, items: Sequence[Item]) -> tuple[list[Item], list[Picture]]:
    """Return the pictures of items, and the frames of those that are clips, each with its Item.

    Raises:
        InputError: None can be read.
    """
    owners: list[Item] = []
    pictures: list[Picture] = []
    wrong: list[str] = []
    for item in items:
        try:
            frames = first_frames(item)
        except (MediaError, Unfit) as error:
            wrong.append(str(error))
            continue
        owners += [item] * len(frames)
        pictures += frames
    if not pictures:
        raise InputError(f"{name}: none of the {len(items)} pictures to learn from can be read; {wrong[:1]}")
    return owners, pictures


def planes(pictures: Sequence[Picture]) -> Tensor:
    """Return pictures of one size as (N, 3, S, S) uint8."""
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()


def cut_all(editor: Editor, pictures: Sequence[Picture]) -> Tensor:
    """Return the faces of pictures, (N, 3, 64, 64) uint8, as they will be cut when the system is asked."""
    return planes([cut(p, editor._place(p)) for p in pictures])
