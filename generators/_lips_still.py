"""A still picture and a sound in, a talking clip out. What puppet and crossmodal share."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from fauxbench import (
    Artifact,
    Context,
    Failure,
    FitTask,
    InputError,
    Item,
    MediaError,
    Request,
    VideoMedia,
    open_clip,
    read_image,
)
from fauxbench.generators._faces_cut import Array, Picture
from fauxbench.generators._faces_editor import Edit
from fauxbench.generators._faces_labelled import LabelledEditor
from fauxbench.generators._lips import FPS, RATE, Unfit, hear, labelled_frames, told_of
from fauxbench.generators._lips_visemes import VISEMES, Ears, spoken_of, train_ears, visemes
from fauxbench.generators._training import build_quietly
from fauxbench.generators._training_state import load_weights, save_weights

ACTS = (
    *("yaw", "pitch", "brow_inner_up", "brow_outer_up", "brow_lower", "lid_raise", "cheek_raise", "lid_tight"),
    *("nose_wrinkle", "upper_lip_raise", "smile", "dimple", "frown", "chin_raise", "lip_press", "jaw_open", "jaw_side"),
    *("lip_width", "lip_round", "lip_part", "blink_left", "blink_right", "gaze_x", "gaze_y"),
)
"""Labels that a face is drawn with: those of `reenactment`."""
EARS_STEPS = 1500
EARS = "ears"
"""Folder of the weights of what listens."""
SWAY = {"yaw": (0.12, 0.23), "pitch": (0.08, 0.31)}
"""Shares of the labels' reach, and turns a second, by which the head sways."""
BLINK_EVERY, BLINK = 4.0, 0.16
"""Seconds between blinks, about, and of one."""


class TalkingStill(LabelledEditor):
    """Lets the face of `request.target` say `request.audio`: `reenactment`, driven by action units told from sound."""

    labels = ACTS

    def fit(self, task: FitTask, context: Context) -> None:
        """Learn faces from the labelled frames of the train clips, and visemes from their sound.

        Raises:
            InputError: No clip can be read, or the clips have no labels.
            FauxbenchError: Training diverged.
        """
        spoken, wrong = spoken_of(task.train)
        if len(spoken.sounds) < 50:
            raise InputError(
                f"{self.card.name}: {len(spoken.sounds)} frames with sound and labels in {len(task.train)} items, "
                f"at least 50 are needed{told_of(wrong)}; train it on clips of the studio and hand in its weights"
            )
        stills = labelled_stills(task.train, context.scratch / "stills")
        self._ears = train_ears(spoken, EARS_STEPS, context)
        super().fit(replace(task, train=stills), context)

    def save(self, folder: Path) -> None:
        """Write weights and config of all networks."""
        super().save(folder)
        save_weights(folder / EARS, self._heard(), {"system": self.card.name})

    def load(self, folder: Path) -> None:
        """Read what `save` wrote.

        Raises:
            InputError: Something is missing, damaged, a pickle, of another system or of another shape.
        """
        super().load(folder)
        ears: Ears = build_quietly(Ears)
        load_weights(folder / EARS, ears, self.card.name)
        self._ears = ears.eval()

    @torch.inference_mode()
    def generate(self, requests: Sequence[Request], context: Context) -> Iterator[Artifact | Failure]:
        """Yield one clip a request, as long as its sound; it depends on the request alone."""
        self._heard()
        for done, request in enumerate(requests):
            try:
                yield self._spoken(request)
            except Unfit as error:
                yield Failure(request_id=request.id, kind=error.kind, message=f"{self.card.name}: {error}")
            except MediaError as error:
                yield Failure(request_id=request.id, kind="unreadable", message=f"{self.card.name}: {error}")
            context.progress((done + 1) / len(requests), f"{done + 1} of {len(requests)} clips")

    def _spoken(self, request: Request) -> Artifact:
        still = still_of(request.target)
        heard = hear(request.audio)
        count = heard.frames
        moves = self.moves(visemes(self._heard(), heard.sound, count), request.seed)
        kept = float(self.parameters["kept"])

        def made(which: int) -> Iterator[Picture]:
            for move in moves:
                yield self.changed(still, move, kept)[which]

        changed = next(made(1))  # what is wrong with the request shows now, and not while it is written
        media = VideoMedia(
            frames=lambda: made(0), fps=FPS, sound=heard.sound[: round(count * RATE / FPS)], sample_rate=RATE
        )
        return Artifact(
            request_id=request.id, media=media, masks=lambda: (changed for _ in range(count)), facts=heard.facts
        )

    def moves(self, said: Array, seed: int) -> list[Callable[[Array], Array]]:
        """Return for every frame what it makes of the labels that the still shows.

        Args:
            said: (T, 7) visemes, in the units of the action units.
            seed: Of sways and blinks.
        """
        places = [ACTS.index(name) for name in VISEMES]
        low, high = self._ends[:, places]
        mouths = np.clip(2 * (said - low) / np.maximum(high - low, 1e-6) - 1, -1, 1)
        pose, share = float(self.parameters["pose"]), float(self.parameters["expression"])
        sways, shut = swaying(len(said), seed)

        def move(k: int) -> Callable[[Array], Array]:
            def of(mine: Array) -> Array:
                wanted = mine.copy()
                wanted[places] += share * (mouths[k] - mine[places])
                for name, sway in sways.items():
                    wanted[ACTS.index(name)] += pose * sway[k]
                for name in ("blink_left", "blink_right"):
                    wanted[ACTS.index(name)] += shut[k] * (1.0 - wanted[ACTS.index(name)])
                return np.clip(wanted, -1, 1)

            return of

        return [move(k) for k in range(len(said))]

    def _edit(self, request: Request) -> tuple[Edit, dict[str, Any]]:
        raise NotImplementedError  # frames are made from one still, not one from each

    def _heard(self) -> Ears:
        found: Ears | None = getattr(self, "_ears", None)
        if found is None:
            raise InputError(f"{self.card.name}: call fit or load first")
        return found


