"""Faces of one clip or picture: found, followed, chosen, cut out and written, with a record of what is not there."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..canonical import JSON
from ..errors import MediaError
from ..media.content import Picture
from ..media.images import read_image, write_png
from ..media.item import Modality
from ..media.read import modality_of
from .align import cut, steadied
from .faces import Face, FaceFinder
from .frames import FrameSampler, Sample
from .protocol import FaceProtocol
from .search import search
from .timeline import FrameFinding
from .tracking import Track, between, choose, follow

RECORD = "faces.json"
MOST = 64
"""Faces of one sample that are kept, the largest."""


class CutFace(NamedTuple):
    """A face that was cut out."""

    file: str
    """Within the folder."""
    person: int
    sample: int
    time: float
    frame: int
    """Number of the frame in the clip."""
    box: tuple[float, float, float, float]
    probability: float
    points: tuple[tuple[float, float], ...]
    bridged: bool
    """Whether it was not found, but put between its neighbours."""
    outside: float
    """Share of the picture that lies outside of the frame."""


class MissingFace(NamedTuple):
    """A sample without the face, and why."""

    sample: int
    time: float
    person: int | None
    reason: str
    """`undecodable: ...`, `no face`, `person not seen`, `no person chosen` or `cannot be cut: ...`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceSet:
    """What was made of one clip or picture."""

    folder: Path
    asked: int
    """Samples."""
    people: int
    """Told apart in the whole clip."""
    width: int
    height: int
    faces: tuple[CutFace, ...]
    """By person, then by sample."""
    missing: tuple[MissingFace, ...]
    findings: tuple[FrameFinding, ...]

    def pictures(self) -> Iterator[Picture]:
        """Yield the faces, (size, size, 3) uint8, read from their files."""
        return (read_image(self.folder / face.file) for face in self.faces)

    def record(self) -> dict[str, JSON]:
        """Return everything but the folder as a JSON object; numbers that are not known are null."""
        return {
            "schema_version": 1,
            "asked": self.asked,
            "people": self.people,
            "width": self.width,
            "height": self.height,
            "faces": [{**face._asdict(), "points": _known(face.points)} for face in self.faces],
            "missing": [one._asdict() for one in self.missing],
            "findings": [one.record() for one in self.findings],
        }

    @classmethod
    def read(cls, folder: Path) -> "FaceSet":
        """Read what `prepare` wrote."""
        told = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return cls(
            folder=folder,
            faces=tuple(_cut_face(one) for one in told["faces"]),
            missing=tuple(MissingFace(**one) for one in told["missing"]),
            findings=tuple(FrameFinding(**one) for one in told["findings"]),
            **{name: told[name] for name in ("asked", "people", "width", "height")},
        )


def _known(points: Sequence[Sequence[float]]) -> list[list[float | None]]:
    return [[value if np.isfinite(value) else None for value in point] for point in points]


def _cut_face(told: Mapping[str, JSON]) -> CutFace:
    points = tuple(tuple(float("nan") if value is None else value for value in point) for point in told["points"])
    return CutFace(**{**told, "box": tuple(told["box"]), "points": points})


