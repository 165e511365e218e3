"""The finders of real faces: MTCNN with its own weights, and a stand-in that speaks as MediaPipe's program does."""

import sys
from pathlib import Path

import numpy as np
import pytest

from fauxbench.harness.connect import faces as module
from fauxbench.harness.connect.faces import ARGV, WORKER, MediaPipeFaces, face_finder
from fauxbench.harness.datasets.studio.recipe import picture_factors
from fauxbench.harness.datasets.studio.render import render
from fauxbench.harness.errors import InputError, MediaError
from fauxbench.harness.preprocess.faces import overlap
from fauxbench.harness.preprocess.protocol import FaceProtocol

STAND_IN = """
import json, sys
import numpy as np
for line in sys.stdin:
    order = json.loads(line)
    if order["type"] == "hello":
        print(json.dumps({"type": "hello", "protocol": 1, "versions": {}}), flush=True)
    elif order["type"] == "find":
        picture = np.load(order["file"])
        if picture[0, 0, 0] == 13:
            print("no idea", file=sys.stderr)
            sys.exit(3)
        if picture[0, 0, 0] == 14:
            print(json.dumps({"type": "failure", "id": order["id"], "message": "too dark"}), flush=True)
            continue
        height, width = picture.shape[:2]
        face = {"box": [0, 0, width, height], "probability": 0.7, "more": [[1, 2]],
                "points": [[1, 1], [2, 1], [1.5, 2], None, None]}
        print(json.dumps({"type": "faces", "id": order["id"], "faces": [face]}), flush=True)
"""


@pytest.fixture
def stand_in(tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "program.py").write_text(STAND_IN)
    return sys.executable, str(tmp_path / "program.py")


def grey(value: int = 90, side: int = 40) -> np.ndarray:
    return np.full((side, side, 3), value, np.uint8)


def test_a_program_finds_faces_and_is_ended(stand_in: tuple[str, ...]) -> None:
    with MediaPipeFaces(argv=stand_in) as finder:
        found = finder.find([grey(), grey(side=30), grey(side=10)], smallest=20)
        program = finder._program
    assert [len(faces) for faces in found] == [1, 1, 0]
    assert found[0][0].box == (0, 0, 40, 40)
    assert found[1][0].points[:2] == ((1, 1), (2, 1))
    assert np.isnan(found[0][0].points[3:5]).all()
    assert found[0][0].points[5] == (1, 2)
    assert program is not None
    assert program.status() is not None


def test_what_a_program_cannot_do_is_said_with_its_own_words(stand_in: tuple[str, ...]) -> None:
    with MediaPipeFaces(argv=stand_in) as finder:
        with pytest.raises(MediaError, match="too dark"):
            finder.find([grey(14)], 20)
        with pytest.raises(MediaError, match=r"exit status 3.*no idea"):
            finder.find([grey(13)], 20)
        assert len(finder.find([grey()], 20)[0]) == 1, "it is started again"


def test_a_program_that_cannot_start_names_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"'no-such-uv' is not installed.*--finder mtcnn"):
        MediaPipeFaces(argv=("no-such-uv", "run")).find([grey()], 20)
    with pytest.raises(InputError, match=r"cannot be started.*exit status 2.*package index"):
        MediaPipeFaces(argv=(sys.executable, "-c", "import sys; sys.exit(2)")).find([grey()], 20)
    monkeypatch.setattr(module, "PATIENCE_START", 0.3)
    with pytest.raises(InputError, match="no line from the program"):
        MediaPipeFaces(argv=(sys.executable, "-c", "import time; time.sleep(60)")).find([grey()], 20)


def test_finders_go_by_name_and_their_identities_differ() -> None:
    pytest.importorskip("facenet_pytorch")
    names = [face_finder(FaceProtocol(finder=name)).identity for name in ("mtcnn", "mediapipe")]  # type: ignore[arg-type]
    assert [one["name"] for one in names] == ["mtcnn", "mediapipe"]
    assert f"mediapipe=={module.VERSION}" in ARGV
    assert WORKER.is_file()


def test_mtcnn_finds_people_at_the_same_place_whatever_the_smallest_size() -> None:
    pytest.importorskip("facenet_pytorch")
    drawn = [picture_factors(0, person, 0, max_yaw=20) for person in range(3)]
    pictures = list(render(*zip(*drawn, strict=True), 128).pixels.numpy())
    finder = face_finder(FaceProtocol())
    fine, coarse = finder.find(pictures, 20), finder.find(pictures, 40)
    for one, other in zip(fine, coarse, strict=True):
        assert len(one) == len(other) == 1
        assert one[0].probability > 0.9
        assert overlap(one[0].box, other[0].box) > 0.95
        assert len(one[0].points) == 5
        assert one[0].points[0][0] < one[0].points[1][0]
    assert finder.find([grey(side=15)], 20) == [()], "no room for a face"
    assert finder.find([], 20) == []
    assert [len(faces) for faces in finder.find([grey(side=64)] * 2, 20)] == [0, 0]


@pytest.mark.slow
def test_mediapipe_itself(tmp_path: Path) -> None:
    drawn = [picture_factors(0, person, 0, max_yaw=20) for person in range(2)]
    pictures = list(render(*zip(*drawn, strict=True), 128).pixels.numpy())
    with MediaPipeFaces() as finder:
        found = finder.find(pictures, 20)
    assert [len(faces) for faces in found] == [1, 1]
    assert all(len(faces[0].points) == 5 + 468 for faces in found)
