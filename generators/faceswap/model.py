"""A face swap as a system under test."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from fauxbench import Context, FitTask, InputError, Request
from fauxbench.generators._faces_cut import (
    Picture,
    box,
    cut,
    head,
    in_light_of,
    lay_back,
    match_colour,
    placement,
    turned,
)
from fauxbench.generators._faces_editor import Edit, Editor, Unfit, cut_all, first_frames, planes, readable
from fauxbench.generators._faces_reader import Reader
from fauxbench.generators._training import build_quietly, train
from fauxbench.generators._training_pictures import as_bytes, as_floats
from fauxbench.generators._training_state import digest_of_pictures, load_weights, read_config, save_weights
from fauxbench.generators.faceswap.networks import Swapper
from fauxbench.generators.faceswap.training import Recipe, Swapping

FINDER_STEPS = 500


class Shown(NamedTuple):
    """Pictures of a source."""

    faces: Tensor
    """(N, 3, 64, 64) in [-1, 1]."""
    codes: Tensor
    """(N, code): pose, expression and light, as far as the encoder tells them from the person."""
    turns: list[float]
    """Of the heads."""


class FaceSwap(Editor):
    """One encoder for everybody and a decoder for each person (faceswap, 2017), laid back into the target.

    With `decoders` "own", decoders share a trunk, and a person's own layers are made of the pictures that a request
    refers to: whoever it has pictures of, it can put in. What is coarse in the result is the decoder's; what is fine is
    taken from the source's picture, or its mirror image, whose code is nearest to the target's. With "whole", everybody
    has a whole decoder, and it can put in whom it was taught, from `FitTask.references`, the half of each person's
    pictures that no request alters.
    """

    def __init__(self, card: Any, parameters: Mapping[str, Any]) -> None:  # noqa: ANN401 - a GeneratorCard
        super().__init__(card, parameters)
        self._net: Swapper | None = None
        self._config: dict[str, Any] = {}
        self._people: dict[str, int] = {}

    def fit(self, task: FitTask, context: Context) -> None:
        """Learn the faces of the train split's people and of the subjects.

        Raises:
            InputError: No picture can be read, or `align` asks for what is not installed.
            FauxbenchError: Training diverged.
        """
        known = {item.id: item for item in (*task.train, *task.references)}
        items, pictures = readable(self.card.name, task, tuple(known.values()))
        train_ids = {item.id for item in task.train}
        own = [k for k, item in enumerate(items) if item.id in train_ids] or list(range(len(items)))
        self._find_faces([items[k] for k in own], [pictures[k] for k in own], FINDER_STEPS, context)
        faces = cut_all(self, pictures)
        self._people = {person: k for k, person in enumerate(dict.fromkeys(item.cluster for item in items))}
        people = torch.tensor([self._people[item.cluster] for item in items])
        shape = self._shape()
        recipe = {
            "system": [self.card.name, self.card.version],
            "parameters": dict(self.parameters),
            "seed": context.seed,
            "pictures": digest_of_pictures(faces),
            "people": people.tolist(),
            "device": context.device.partition(":")[0],
        }
        asked = {"batch": self.parameters["batch"], "learning_rate": self.parameters["learning_rate"]}
        training = Swapping(faces, people, Recipe(**shape, **asked), context)
        steps = int(self.parameters["steps"])
        curve = train(training, name=self.card.name, steps=steps, recipe=recipe, context=context)
        self._net = training.finished()  # type: ignore[assignment]
        self._config = {
            "system": self.card.name,
            "shape": shape,
            "people": list(self._people) if shape["whole"] else [],
            "finder": self.finder is not None,
            "train": len(faces),
            "curve": [[step, losses] for step, losses in curve],
        }

    def _shape(self) -> dict[str, Any]:
        given = self.parameters
        whole = given["decoders"] == "whole"
        people = len(self._people) if whole else 1
        asked = {name: given[name] for name in ("numbers", "width", "code")}
        return {**asked, "whole": whole, "people": people}

    def save(self, folder: Path) -> None:
        """Write `weights.safetensors` and `config.json`, and the finder's beside it."""
        save_weights(folder, self._fitted(), self._config)
        if self.finder is not None:
            save_weights(folder / "finder", self.finder, {"system": self.card.name})

    def load(self, folder: Path) -> None:
        """Read what `save` wrote.

        Raises:
            InputError: Something is missing, damaged, a pickle, of another system or of another shape.
        """
        config = read_config(folder, self.card.name)
        try:
            shape = {name: config["shape"][name] for name in ("numbers", "width", "code", "whole", "people")}
            people = {str(person): k for k, person in enumerate(config["people"])}
            if (shape["whole"] and len(people) != shape["people"]) or not 0 < shape["people"] <= 100_000:
                raise ValueError(f"{len(people)} people")  # noqa: TRY301
            self.card.fill({name: shape[name] for name in ("numbers", "width", "code")})
        except (LookupError, TypeError, ValueError, InputError) as error:
            raise InputError(f"{folder}/config.json: shape or people are missing or wrong: {error}") from error
        net: Swapper = build_quietly(Swapper, **shape)
        load_weights(folder, net, self.card.name)
        self.finder = None
        if config.get("finder"):
            read_config(folder / "finder", self.card.name)
            self.finder = build_quietly(Reader, points=5, factors=0)
            load_weights(folder / "finder", self.finder, self.card.name)
            self.finder.eval()
        self._net, self._config, self._people = net.eval(), config, people

    def _edit(self, request: Request) -> tuple[Edit, dict[str, Any]]:
        if not request.references:
            raise Unfit("request has no references: whose face?")
        source = request.references[0].cluster
        facts = {"source": source}
        if self._fitted().whole:
            return self._whole(source), facts
        own, shown = self._source(request)
        net, nobody = self._fitted(), torch.zeros(1, dtype=torch.long)
        beyond = float(self.parameters["beyond"])
        joined = {name: float(self.parameters[name]) for name in ("coarse", "light", "tint")}

        def edit(pixels: Picture, number: int) -> tuple[Picture, Picture]:
            points = self._points(pixels)
            place = placement(points)
            with torch.inference_mode():
                seen = net.eigen.numbers(_tensor(cut(pixels, place)))
                code = net.encoder(seen)
                before, after = (net.decode(code, who, nobody) for who in (net.trusted(net.own(seen), 1), own))
                drawn = net.eigen.draw(before + beyond * (after - before))
                nearest = int((shown.codes - code).norm(dim=1).argmin())
            face, put = (part.permute(1, 2, 0).numpy() for part in (shown.faces[nearest], drawn[0]))
            mask = np.minimum(head(turned(points, place)), head(shown.turns[nearest]))
            return lay_back(pixels, in_light_of(face, put, **joined), mask, place)

        return edit, facts

    def _source(self, request: Request) -> tuple[Tensor, "Shown"]:
        """Return what is the source's own (1, 64), by all its pictures, and these with their mirror images."""
        pictures = [frame for item in request.references for frame in first_frames(item)]
        points = [self._points(p) for p in pictures]
        places = [placement(p) for p in points]
        turns = [turned(p, place) for p, place in zip(points, places, strict=True)]
        with torch.inference_mode():
            net = self._fitted()
            faces = as_floats(planes([cut(p, place) for p, place in zip(pictures, places, strict=True)]))
            own = net.trusted(net.own(net.eigen.numbers(faces)).mean(0, keepdim=True), len(faces))
            faces = torch.cat([faces, faces.flip(3)])
            codes = net.encoder(net.eigen.numbers(faces))
        return own, Shown(faces, codes, [*turns, *(-turn for turn in turns)])

    def _whole(self, source: str) -> Edit:
        if source not in self._people:
            raise Unfit(f"no decoder for '{source}'; it was taught {len(self._people)} other people")
        net, whom = self._fitted(), torch.tensor([self._people[source]])
        mask, colour = box(), float(self.parameters["colour"])

        def edit(pixels: Picture, number: int) -> tuple[Picture, Picture]:
            place = self._place(pixels)
            face = cut(pixels, place)
            with torch.inference_mode():
                seen = net.eigen.numbers(_tensor(face))
                drawn = net.eigen.draw(net.decode(net.encoder(seen), net.own(seen), whom))
                made = as_bytes(drawn)[0].permute(1, 2, 0).numpy()
            return lay_back(pixels, match_colour(made, face, mask, colour), mask, place)

        return edit

    def _fitted(self) -> Swapper:
        if self._net is None:
            raise InputError(f"{self.card.name}: call fit or load first")
        return self._net


def _tensor(face: Picture) -> Tensor:
    return as_floats(torch.from_numpy(np.ascontiguousarray(face)).permute(2, 0, 1)[None])
