"""Systems that draw a face with other labels: what attributes and reenactment share."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from fauxbench import Context, FitTask, InputError
from fauxbench.generators._faces_cut import Array, Picture, box, cut, in_place_of, lay_back, sides
from fauxbench.generators._faces_drawer import Drawer, Drawing, Recipe
from fauxbench.generators._faces_editor import Editor, cut_all, readable
from fauxbench.generators._faces_reader import Reader, labels_of
from fauxbench.generators._training import build_quietly, train
from fauxbench.generators._training_pictures import as_floats
from fauxbench.generators._training_state import digest_of_pictures, load_weights, read_config, save_weights

FINDER_STEPS = 500
ENDS = (2.0, 98.0)
"""Percentiles of the train pictures that count as -1 and as 1."""
SHAPE = ("numbers", "width", "code")


class LabelledEditor(Editor):
    """Draws the target's face twice, with its own labels and with those asked for, and adds the difference to it.

    Labels are read off the pixels; that reading was learned from those that the train split carries.
    """

    labels: ClassVar[tuple[str, ...]]
    """Names of labels that a face is drawn with."""
    groups: ClassVar[tuple[tuple[int, ...], ...]] = ()
    """Labels that are changed together; none: all of them."""

    def __init__(self, card: Any, parameters: Mapping[str, Any]) -> None:  # noqa: ANN401 - a GeneratorCard
        super().__init__(card, parameters)
        self._net: Drawer | None = None
        self._ends: Array = np.zeros((2, len(self.labels)))
        self._config: dict[str, Any] = {}

    def fit(self, task: FitTask, context: Context) -> None:
        """Learn from the train split and its labels.

        Raises:
            InputError: No picture can be read, or the labels are not there.
            FauxbenchError: Training diverged.
        """
        items, pictures = readable(self.card.name, task, task.train)
        known = labels_of(items, sides(pictures), (), self.labels)
        if known is None:
            raise InputError(
                f"{self.card.name}: every train picture needs facts 'factors' with {', '.join(self.labels[:4])}, ..., "
                "as the studio's have; train it there and hand in its weights"
            )
        self._find_faces(items, pictures, FINDER_STEPS, context)
        faces = cut_all(self, pictures)
        self._ends = np.percentile(known.factors, ENDS, axis=0)
        labels = torch.from_numpy(self.scaled(known.factors)).float()
        recipe = {
            "system": [self.card.name, self.card.version],
            "parameters": dict(self.parameters),
            "seed": context.seed,
            "pictures": digest_of_pictures(faces),
            "device": context.device.partition(":")[0],
        }
        given = {name: self.parameters[name] for name in (*SHAPE, "batch", "learning_rate")}
        training = Drawing(faces, labels, self.groups, Recipe(**given), context)
        steps = int(self.parameters["steps"])
        curve = train(training, name=self.card.name, steps=steps, recipe=recipe, context=context)
        self._net = training.finished()  # type: ignore[assignment]
        self._config = {
            "system": self.card.name,
            "shape": {name: given[name] for name in SHAPE},
            "labels": list(self.labels),
            "ends": self._ends.tolist(),
            "finder": self.finder is not None,
            "train": len(faces),
            "curve": [[step, losses] for step, losses in curve],
        }

    def scaled(self, factors: Array) -> Array:
        """Return labels in their own units (N, L) as shares of the way between the ends, -1 to 1."""
        low, high = self._ends
        return np.asarray(np.clip(2 * (factors - low) / np.maximum(high - low, 1e-6) - 1, -1, 1))

    def save(self, folder: Path) -> None:
        """Write weights and config of the networks."""
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
            ends = np.array(config["ends"], dtype=np.float64)
            if config["labels"] != list(self.labels) or ends.shape != (2, len(self.labels)):
                raise ValueError(f"labels {config['labels']}, expected {list(self.labels)}")  # noqa: TRY301
            shape = self.card.fill({name: config["shape"][name] for name in SHAPE})
        except (LookupError, TypeError, ValueError, InputError) as error:
            raise InputError(f"{folder}/config.json: shape, labels or ends are wrong: {error}") from error
        net: Drawer = build_quietly(Drawer, **{name: shape[name] for name in SHAPE}, labels=len(self.labels))
        load_weights(folder, net, self.card.name)
        self.finder = None
        if config.get("finder"):
            self.finder = build_quietly(Reader, points=5, factors=0)
            load_weights(folder / "finder", self.finder, self.card.name)
            self.finder.eval()
        self._net, self._ends, self._config = net.eval(), ends, config

    def shown_in(self, pixels: Picture) -> Array:
        """Return the labels (L,) that are read off a picture, each in [-1, 1]."""
        with torch.inference_mode():
            return self._read(cut(pixels, self._place(pixels)))[2]

    def _read(self, face: Picture) -> tuple[torch.Tensor, torch.Tensor, Array]:
        net, seen = self._fitted(), as_floats(torch.from_numpy(face.copy()).permute(2, 0, 1)[None])
        numbers = net.eigen.numbers(seen)
        labels = net.reader(numbers).clamp(-1, 1)[0].numpy().astype(np.float64)
        return seen, numbers, labels

    def changed(self, pixels: Picture, wanted: Callable[[Array], Array], kept: float) -> tuple[Picture, Picture]:
        """Return a frame with its face drawn anew, and the mask of where it was.

        Args:
            pixels: (H, W, 3) uint8.
            wanted: Labels (L,) that it shows to those that it is to show.
            kept: Share of what is not drawn of the face that is kept inside it.
        """
        net, place = self._fitted(), self._place(pixels)
        with torch.inference_mode():
            seen, numbers, labels = self._read(cut(pixels, place))
            both = torch.from_numpy(np.stack([labels, wanted(labels)])).float()
            drawn = net.eigen.draw(net(numbers.expand(2, -1), both))
        face, before, after = torch.cat([seen, drawn]).permute(0, 2, 3, 1).numpy()
        return lay_back(pixels, in_place_of(face, before, after, kept), box(), place)

    def _fitted(self) -> Drawer:
        if self._net is None:
            raise InputError(f"{self.card.name}: call fit or load first")
        return self._net