def swaying(frames: int, seed: int) -> tuple[dict[str, Array], Array]:
    """Return how far a head sways at each frame, by name, and how far the eyes are shut, (T,) each."""
    rng = np.random.default_rng([seed % (1 << 63), 3])
    times = np.arange(frames) / FPS
    sways = {}
    for name, (reach, speed) in SWAY.items():
        phase = float(rng.uniform(0, 2 * np.pi))
        sways[name] = np.asarray(reach * (np.sin(2 * np.pi * speed * times + phase) - np.sin(phase)))
    at, shut = float(rng.uniform(0.5, BLINK_EVERY)), np.zeros(frames)
    while at < frames / FPS:
        shut = np.maximum(shut, np.clip(1.2 - np.abs(times - at) / (BLINK / 2), 0.0, 1.0))
        at += float(rng.uniform(0.6, 1.4)) * BLINK_EVERY
    return sways, shut


def still_of(item: Item | None) -> Picture:
    """Return the target's picture; of a clip, its first frame.

    Raises:
        Unfit: There is none.
        MediaError: It cannot be decoded.
    """
    if item is None:
        raise Unfit("missing", "request has no target: whose face?")
    if item.location is None:
        raise Unfit("missing", f"target {item.id} has no file on this machine")
    if item.modality == "audio":
        raise Unfit("missing", f"target {item.id} is a sound, and shows no face")
    if item.modality == "image":
        return read_image(item.location)
    return next(open_clip(item.location).frames())


def labelled_stills(items: Sequence[Item], folder: Path) -> tuple[Item, ...]:
    """Write the labelled frames of clips as pictures; return them as Items, with those that are pictures already."""
    folder.mkdir(parents=True, exist_ok=True)
    found: list[Item] = [item for item in items if item.modality == "image"]
    for number, item in enumerate(items):
        found += [
            _still(item, frame, row, folder / f"{number:05d}-{k:05d}.png") for k, frame, row in labelled_frames(item)
        ]
    return tuple(found)


def _still(item: Item, frame: Picture, row: Mapping[str, Any], path: Path) -> Item:
    cv2.imwrite(str(path), frame[:, :, ::-1])
    factors = {**dict(item.facts.get("factors") or {}), **dict(row["factors"])}
    facts = {"points": dict(row["points"]), "factors": factors}
    return replace(item, id=f"{item.id}/{path.stem}", modality=type(item.modality)("image"), facts=facts, location=path)
