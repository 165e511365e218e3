"""Reenactment as a system under test."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fauxbench import Context, FitTask, InputError, Item, Request, open_clip, read_image
from fauxbench.generators._faces_cut import FACE, Array, Picture, cut, lay_back, oval, sides
from fauxbench.generators._faces_editor import Edit, Editor, Unfit, cut_all, place_of, readable
from fauxbench.generators._faces_reader import Labels, Reader, labels_of, read, train_reader
from fauxbench.generators._training import build_quietly, train
from fauxbench.generators._training_pictures import as_bytes, as_floats
from fauxbench.generators._training_state import digest_of_pictures, load_weights, read_config, save_weights
from fauxbench.generators.reenactment.motion import ACTS, POINTS, POSE, Rig, carried, fit_rig
from fauxbench.generators.reenactment.networks import Finisher
from fauxbench.generators.reenactment.training import Finishing, Known, Recipe, parts_of, veiled

FINDER_STEPS, READER_STEPS = 500, 900
HELD = 12.0
"""Degrees that a head is turned at most: what a turn would uncover, no picture shows."""


class Reenactment(Editor):
    """Moves the target's face by the difference of acts between driver and target, and finishes it.

    Acts are action units and pose, read off the pixels of both by a network that learned from the train split's labels.
    The motion is a field between points (Siarohin et al. 2019, order zero); a U-Net paints what it cannot show.
    """

    def __init__(self, card: Any, parameters: Mapping[str, Any]) -> None:  # noqa: ANN401 - a GeneratorCard
        super().__init__(card, parameters)
        self._net: Finisher | None = None
        self._reader: Reader | None = None
        self._rig: Rig | None = None
        self._middle: Array = np.zeros(len(ACTS))
        self._config: dict[str, Any] = {}

    def fit(self, task: FitTask, context: Context) -> None:
        """Learn from the train split and its labels.

        Raises:
            InputError: No picture can be read, or the labels do not hold points and action units.
            FauxbenchError: Training diverged.
        """
        items, pictures = readable(self.card.name, task, task.train)
        labels = labels_of(items, sides(pictures), POINTS, ACTS)
        if labels is None:
            raise InputError(
                f"{self.card.name}: every train picture needs facts 'points' ({', '.join(POINTS[:3])}, ...) and "
                f"'factors' ({', '.join(ACTS[:3])}, ...), as the studio's have; train it there and hand in its weights"
            )
        self._find_faces(items, pictures, FINDER_STEPS, context)
        faces = cut_all(self, pictures)
        points = np.stack([self._in_face(p, where) for p, where in zip(pictures, labels.points, strict=True)])
        self._reader = train_reader(faces, Labels(points, labels.factors), READER_STEPS, context)
        self._rig = fit_rig(points, labels.factors, [item.cluster for item in items])
        self._middle = labels.factors.mean(0)
        acts = torch.from_numpy((labels.factors - self._middle) / self._rig.spread).float()
        known = Known(faces=faces, points=torch.from_numpy(points).float(), acts=acts)
        recipe = {
            "system": [self.card.name, self.card.version],
            "parameters": dict(self.parameters),
            "seed": context.seed,
            "pictures": digest_of_pictures(faces),
            "device": context.device.partition(":")[0],
        }
        given = {name: self.parameters[name] for name in ("width", "batch", "learning_rate")}
        training = Finishing(known, self._rig, Recipe(**given), context)
        steps = int(self.parameters["steps"])
        curve = train(training, name=self.card.name, steps=steps, recipe=recipe, context=context)
        self._net = training.finished()  # type: ignore[assignment]
        self._config = {
            "system": self.card.name,
            "width": given["width"],
            "finder": self.finder is not None,
            "slopes": self._rig.slopes.round(6).tolist(),
            "spread": self._rig.spread.tolist(),
            "middle": self._middle.tolist(),
            "train": len(faces),
            "curve": [[step, losses] for step, losses in curve],
        }

    def _in_face(self, pixels: Picture, points: Array) -> Array:
        """Return points, in shares of a picture's square, in shares of its cut-out face."""
        side = min(pixels.shape[:2])
        corner = np.array([(pixels.shape[1] - side) // 2, (pixels.shape[0] - side) // 2])
        place = self._place(pixels)
        there = (points * side + corner - 0.5) @ place[:, :2].T + place[:, 2]
        return np.asarray((there + 0.5) / FACE)

    def save(self, folder: Path) -> None:
        """Write weights and config of the three networks."""
        net, reader, _ = self._fitted()
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
            slopes, spread, middle = (np.array(config[n], dtype=np.float64) for n in ("slopes", "spread", "middle"))
            shapes = (slopes.shape, spread.shape, middle.shape)
            if shapes != ((len(ACTS), 2 * len(POINTS)), (len(ACTS),), (len(ACTS),)):
                raise ValueError(f"shapes {shapes}")  # noqa: TRY301
            width = int(self.card.fill({"width": config["width"]})["width"])
        except (LookupError, TypeError, ValueError, InputError) as error:
            raise InputError(f"{folder}/config.json: width, slopes, spread or middle are wrong: {error}") from error
        net: Finisher = build_quietly(Finisher, acts=len(ACTS), width=width)
        load_weights(folder, net, self.card.name)
        reader: Reader = build_quietly(Reader, points=len(POINTS), factors=len(ACTS))
        load_weights(folder / "reader", reader, self.card.name)
        self.finder = None
        if config.get("finder"):
            self.finder = build_quietly(Reader, points=5, factors=0)
            load_weights(folder / "finder", self.finder, self.card.name)
            self.finder.eval()
        self._net, self._reader, self._config = net.eval(), reader.eval(), config
        self._rig, self._middle = Rig(slopes, spread), middle

    def _edit(self, request: Request) -> tuple[Edit, dict[str, Any]]:
        path = place_of(request.driver, "driver")
        assert request.driver is not None
        acts = self._acts_of_driver(request.driver, path)
        net, reader, rig = self._fitted()
        mask = oval(top=0.06, half=0.42)

        def edit(pixels: Picture, number: int) -> tuple[Picture, Picture]:
            place = self._place(pixels)
            face = cut(pixels, place)
            points, mine = read(reader, face)
            wanted = self._wanted(mine, acts(number))
            made = self._drawn(net, face, points, rig.movement(mine, wanted), wanted)
            return lay_back(pixels, made, mask, place)

        return edit, {"driver_modality": str(request.driver.modality)}

    def _acts_of_driver(self, driver: Item, path: Path) -> Any:  # noqa: ANN401 - a function of the frame's number
        reader = self._fitted()[1]

        def acts_of(pixels: Picture) -> Array:
            return read(reader, cut(pixels, self._place(pixels)))[1]

        if driver.modality != "video":
            still = acts_of(read_image(path))
            return lambda number: still
        clip = open_clip(path)
        seen: list[Array] = []
        frames: Iterator[Picture] = clip.frames()

        def at(number: int) -> Array:
            """Return the acts of a frame; a driver that is too short stays as it ends."""
            for frame in islice(frames, max(0, number + 1 - len(seen))):
                seen.append(acts_of(frame))
            if not seen:
                raise Unfit(f"driver {driver.id} has no frames")
            return seen[min(number, len(seen) - 1)]

        return at

    def _wanted(self, mine: Array, theirs: Array) -> Array:
        """Return the acts to show: the driver's, by the parameters' shares; heads are turned no further than `HELD`."""
        pose, units = float(self.parameters["pose"]), float(self.parameters["expression"])
        share = np.array([pose if name in POSE else units for name in ACTS])
        step = share * (theirs - mine)
        turn = np.array([name in POSE for name in ACTS])
        return np.asarray(mine + np.where(turn, np.clip(step, -HELD, HELD), step))

    def _drawn(self, net: Finisher, face: Picture, points: Array, movement: Array, wanted: Array) -> Picture:
        rig = self._fitted()[2]
        with torch.inference_mode():
            seen = as_floats(torch.from_numpy(face.copy()).permute(2, 0, 1)[None])
            where, step = (torch.from_numpy(part).float()[None] for part in (points, movement))
            moved = carried(seen, where, step)
            hidden: Tensor = parts_of(where + step, FACE)
            acts = torch.from_numpy(np.clip((wanted - self._middle) / rig.spread, -3, 3)).float()[None]
            share = float(self.parameters["repaint"])
            made = net(torch.lerp(moved, veiled(moved), share * hidden), acts)
            return np.asarray(as_bytes(made)[0].permute(1, 2, 0).numpy())

    def _fitted(self) -> tuple[Finisher, Reader, Rig]:
        if self._net is None or self._reader is None or self._rig is None:
            raise InputError(f"{self.card.name}: call fit or load first")
        return self._net, self._reader, self._rig
