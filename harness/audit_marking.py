"""Audit the marking: what a watermark does to metrics and to detectors, and what it survives.

A mark must not be a shortcut. So the same files are shown to detectors with and without it: those that come trained
should not tell them apart, and one that is trained to tell them apart is shown beside them. Nothing of it leaves.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .audit import Audited, audit_metrics
from .canonical import JSON
from .cards import DetectorCard
from .contracts import Context, Detector
from .datasets.listing import list_folder
from .detect import trained_detector
from .errors import InputError
from .execute.display import Display
from .media.content import Picture
from .media.images import crop_square, read_image, resize, write_png
from .media.item import Item, Kind, Modality, Split
from .media.mediaset import MediaSet
from .parallel_detection import shipped_detectors
from .registry import DETECTORS, load_class
from .report import Table
from .report.marking import DetectorLine, detector_table, survival_table
from .run import default_store
from .safeguards.trial import KEY, marked_picture
from .safeguards.watermark.survival import CLIP_CHANGES, PICTURE_CHANGES, Survival, pan, survival
from .stats.auc import area_difference, area_interval
from .store.store import Store

DEFAULT_N = 240
"""Pictures, each of another person, where the studio renders them."""
SIDE = 96
"""Of rendered pictures, and the greatest that survival is measured at by default."""
CLIPS = 12
"""Clips that survival is measured on at most: a codec is slow."""
FRAMES = 8
TAUGHT = ("spectrum", "cnn")
"""Detectors that are trained to tell marked files from unmarked ones."""
SHARES = (0.6, 0.8)
"""Of the people: train, then validation, then test."""
CHANGES = ("marked", "jpeg-95")
"""Rows of the metrics: the watermark, and what nobody objects to beside it."""
SURVIVES = tuple(PICTURE_CHANGES)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkingAudit:
    """What an audit of the marking found."""

    metrics: Audited | None
    detectors: tuple[DetectorLine, ...]
    survival: tuple[Survival, ...]
    side: int
    """Of the pictures that survival was measured on, in pixels."""

    def tables(self) -> dict[str, Table]:
        """Return every table by its name."""
        found = {f"marking-{name}": table for name, table in (self.metrics.tables() if self.metrics else {}).items()}
        found = {name: replace(table, name=name) for name, table in found.items()}
        more = [detector_table(self.detectors), survival_table(self.survival, self.side)]
        return found | {table.name: table for table in more if table.rows}

    def record(self) -> dict[str, JSON]:
        """Return everything as a JSON object."""
        return {
            "metrics": self.metrics.record() if self.metrics else None,
            "detectors": [asdict(one) for one in self.detectors],
            "survival": [asdict(one) for one in self.survival],
            "side": self.side,
        }


def audit_marking(  # noqa: PLR0913 - one for each option of the command line
    data: Path | str | None = None,
    *,
    fakes: MediaSet | None = None,
    real: Sequence[Item] = (),
    n: int | None = None,
    side: int = SIDE,
    metrics: Sequence[str] | None = None,
    instruments: Sequence[str] | None = None,
    detectors: Sequence[str] | None = None,
    taught: Sequence[str] | None = None,
    store: Path | str | None = None,
    workers: int | None = None,
    display: Display | None = None,
) -> MarkingAudit:
    """Measure what marking does to metrics and detectors, and what the watermark survives; of pictures.

    Args:
        data: Folder of pictures, best one sub-folder a person; default rendered people.
        fakes: A set of unmarked fakes: then each detector is asked as well how well it tells them from `real`, before
            and after they are marked.
        real: Real Items beside `fakes`.
        n: Pictures at most; default 240, of a folder all.
        side: Of the pictures, in pixels; those of a folder are brought to it.
        metrics: Names; default all that apply; none given as () leaves that part out.
        instruments: Names; default all that need no weights that are missing.
        detectors: Names that come trained; default all.
        taught: Detectors to train on marked against unmarked files; default `TAUGHT`.
        store: Default `FAUXBENCH_STORE` or the platform's cache folder.
        workers: Processes at once; default one a processor.
        display: Told of progress; default nobody.

    Raises:
        InputError: No pictures, too few people, or an unknown name.
    """
    place = Path(store) if store else default_store()
    asked = shipped_detectors() if detectors is None else list(detectors)
    pictures = list(_pictures(data, n or (DEFAULT_N if data is None else None), side))
    if len({person for person, _ in pictures}) < 10:
        raise InputError(
            f"{len(pictures)} pictures of too few people for an audit of the marking: give 10 people or more"
        )
    found = None
    if metrics is None or metrics:
        found = audit_metrics(
            data,
            kind="image",
            n=n,
            metrics=metrics,
            instruments=instruments,
            changes=CHANGES,
            store=place,
            workers=workers,
            display=display,
        )
    root = Store(place).root
    with tempfile.TemporaryDirectory(prefix="marking-", dir=root) as scratch:
        lines = _detectors(pictures, asked, TAUGHT if taught is None else taught, Path(scratch))
        if fakes is not None:
            lines = _against_real(lines, asked, fakes, real, Path(scratch))
    survived = _survival([pixels for _, pixels in pictures])
    return MarkingAudit(metrics=found, detectors=tuple(lines), survival=tuple(survived), side=side)


def _pictures(data: Path | str | None, n: int | None, side: int) -> Iterator[tuple[str, Picture]]:
    """Yield (person, picture), each picture a square of `side` pixels."""
    if data is None:
        from .datasets.studio import StudioRecipe, render_pictures

        for number, one in enumerate(
            render_pictures(StudioRecipe(people=int(n or 2), per_person=1, size=side, seed=7))
        ):
            yield f"p{number}", one.pixels
        return
    folder = Path(data).resolve()
    if not folder.is_dir():
        raise InputError(
            f"--data {data}: expected a folder of pictures, found {'a file' if folder.exists() else 'nothing'}"
        )
    listed = [file for file in list_folder(folder) if file.modality is Modality.IMAGE]
    for file in listed[:n]:
        yield file.identity or file.path, resize(crop_square(read_image(folder / file.path)), side, side)


def _detectors(
    pictures: Sequence[tuple[str, Picture]], names: Sequence[str], taught: Sequence[str], scratch: Path
) -> list[DetectorLine]:
    """Return how well each detector tells the marked copies of files from the unmarked ones."""
    items = list(_pairs(pictures, scratch / "pairs"))
    known = [trained_detector(name, items) for name in names]
    lines = [_asked(one.card, one.detector, items) for one in known]
    people = list(dict.fromkeys(item.cluster for item in items))
    first, second = (int(share * len(people)) for share in SHARES)
    part = {
        person: Split.TRAIN if i < first else Split.VALIDATION if i < second else Split.TEST
        for i, person in enumerate(people)
    }
    split = {one: [item for item in items if part[item.cluster] is one] for one in Split}
    for name in taught:
        found = DETECTORS.find(name, Path.cwd())
        detector = load_class(found.spec, Detector)(found.card, found.card.fill({}))
        if not found.card.fits:
            raise InputError(f"--taught {name}: it has no training")
        detector.fit(split[Split.TRAIN], split[Split.VALIDATION], Context(seed=0, scratch=scratch))
        line = _asked(found.card, detector, split[Split.TEST])
        lines.append(replace(line, learned=f"marked against unmarked files, {first} people"))
    return lines


def _pairs(pictures: Sequence[tuple[str, Picture]], folder: Path) -> Iterator[Item]:
    """Write each picture without and with a mark, in one form, and yield both Items: the marked one is the fake."""
    for number, (person, pixels) in enumerate(pictures):
        for fake in (False, True):
            kind = Kind.FULLY_SYNTHETIC if fake else Kind.REAL
            name = f"{number:06d}-{'marked' if fake else 'plain'}"
            item = Item(id=name, modality=Modality.IMAGE, kind=kind, visual_fake=fake, group=name[7:])
            path = folder / f"{name}.png"
            folder.mkdir(exist_ok=True)
            write_png(path, marked_picture(pixels, replace(item, id=f"{number:06d}")) if fake else pixels)
            yield replace(item, clusters={"identity": person}, location=path)


def _asked(card: DetectorCard, detector: Detector, items: Sequence[Item]) -> DetectorLine:
    """Return the area of a detector over items, fakes against real ones."""
    name = f"{card.name}@{card.version}"
    scores = _scores(detector, items)
    known = np.isfinite(scores)
    truth = np.array([item.visual_fake for item in items])[known]
    labels = [item.cluster for item, one in zip(items, known, strict=True) if one]
    if not truth.any() or truth.all():
        return DetectorLine(detector=name, n=int(known.sum()), expected=len(items), reason="it scored too few items")
    area, interval = _area(scores[known], truth), area_interval(scores[known], truth, labels)
    return DetectorLine(
        detector=name,
        auc=area,
        interval=(interval.low, interval.high) if interval else None,
        n=int(known.sum()),
        expected=len(items),
    )


def _area(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    more = scores[truth][:, None] - scores[~truth][None, :]
    return float((more > 0).mean() + (more == 0).mean() / 2)


def _scores(detector: Detector, items: Sequence[Item]) -> NDArray[np.float64]:
    """Return P(fake) of each item, NaN where there is none."""
    with tempfile.TemporaryDirectory() as scratch:
        records = list(detector.score(items, Context(seed=0, scratch=Path(scratch))))
    told = {one.item: one.fake for one in records if one.status == "ok" and one.fake is not None}
    return np.array([told.get(item.id, np.nan) for item in items], dtype=np.float64)


def _against_real(
    lines: Sequence[DetectorLine], names: Sequence[str], fakes: MediaSet, real: Sequence[Item], scratch: Path
) -> list[DetectorLine]:
    """Add to the detectors that come trained how well they tell fakes from real items before and after marking."""
    shown = [item for item in fakes if item.visual_fake and item.modality is Modality.IMAGE]
    beside = [item for item in real if item.kind is Kind.REAL and item.modality is Modality.IMAGE]
    if not shown or not beside:
        raise InputError("--fakes: expected fake pictures and real ones of the same run; give RUN:name@version")
    marked = []
    for number, item in enumerate(shown):
        path = scratch / f"fake-{number:06d}.png"
        write_png(path, marked_picture(read_image(Path(str(item.location))), item))
        marked.append(replace(item, location=path))
    done = []
    for name, line in zip(names, lines, strict=False):
        detector = trained_detector(name, shown).detector
        plain, after, true = (_scores(detector, items) for items in (shown, marked, beside))
        truth = np.repeat([True, False], [len(shown), len(beside)])
        labels = [item.cluster for item in (*shown, *beside)]
        try:
            change = area_difference(np.append(plain, true), np.append(after, true), truth, labels)
        except ValueError as error:
            done.append(replace(line, reason=str(error)))
            continue
        done.append(
            replace(
                line,
                plain=change.means[0],
                marked=change.means[1],
                change=change.value,
                change_interval=change.interval,
            )
        )
    return [*done, *lines[len(done) :]]


def _survival(pictures: Sequence[Picture]) -> list[Survival]:
    """Return what the watermark survives, of the pictures and of clips in which a camera moves over some of them."""
    rows = survival([[one] for one in pictures], KEY, {name: PICTURE_CHANGES[name] for name in SURVIVES})
    size = len(pictures[0])
    larger = [np.pad(one, ((0, FRAMES), (0, FRAMES), (0, 0)), mode="reflect") for one in pictures[:CLIPS]]
    return rows + (survival([pan(one, size, FRAMES) for one in larger], KEY, CLIP_CHANGES) if larger else [])
