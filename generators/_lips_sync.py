"""Painting lips: a clip and a sound in, the clip with lips that say it out. What lipsync and crossmodal share."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fauxbench import (
    Artifact,
    Context,
    Failure,
    FitTask,
    Generator,
    GeneratorCard,
    InputError,
    MediaError,
    Request,
    VideoMedia,
)
from fauxbench.generators._lips import (
    FPS,
    RATE,
    Face,
    Heard,
    Picture,
    Talk,
    Unfit,
    cut_box,
    find_face,
    first_of,
    frames_of,
    hear,
    hidden_part,
    lay_in,
    mask_of,
    read_talks,
    sound_windows,
    spectrogram,
)
from fauxbench.generators._lips_networks import Talker
from fauxbench.generators._lips_training import Recipe, Speaking
from fauxbench.generators._training import build_quietly, train
from fauxbench.generators._training_pictures import as_bytes, as_floats
from fauxbench.generators._training_state import load_weights, read_config, save_weights

MOST = 250
"""Frames of a clip that a training reads."""
BATCH = 32
"""Frames of sound that are listened to at a time."""
WATCHED = 50
"""Frames of the target that say what its mouth does in the first one, beside its mean."""


class LipPainter(Generator):
    """Paints the mouth of `request.target` so that it says `request.audio`."""

    def __init__(self, card: GeneratorCard, parameters: Mapping[str, Any]) -> None:
        super().__init__(card, parameters)
        self.card: GeneratorCard = card
        self.parameters: Mapping[str, Any] = parameters
        self._talker: Talker | None = None
        self._config: dict[str, Any] = {}

    def fit(self, task: FitTask, context: Context) -> None:
        """Learn from the train clips, their pixels and their sound.

        Raises:
            InputError: Fewer than two clips can be learned from.
            FauxbenchError: Training diverged.
        """
        talks, wrong = self._talks(task, context)
        given = ("width", "ears", "windows", "learning_rate", "sync", "adversarial")
        recipe = {
            "system": [self.card.name, self.card.version],
            "parameters": dict(self.parameters),
            "seed": context.seed,
            "clips": digest_of_talks(talks),
            "device": context.device.partition(":")[0],
        }
        training = Speaking(talks, Recipe(**{name: self.parameters[name] for name in given}), context)
        steps = int(self.parameters["steps"])
        curve = train(training, name=self.card.name, steps=steps, recipe=recipe, context=context)
        finished = training.finished()
        assert isinstance(finished, Talker)
        self._talker = finished
        self._config = {
            "system": self.card.name,
            "width": self.parameters["width"],
            "ears": self.parameters["ears"],
            "train": len(talks),
            "unreadable": len(wrong),
            "steps": steps,
            "curve": [[step, losses] for step, losses in curve],
        }

    def _talks(self, task: FitTask, context: Context) -> tuple[list[Talk], list[str]]:
        talks: list[Talk] = []
        wrong: list[str] = []
        for _, found in read_talks(task.train, str(self.parameters["align"]), MOST):
            if isinstance(found, Talk):
                talks.append(found)
            else:
                wrong.append(found)
        if len(talks) < 2:
            raise InputError(
                f"{self.card.name}: {len(talks)} of {len(task.train)} train items are clips of a talking face with "
                f"sound, at least 2 are needed; {wrong[:1]}"
            )
        context.progress(0.0, f"{len(talks)} clips, {len(wrong)} unusable")
        return talks, wrong

    def save(self, folder: Path) -> None:
        """Write `weights.safetensors` and `config.json`."""
        save_weights(folder, self._fitted(), self._config)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote.

        Raises:
            InputError: Something is missing, damaged, a pickle, of another system or of another shape.
        """
        config = read_config(folder, self.card.name)
        try:
            shape = self.card.fill({name: config[name] for name in ("width", "ears")})
        except (LookupError, InputError) as error:
            raise InputError(f"{folder}/config.json: width or ears are missing or wrong: {error}") from error
        talker: Talker = build_quietly(Talker, width=shape["width"], ears=shape["ears"])
        load_weights(folder, talker, self.card.name)
        self._config, self._talker = config, talker.eval()

    @torch.inference_mode()
    def generate(self, requests: Sequence[Request], context: Context) -> Iterator[Artifact | Failure]:
        """Yield one clip a request, as long as the shorter of target and sound; it depends on the request alone."""
        for done, request in enumerate(requests):
            try:
                yield self._said(request, context.device)
            except Unfit as error:
                yield Failure(request_id=request.id, kind=error.kind, message=f"{self.card.name}: {error}")
            except MediaError as error:
                yield Failure(request_id=request.id, kind="unreadable", message=f"{self.card.name}: {error}")
            context.progress((done + 1) / len(requests), f"{done + 1} of {len(requests)} clips")

    def _said(self, request: Request, device: str) -> Artifact:
        clip = frames_of(request.target)
        heard = hear(request.audio)
        first = first_of(clip)
        face = find_face(first, str(self.parameters["align"]))
        reference = cut_box(first[0], face.box)
        count = sum(1 for _ in islice(clip.frames(), heard.frames))
        if not count:
            raise Unfit("too-short", "the target has no frame beside the sound")
        watched = torch.from_numpy(np.stack([cut_box(frame, face.box) for frame in islice(clip.frames(), WATCHED)]))
        shown = self._fitted().cpu().watch(watched.permute(0, 3, 1, 2))[0]
        codes = self.listen(heard, count, device)
        codes = torch.cat([codes.cpu(), shown.expand(len(codes), -1)], 1)
        share = hidden_part()

        def frames() -> Iterator[Picture]:
            for frame, code in zip(clip.frames(), codes, strict=False):
                yield lay_in(frame, self.paint(cut_box(frame, face.box), reference, code, device), face.box, share)

        mask = mask_of(first[0].shape[:2], face.box, share)
        media = VideoMedia(frames=frames, fps=FPS, sound=heard.sound[: round(count * RATE / FPS)], sample_rate=RATE)
        facts = {**heard.facts, **_facts_of(face)}
        return Artifact(request_id=request.id, media=media, masks=lambda: (mask for _ in range(count)), facts=facts)

    def listen(self, heard: Heard, frames: int, device: str = "cpu") -> torch.Tensor:
        """Return what the mouth is to do at each frame of a sound, (T, 8)."""
        windows = sound_windows(torch.from_numpy(spectrogram(heard.sound, frames)))
        net = self._fitted().to(device)
        with torch.inference_mode():
            return torch.cat([net.hear(windows[k : k + BATCH].to(device)) for k in range(0, len(windows), BATCH)])

    def paint(self, seen: Picture, reference: Picture, code: torch.Tensor, device: str = "cpu") -> Picture:
        """Return a part of a face (48, 64, 3) with another mouth; `code` (11,), the reference's mouth last."""
        with torch.inference_mode():
            pair = torch.from_numpy(np.stack([seen, reference])).permute(0, 3, 1, 2)
            both = as_floats(pair).to(device)
            hidden = torch.from_numpy(hidden_part())[None, None].to(device)
            made = self._fitted().to(device).painter(both[:1], both[1:], hidden, code[None].to(device))
        return np.asarray(as_bytes(made)[0].permute(1, 2, 0).cpu().numpy())

    def _fitted(self) -> Talker:
        if self._talker is None:
            raise InputError(f"{self.card.name}: call fit or load first")
        return self._talker


def _facts_of(face: Face) -> dict[str, int]:
    return {} if face.found < 0 else {"faces": face.found}


def digest_of_talks(talks: Sequence[Talk]) -> str:
    """Return sha256 over the pixels and spectrograms of clips."""
    found = hashlib.sha256()
    for talk in talks:
        found.update(talk.mouths.numpy().tobytes())
        found.update(talk.mel.numpy().tobytes())
    return found.hexdigest()
