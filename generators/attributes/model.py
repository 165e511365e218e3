"""An editor of age, emotion and expression as a system under test."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fauxbench import Context, FitTask, InputError, Request
from fauxbench.generators._faces_cut import Array, Picture, cut, lay_back, oval, sides
from fauxbench.generators._faces_editor import Edit, Editor, Unfit, cut_all, readable
from fauxbench.generators._faces_reader import Labels, Reader, labels_of, read, train_reader
from fauxbench.generators._training import build_quietly, train
from fauxbench.generators._training_pictures import as_bytes, as_floats
from fauxbench.generators._training_state import digest_of_pictures, load_weights, read_config, save_weights
from fauxbench.generators.attributes.networks import Changer
from fauxbench.generators.attributes.training import Changing, Recipe

FINDER_STEPS, READER_STEPS = 500, 900
MADE_OF: Mapping[str, tuple[str, ...]] = {
    "age": ("age",),
    "smile": ("smile",),
    "surprise": ("brow_inner_up", "brow_outer_up", "jaw_open"),
    "anger": ("brow_lower", "lid_tight", "lip_press"),
}
"""Attribute -> the labels it is the mean of, each between the ends seen in training: Ekman and Friesen, 1978."""
LABELS = tuple(dict.fromkeys(name for parts in MADE_OF.values() for name in parts))
ENDS = (2.0, 98.0)
"""Percentiles of the train pictures that count as -1 and as 1."""


class Attributes(Editor):
    """Moves one attribute of the target's face to the strength asked for, -1 to 1, and leaves the rest.

    What a face shows already is read off its pixels, so that asking for what is there changes nothing.
    """

    def __init__(self, card: Any, parameters: Mapping[str, Any]) -> None:  # noqa: ANN401 - a GeneratorCard
        super().__init__(card, parameters)
        self._net: Changer | None = None
        self._reader: Reader | None = None
        self._ends: Array = np.zeros((2, len(MADE_OF)))
        self._config: dict[str, Any] = {}

    def fit(self, task: FitTask, context: Context) -> None:
        """Learn from the train split and its labels.

        Raises:
            InputError: No picture can be read, or the labels are not there.
            FauxbenchError: Training diverged.
        """
        items, pictures = readable(self.card.name, task, task.train)
        labels = labels_of(items, sides(pictures), (), LABELS)
        if labels is None:
            raise InputError(
                f"{self.card.name}: every train picture needs facts 'factors' with {', '.join(LABELS)}, as the "
                "studio's have; train it there and hand in its weights"
            )
        self._find_faces(items, pictures, FINDER_STEPS, context)
        faces = cut_all(self, pictures)
        raw = attributes_of(labels.factors)
        self._ends = np.percentile(raw, ENDS, axis=0)
        shown = self._scaled(raw)
        self._reader = train_reader(faces, Labels(np.zeros((len(faces), 0, 2)), shown), READER_STEPS, context)
        recipe = {
            "system": [self.card.name, self.card.version],
            "parameters": dict(self.parameters),
            "seed": context.seed,
            "pictures": digest_of_pictures(faces),
            "device": context.device.partition(":")[0],
        }
        given = {name: self.parameters[name] for name in ("width", "batch", "learning_rate")}
        training = Changing(faces, torch.from_numpy(shown).float(), Recipe(**given), context)
        steps = int(self.parameters["steps"])
        curve = train(training, name=self.card.name, steps=steps, recipe=recipe, context=context)
        self._net = training.finished()  # type: ignore[assignment]
        self._config = {
            "system": self.card.name,
            "width": given["width"],
            "attributes": list(MADE_OF),
            "ends": self._ends.tolist(),
            "finder": self.finder is not None,
            "train": len(faces),
            "curve": [[step, losses] for step, losses in curve],
        }

    def _scaled(self, raw: Array) -> Array:
        low, high = self._ends
        return np.asarray(np.clip(2 * (raw - low) / np.maximum(high - low, 1e-6) - 1, -1, 1))

    def save(self, folder: Path) -> None:
        """Write weights and config of the networks."""
        net, reader = self._fitted()
        save_weights(folder, net, self._config)
        save_weights(folder / "reader", reader, {"system": self.card.name})
        if self.finder is not None:
            save_weights(folder / "finder", self.finder, {"system": self.card.name})

    def load(self, folder: Path) -> None:
        """Read what `save` wrote.

        Raises:
            InputError: Something is missing, damaged, a pickle, of another system or of another shape.
        """
        config = read_config(folder, self.card.name)
        try:
            ends = np.array(config["ends"], dtype=np.float64)
            if config["attributes"] != list(MADE_OF) or ends.shape != (2, len(MADE_OF)):
                raise ValueError(f"attributes {config['attributes']}, expected {list(MADE_OF)}")  # noqa: TRY301
            width = int(self.card.fill({"width": config["width"]})["width"])
        except (LookupError, TypeError, ValueError, InputError) as error:
            raise InputError(f"{folder}/config.json: width, attributes or ends are wrong: {error}") from error
        net: Changer = build_quietly(Changer, attributes=len(MADE_OF), width=width)
        load_weights(folder, net, self.card.name)
        reader: Reader = build_quietly(Reader, points=0, factors=len(MADE_OF))
        load_weights(folder / "reader", reader, self.card.name)
        self.finder = None
        if config.get("finder"):
            self.finder = build_quietly(Reader, points=5, factors=0)
            load_weights(folder / "finder", self.finder, self.card.name)
            self.finder.eval()
        self._net, self._reader, self._ends, self._config = net.eval(), reader.eval(), ends, config

    def _edit(self, request: Request) -> tuple[Edit, dict[str, Any]]:
        names = list(MADE_OF)
        unknown = [name for name in request.attributes if name not in names]
        if unknown or not request.attributes:
            found = f"unknown {', '.join(unknown)}" if unknown else "none asked for"
            raise Unfit(f"attributes: {found}; it has: {', '.join(names)}")
        wanted = {names.index(name): float(np.clip(value, -1, 1)) for name, value in request.attributes.items()}
        net, reader = self._fitted()
        mask, strength = oval(top=0.02, half=0.46), float(self.parameters["strength"])

        def edit(pixels: Picture, number: int) -> tuple[Picture, Picture]:
            place = self._place(pixels)
            face = cut(pixels, place)
            shown = np.clip(read(reader, face)[1], -1, 1)
            step = torch.zeros(1, len(names))
            for which, value in wanted.items():
                step[0, which] = strength * (value - float(shown[which]))
            with torch.inference_mode():
                seen = as_floats(torch.from_numpy(face.copy()).permute(2, 0, 1)[None])
                made = as_bytes(net(seen, step))[0].permute(1, 2, 0).numpy()
            return lay_back(pixels, made, mask, place)

        return edit, {"strength": strength}

    def _fitted(self) -> tuple[Changer, Reader]:
        if self._net is None or self._reader is None:
            raise InputError(f"{self.card.name}: call fit or load first")
        return self._net, self._reader


def attributes_of(labels: Array) -> Array:
    """Return attributes (N, K) as means of labels (N, L)."""
    columns = [[LABELS.index(name) for name in parts] for parts in MADE_OF.values()]
    return np.stack([labels[:, places].mean(1) for places in columns], 1)
