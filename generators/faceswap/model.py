"""A face swap as a system under test."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from fauxbench import Context, FitTask, InputError, Item, Request
from fauxbench.generators._faces_cut import Picture, cut, lay_back, match_colour, oval
from fauxbench.generators._faces_editor import Edit, Editor, Unfit, cut_all, readable
from fauxbench.generators._faces_reader import Reader
from fauxbench.generators._training import build_quietly, train
from fauxbench.generators._training_pictures import as_bytes, as_floats
from fauxbench.generators._training_state import digest_of_pictures, load_weights, read_config, save_weights
from fauxbench.generators.faceswap.networks import Swapper
from fauxbench.generators.faceswap.training import Recipe, Swapping

FINDER_STEPS = 500


class FaceSwap(Editor):
    """One encoder for everybody and a decoder for each person (faceswap, 2017), laid back into the target.

    Whom it can put in, it must have been taught: `FitTask.subjects`, from `FitTask.references`, the half of each
    person's pictures that no request alters. Subjects of the test split are taught too, as a swap needs footage of
    whoever it puts in; no picture that is altered later has been seen. A source without references is a Failure.
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
            "people": list(self._people),
            "finder": self.finder is not None,
            "train": len(faces),
            "curve": [[step, losses] for step, losses in curve],
        }

    def _shape(self) -> dict[str, Any]:
        given = self.parameters
        whole = given["decoders"] == "whole"
        return {"width": given["width"], "code": given["code"], "whole": whole, "people": len(self._people)}

    def save(self, folder: Path) -> None:
        """Write `weights.safetensors` and `config.json`, which names the people, and the finder's beside it."""
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
            shape = {name: config["shape"][name] for name in ("width", "code", "whole", "people")}
            people = {str(person): k for k, person in enumerate(config["people"])}
            if len(people) != shape["people"] or not 0 < len(people) <= 100_000:
                raise ValueError(f"{len(people)} people")  # noqa: TRY301
            self.card.fill({"width": shape["width"], "code": shape["code"]})
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
        source = _person(request.references)
        if source not in self._people:
            raise Unfit(f"no decoder for '{source}'; it was taught {len(self._people)} other people")
        target = request.target.cluster if request.target else ""
        net, whom = self._fitted(), torch.tensor([self._people[source]])
        mean = net.means[self._people.get(target, len(self._people))]
        mask, colour = oval(), float(self.parameters["colour"])

        def edit(pixels: Picture, number: int) -> tuple[Picture, Picture]:
            place = self._place(pixels)
            face = cut(pixels, place)
            with torch.inference_mode():
                code = net.encoder(as_floats(torch.from_numpy(face.copy()).permute(2, 0, 1)[None])) - mean
                made = as_bytes(net.decode(code, whom))[0].permute(1, 2, 0).numpy()
            return lay_back(pixels, match_colour(made, face, mask, colour), mask, place)

        return edit, {"source": source, "known_target": target in self._people}

    def _fitted(self) -> Swapper:
        if self._net is None:
            raise InputError(f"{self.card.name}: call fit or load first")
        return self._net


def _person(references: Sequence[Item]) -> str:
    if not references:
        raise Unfit("request has no references: whose face?")
    return references[0].cluster
