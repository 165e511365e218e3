"""Painting lips: a clip and a sound in, the clip with lips that say it out. What lipsync and crossmodal share."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

import torch

from fauxbench import (
    Artifact,
    Context,
    Failure,
    FitTask,
    Generator,
    GeneratorCard,
    InputError,
    Item,
    MediaError,
    Request,
    VideoMedia,
)
from fauxbench.generators._faces_reader import Reader
from fauxbench.generators._lips import (
    FPS,
    RATE,
    Heard,
    Speech,
    Talk,
    Unfit,
    find_face,
    first_of,
    frames_of,
    hear,
    read_speech,
    read_talks,
    sound_windows,
    spectrogram,
    teach_finder,
    told_of,
)
from fauxbench.generators._lips_cut import Picture, follow, hidden_part, lay_in, mask_of, place_face
from fauxbench.generators._lips_known import Known, Mouth, goes_with, know
from fauxbench.generators._lips_networks import Talker
from fauxbench.generators._lips_training import Recipe, Speaking
from fauxbench.generators._training import build_quietly, train
from fauxbench.generators._training_state import load_weights, read_config, save_weights

MOST = 250
"""Frames of a clip that a training reads."""
BATCH = 32
"""Frames of sound that are listened to at a time."""


class LipPainter(Generator):
    """Paints the mouth of `request.target` so that it says `request.audio`."""

    def __init__(self, card: GeneratorCard, parameters: Mapping[str, Any]) -> None:
        super().__init__(card, parameters)
        self.card: GeneratorCard = card
        self.parameters: Mapping[str, Any] = parameters
        self._talker: Talker | None = None
        self._config: dict[str, Any] = {}

    def fit(self, task: FitTask, context: Context) -> None:
        """Learn from the train clips, their pixels and their sound, and to listen from train sounds with labels, too.

        Raises:
            InputError: Fewer than two clips can be learned from.
            FauxbenchError: Training diverged.
        """
        finder = teach_finder(task.train, context) if self.parameters["align"] == "auto" else None
        talks, speech, wrong = self._talks(task, finder, context)
        given = ("width", "ears", "windows", "learning_rate", "sync", "adversarial")
        recipe = {
            "system": [self.card.name, self.card.version],
            "parameters": dict(self.parameters),
            "seed": context.seed,
            "clips": digest_of_talks(talks, speech),
            "device": context.device.partition(":")[0],
        }
        training = Speaking(talks, speech, finder, Recipe(**{name: self.parameters[name] for name in given}), context)
        steps = int(self.parameters["steps"])
        curve = train(training, name=self.card.name, steps=steps, recipe=recipe, context=context)
        finished = training.finished()
        assert isinstance(finished, Talker)
        self._talker = finished
        self._config = {
            "system": self.card.name,
            "width": self.parameters["width"],
            "ears": self.parameters["ears"],
            "finder": finder is not None,
            "train": len(talks),
            "heard": len(speech),
            "unreadable": len(wrong),
            "steps": steps,
            "curve": [[step, losses] for step, losses in curve],
        }

    def _talks(
        self, task: FitTask, finder: Reader | None, context: Context
    ) -> tuple[list[Talk], list[Speech], list[str]]:
        """Return what clips and sounds teach, and what is wrong with the others."""
        sounds = [item for item in task.train if item.modality == "audio"]
        clips = [item for item in task.train if item.modality != "audio"]
        talks: list[Talk] = []
        speech: list[Speech] = []
        wrong: list[str] = []
        for _, found in chain(
            read_talks(clips, str(self.parameters["align"]), MOST, finder), read_speech(sounds, MOST)
        ):
            if isinstance(found, Talk):
                talks.append(found)
            elif isinstance(found, Speech):
                speech.append(found)
            else:
                wrong.append(found)
        if len(talks) < 2:
            raise InputError(
                f"{self.card.name}: {len(talks)} of {len(clips)} train items are clips of a talking face with "
                f"sound, at least 2 are needed{told_of(wrong)}"
            )
        context.progress(0.0, f"{len(talks)} clips, {len(speech)} sounds, {len(wrong)} unusable")
        return talks, speech, wrong

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
        finder = bool(config.get("finder", False))
        talker: Talker = build_quietly(Talker, width=shape["width"], ears=shape["ears"], finder=finder)
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
        talker = self._fitted().cpu()
        assert request.target is not None
        how, made_up = str(self.parameters["align"]), request.target.kind == "fully_synthetic"
        face = find_face(first, how, talker.finder, made=made_up, of=f"target {request.target.id}")
        placed = follow(islice(clip.frames(), heard.frames), place_face(face.points, *first[0].shape[:2]))
        count = len(placed.turns)
        known = know(talker, clip, placed, still=request.target.modality == "image")
        own = self._own(request.target, known, device)
        mouth = Mouth(talker, known if own is None else known._replace(codes=own))
        codes = float(self.parameters["articulation"]) * self.listen(heard, count, device)
        share = hidden_part()

        def made() -> Iterator[Picture]:
            for at, frame in enumerate(islice(clip.frames(), count)):
                yield lay_in(frame, mouth.painted(codes[at], at), placed.turns[at], share)

        size = (int(first[0].shape[0]), int(first[0].shape[1]))
        media = VideoMedia(frames=made, fps=FPS, sound=heard.sound[: round(count * RATE / FPS)], sample_rate=RATE)
        facts = {**heard.facts, **({} if face.found < 0 else {"faces": face.found}), "lost": placed.lost}
        masks = partial(map, lambda turn: mask_of(size, turn, share), placed.turns)
        return Artifact(request_id=request.id, media=media, masks=masks, facts=facts)

    def _own(self, target: Item, known: Known, device: str) -> torch.Tensor | None:
        """Return codes of the known frames by the target's own sound; None if it has none that goes with its mouth."""
        if target.modality == "image":
            return None
        try:
            heard = hear(target)
        except (Unfit, MediaError):
            return None
        codes = self.listen(heard, max(known.places) + 1, device)[list(known.places)]
        return codes - codes.mean(0) if goes_with(known, codes) else None

    def listen(self, heard: Heard, frames: int, device: str = "cpu") -> torch.Tensor:
        """Return what the mouth is to do at each frame of a sound, (T, 5), about its mean."""
        windows = sound_windows(torch.from_numpy(spectrogram(heard.sound, frames)))
        net = self._fitted().to(device)
        with torch.inference_mode():
            told = torch.cat([net.hear(windows[k : k + BATCH].to(device)) for k in range(0, len(windows), BATCH)]).cpu()
        net.cpu()
        return told - told.mean(0)

    def _fitted(self) -> Talker:
        if self._talker is None:
            raise InputError(f"{self.card.name}: call fit or load first")
        return self._talker


def digest_of_talks(talks: Sequence[Talk], speech: Sequence[Speech] = ()) -> str:
    """Return sha256 over the pixels, spectrograms and labels of clips, and of sounds."""
    found = hashlib.sha256()
    for talk in talks:
        found.update(talk.mouths.numpy().tobytes())
        found.update(talk.mel.numpy().tobytes())
        found.update(b"" if talk.said is None else talk.said.numpy().tobytes())
    for sound in speech:
        found.update(sound.mel.numpy().tobytes())
        found.update(sound.said.numpy().tobytes())
    return found.hexdigest()
