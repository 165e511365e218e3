"""Stills of clips, with the labels that the clips carry."""

from pathlib import Path

import numpy as np
import pytest

from fauxbench.harness.errors import MediaError
from fauxbench.harness.execute.step import Step
from fauxbench.harness.execute.steps.stills import EACH, stills
from fauxbench.harness.media.content import VideoMedia
from fauxbench.harness.media.images import read_image
from fauxbench.harness.media.item import Item, Kind, Modality, Split
from fauxbench.harness.media.mediaset import MediaSet, MediaSetWriter


def clip(count: int = 20) -> VideoMedia:
    """Frames of one grey each, brighter with time, 48 x 64, with a mark in the middle square's corner."""

    def frames() -> object:
        for k in range(count):
            frame = np.full((48, 64, 3), 10 * k + 20, np.uint8)
            frame[:8, 8:16] = 250
            yield frame

    return VideoMedia(frames=frames, fps=25.0)  # type: ignore[arg-type]


def run(tmp_path: Path, facts: dict[str, object]) -> MediaSet:
    writer = MediaSetWriter(tmp_path / "real" / "set", name="real", origin="test", modality=Modality.VIDEO)
    item = Item(
        id="p/c",
        modality=Modality.VIDEO,
        kind=Kind.REAL,
        group="t",
        split=Split.TRAIN,
        clusters={"identity": "p"},
        facts=facts,  # type: ignore[arg-type]
    )
    writer.add(item, clip())
    writer.seal()
    out = tmp_path / "out"
    out.mkdir()
    step = Step(
        kind="stills",
        key={},
        task={},
        inputs={"real": tmp_path / "real"},
        out=out,
        scratch=tmp_path,
        store=tmp_path,
        device="cpu",
        time_limit=60,
        progress=lambda share, said: None,
    )
    outcome = stills(step)
    assert outcome.facts["splits"] == {"train": len(MediaSet.open(out / "set"))}
    return MediaSet.open(out / "set")


def test_labelled_frames_come_with_their_labels_moved_to_the_middle_square(tmp_path: Path) -> None:
    row = {"frame": 12, "points": {"nose": [30.0, 20.0]}, "factors": {"jaw_open": 0.5}}
    (still,) = run(tmp_path, {"frames": [row], "factors": {"age": 30.0}})
    assert still.facts["points"] == {"nose": [22.0, 20.0]}
    assert still.facts["factors"] == {"age": 30.0, "jaw_open": 0.5}
    assert (still.facts["clip"], still.facts["frame"], still.sources, still.cluster) == ("p/c", 12, ("p/c",), "p")
    pixels = read_image(still.location)
    assert pixels.shape == (48, 48, 3)
    assert abs(float(pixels[24:].mean()) - 140) < 4
    assert pixels[:8, :8].mean() > 220


def test_without_labels_frames_are_taken_evenly(tmp_path: Path) -> None:
    found = run(tmp_path, {})
    assert len(found) == EACH
    greys = [float(read_image(item.location)[24:].mean()) for item in found]
    assert greys == sorted(greys)
    assert greys[-1] - greys[0] > 150
    assert all("points" not in item.facts for item in found)


def test_a_clip_without_a_file_is_counted() -> None:
    from fauxbench.harness.execute.steps.stills import _write

    item = Item(id="x", modality=Modality.VIDEO, kind=Kind.REAL, group="t")
    with pytest.raises(MediaError, match="no file on this machine"):
        _write(None, item)  # type: ignore[arg-type]
