"""Figures of what a detector says: where it looked, and how its answer runs over time."""

import io
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from .contracts import Context
from .detect import Detection, Trained
from .errors import InputError
from .media.content import ImageMedia, Picture
from .media.item import Item
from .media.read import modality_of
from .run import default_store
from .safeguards.derived import Descent, Parent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURES = frozenset({".png", ".pdf", ".svg"})


@runtime_checkable
class Explains(Protocol):
    """A detector that can say where."""

    def heat_map(self, item: Item, context: Context) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """Return the picture as the detector sees it (H, W, 3), and what speaks for fake (H, W) in [0, 1]."""
        ...


def check_place(out: Path, option: str) -> None:
    """Refuse a file name whose form figures do not have, before anything is drawn.

    Raises:
        InputError: It ends like a picture, clip or sound, but not like a figure, and is no folder.
    """
    if out.suffix.lower() not in FIGURES and modality_of(out) is not None and not out.is_dir():
        legal = ", ".join(sorted(FIGURES))
        raise InputError(f"{option} {out}: figures are not written as '{out.suffix}'; give {legal} or a folder")


def write_heat_maps(trained: Trained, found: Sequence[Detection], out: Path, device: str = "cpu") -> list[Path]:
    """Draw where the detector looked: the picture with what speaks for fake laid over it.

    A figure shows the picture, so that the figure of a synthetic one carries its marks; PDF and SVG cannot.

    Args:
        trained: The detector.
        found: What it said.
        out: A PNG file for one item, or a folder for several.
        device: Of torch.

    Raises:
        InputError: The detector cannot say where, the extra `explain` is not installed, or a synthetic picture is asked
            for as PDF or SVG.
    """
    if not isinstance(trained.detector, Explains):
        raise InputError(f"--heat-map: '{trained.card.name}' cannot say where; cnn and other networks of pictures can")
    written = []
    descent = Descent("detect --heat-map", default_store())
    with tempfile.TemporaryDirectory() as scratch:
        context = Context(seed=0, scratch=Path(scratch), device=device)
        for detection, path in _places(found, out, ".png"):
            parent = descent.parent(detection.item.location) if detection.item.location else None
            if parent is not None and path.suffix.lower() != ".png":
                raise InputError(
                    f"--heat-map {path}: {detection.file} is synthetic, and only a PNG can say so; give one"
                )
            picture, heat = trained.detector.heat_map(detection.item, context)
            _write_heat(_draw_heat(detection, picture, heat), path, descent, parent)
            written.append(path)
        descent.finish()
    return written


def _places(found: Sequence[Detection], out: Path, suffix: str) -> Iterator[tuple[Detection, Path]]:
    done = [detection for detection in found if detection.record.status == "ok"]
    if len(found) == 1 and out.suffix.lower() in FIGURES:
        yield from ((detection, out) for detection in done)
        return
    if out.suffix.lower() in FIGURES:
        raise InputError(f"{out}: several files were asked about; give a folder")
    out.mkdir(parents=True, exist_ok=True)
    bare = Counter(Path(detection.file).with_suffix("") for detection in done)
    for detection in done:
        name = Path(detection.file)
        if bare[name.with_suffix("")] > 1:  # a.png and a.jpg
            name = name.with_name(f"{name.stem}-{name.suffix[1:]}{name.suffix}")
        yield detection, out / f"{name.with_suffix('').as_posix().replace('/', '-')}{suffix}"


def _write_heat(figure: "Figure", path: Path, descent: Descent, parent: Parent | None) -> None:
    from PIL import Image

    if parent is None:
        _save(figure, path)
        return
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=150)
    with Image.open(drawn) as image:
        pixels = np.asarray(image.convert("RGB"), dtype=np.uint8)
    descent.write(ImageMedia(pixels=pixels), parent, path.parent, path.name)


def _draw_heat(detection: Detection, picture: Picture, heat: NDArray[np.float64]) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes, title in ((left, "as the detector sees it"), (right, "what speaks for fake (Grad-CAM)")):
        axes.imshow(picture)
        axes.set_title(title, fontsize=9)
        axes.set_axis_off()
    shown = right.imshow(heat, cmap="magma", alpha=0.6, vmin=0.0, vmax=1.0)
    figure.colorbar(shown, ax=right, shrink=0.7)
    figure.suptitle(f"P(fake) = {detection.record.fake:.3f}. No proof.", fontsize=10)
    return figure


def write_curves(trained: Trained, found: Sequence[Detection], out: Path) -> list[Path]:
    """Draw P(fake) over time of every clip or sound with windows.

    Raises:
        InputError: None of the files has windows.
    """
    moving = [one for one in found if one.record.frames]
    if not moving:
        raise InputError("--curve: nothing here runs in time; a curve is drawn of clips and sounds")
    written = []
    for detection, path in _places(moving, out, ".png"):
        _draw_curve(trained, detection, path)
        written.append(path)
    return written


def _draw_curve(trained: Trained, detection: Detection, path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.2), layout="constrained")
    axes = figure.subplots()
    times, scores = zip(*detection.record.frames, strict=True)
    if detection.interval:
        axes.axhspan(*detection.interval, color="#0072b2", alpha=0.15, label="95 % over frames")
    axes.plot(times, scores, color="#0072b2", marker="o", markersize=3, label="frames")
    axes.axhline(detection.record.fake or 0.0, color="#0072b2", linestyle="--", label="whole file")
    axes.axhline(trained.detector.threshold, color="#d55e00", linestyle=":", label="threshold")
    axes.set(xlabel="time (s)", ylabel="P(fake)", ylim=(-0.02, 1.02), title=f"{detection.file}, {trained.card.name}")
    axes.legend(fontsize=8)
    _save(figure, path)


def _save(figure: "Figure", path: Path) -> None:
    """Write a figure.

    Raises:
        InputError: The place cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}; choose another place") from error