def prepare(
    path: Path, protocol: FaceProtocol, finder: FaceFinder, folder: Path, *, mask: Path | None = None
) -> FaceSet:
    """Cut the faces out of a clip or picture, into PNG files and `faces.json` in a folder.

    Frames are streamed: every sample's faces are cut as it comes, and those of people who are not chosen are removed.
    Faces that are bridged or steady are cut in a second pass, because they depend on what comes later.

    Args:
        path: A clip or picture.
        protocol: What is done.
        finder: Finds the faces.
        folder: Empty, or new.
        mask: A clip or picture, white where `path` was altered; for the choice `mask`. It is sampled at the same times.

    Raises:
        MediaError: Not a clip or picture, or nothing of it can be decoded; or, with `missing="refuse"`, a sample
            lacks the face.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pass_ = _Pass(path=path, protocol=protocol, folder=folder)
    for sample, faces in search(pass_.samples(), finder, protocol):
        pass_.see(sample, faces)
    pass_.check()
    tracks = follow(pass_.seen, pass_.times, protocol.bridge)
    masks = _masks(mask, pass_) if protocol.choice == "mask" else None
    chosen = choose(tracks, protocol.choice, pass_.shape, masks)
    made = pass_.finish(tracks, chosen)
    if protocol.missing == "refuse" and made.missing:
        first = made.missing[0]
        raise MediaError(
            f"{path}: the face is missing in {len(made.missing)} of {made.asked} samples, first at {first.time:.2f} s: "
            f"{first.reason}"
        )
    (folder / RECORD).write_text(json.dumps(made.record(), allow_nan=False), encoding="utf-8")
    return made


@dataclass(slots=True, kw_only=True)
class _Pass:
    """One pass over a clip: what was seen, and the faces cut on the way."""

    path: Path
    protocol: FaceProtocol
    folder: Path
    sampler: FrameSampler | None = None
    shape: tuple[int, int] = (0, 0)
    seen: dict[int, tuple[Face, ...]] = field(default_factory=dict)
    times: dict[int, float] = field(default_factory=dict)
    frames: dict[int, int] = field(default_factory=dict)
    files: dict[tuple[int, int], tuple[str, float] | str] = field(default_factory=dict)
    """(Sample, identity of its face) -> file and share outside, or why it could not be cut."""

    def samples(self) -> Iterable[Sample]:
        modality = modality_of(self.path)
        if modality is Modality.IMAGE:
            return [Sample(0, 0.0, 0, read_image(self.path))]
        if modality is not Modality.VIDEO:
            raise MediaError(f"{self.path}: not a clip or picture that fauxbench reads")
        self.sampler = FrameSampler.of(self.path, self.protocol.frames)
        return self.sampler

    def see(self, sample: Sample, faces: Sequence[Face]) -> None:
        kept = tuple(sorted(faces, key=lambda face: -face.area)[:MOST])
        self.shape = (sample.picture.shape[0], sample.picture.shape[1])
        self.seen[sample.place], self.times[sample.place] = kept, sample.time
        self.frames[sample.place] = sample.number
        for place, face in enumerate(kept if self.protocol.align != "steady" else ()):
            self._cut(sample, face, f"{sample.place:06d}-{place:02d}.png")

    def _cut(self, sample: Sample, face: Face, name: str) -> None:
        try:
            picture, outside = cut(sample.picture, face, self.protocol)
        except MediaError as error:
            self.files[sample.place, id(face)] = f"cannot be cut: {error}"
            return
        write_png(self.folder / name, picture)
        self.files[sample.place, id(face)] = name, outside

    def check(self) -> None:
        if not self.times:
            raise MediaError(f"{self.path}: no frames")

    def finish(self, tracks: Sequence[Track], chosen: Sequence[Track]) -> FaceSet:
        again = self._cut_again(chosen)
        faces: list[CutFace] = []
        missing = self._undecodable()
        for track in chosen:
            for sample in sorted(self.times):
                face = again.get((track.number, sample)) or track.faces.get(sample)
                told = self.files.get((sample, id(face))) if face else self._reason(sample)
                if face and isinstance(told, tuple):
                    faces.append(self._named(track, sample, face, *told))
                else:
                    missing.append(MissingFace(sample, self.times[sample], track.number, str(told)))
        if not chosen:
            reason = "no person chosen" if tracks else "no face"
            missing += [MissingFace(sample, at, None, reason) for sample, at in sorted(self.times.items())]
        kept = {face.file for face in faces}
        for told in self.files.values():
            if isinstance(told, tuple) and told[0] not in kept:
                (self.folder / told[0]).unlink()
        return FaceSet(
            folder=self.folder,
            asked=len(self.sampler.plan) if self.sampler else 1,
            people=len(tracks),
            width=self.shape[1],
            height=self.shape[0],
            faces=tuple(faces),
            missing=tuple(sorted(missing, key=lambda one: (one.sample, one.person or 0))),
            findings=self.sampler.findings if self.sampler else (),
        )

    def _undecodable(self) -> list[MissingFace]:
        if self.sampler is None:
            return []
        plan = self.sampler.plan
        lost = self.sampler.missing.items()
        return [MissingFace(place, plan[place][0], None, f"undecodable: {reason}") for place, reason in lost]

    def _reason(self, sample: int) -> str:
        return "person not seen" if self.seen.get(sample) else "no face"

    def _named(self, track: Track, sample: int, face: Face, file: str, outside: float) -> CutFace:
        return CutFace(
            file=file,
            person=track.number,
            sample=sample,
            time=self.times[sample],
            frame=self.frames[sample],
            box=face.box,
            probability=face.probability,
            points=face.points,
            bridged=sample not in track.faces,
            outside=round(outside, 4),
        )

    def _cut_again(self, chosen: Sequence[Track]) -> dict[tuple[int, int], Face]:
        """Cut, in a second pass over the clip, what the first could not know: (person, sample) -> face."""
        wanted: dict[int, list[tuple[int, Face]]] = {}
        for track in chosen:
            faces = self._bridged(track) if self.protocol.missing == "bridge" else {}
            if self.protocol.align == "steady":
                faces = steadied({**track.faces, **faces}, self.times)
            for sample, face in faces.items():
                wanted.setdefault(sample, []).append((track.number, face))
        if wanted:
            for again in self.sampler or self.samples():
                for number, face in wanted.get(again.place, ()):
                    self._cut(again, face, f"{again.place:06d}-p{number:02d}.png")
        return {(number, place): face for place, rows in wanted.items() for number, face in rows}

    def _bridged(self, track: Track) -> dict[int, Face]:
        """Return faces put where somebody was out of sight for a moment, by sample."""
        gaps = {sample: at for sample, at in self.times.items() if sample not in track.faces}
        found = {sample: between(track, sample, at, self.protocol.bridge) for sample, at in gaps.items()}
        return {sample: face for sample, face in found.items() if face is not None}


def _masks(path: Path | None, seen: _Pass) -> dict[int, NDArray[np.bool_]]:
    """Return where each sample was altered, by a mask clip or picture; a shorter mask says nothing of the rest."""
    if path is None:
        return {}
    if modality_of(path) is Modality.IMAGE:
        mask = _mask(read_image(path), seen.shape)
        return dict.fromkeys(seen.times, mask)
    sampler = FrameSampler.of(path, seen.protocol.frames)
    sampler.at = tuple(at for at in seen.times.values() if at < sampler.timeline.seconds)
    places = list(seen.times)
    return {places[sample.place]: _mask(sample.picture, seen.shape) for sample in sampler} if sampler.at else {}


def _mask(picture: Picture, shape: tuple[int, int]) -> NDArray[np.bool_]:
    import cv2

    grey = picture.max(axis=2)
    if grey.shape != shape:
        grey = np.asarray(cv2.resize(grey, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST), dtype=np.uint8)
    return np.asarray(grey > 127)
