"""Faces of a 10 s clip of 720p beside the loop that people write: seek each frame with OpenCV, MTCNN on each.

Run with `pytest tests/benchmarks/test_preprocess_speed.py --benchmark-only -n 0`. CPU time of the whole process, in
one run.
"""

import time
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch

from fauxbench.harness.datasets.studio.recipe import picture_factors
from fauxbench.harness.datasets.studio.render import render
from fauxbench.harness.media.content import VideoMedia
from fauxbench.harness.media.encode import write_video
from fauxbench.harness.preprocess.align import transform_of
from fauxbench.harness.preprocess.faces import Face, MTCNNFaces, overlap
from fauxbench.harness.preprocess.frames import FrameProtocol, FrameSampler
from fauxbench.harness.preprocess.prepare import prepare
from fauxbench.harness.preprocess.protocol import FaceProtocol

facenet = pytest.importorskip("facenet_pytorch")
pytestmark = pytest.mark.filterwarnings("ignore")
AT_LEAST = 1.5
PROTOCOL = FaceProtocol(frames=FrameProtocol(count=32))


def moving(side=420, count=250):
    """Yield frames of 720 x 1280 in which a rendered person turns and moves over a street of noise."""
    body, state, scene = picture_factors(0, 3, 0, max_yaw=10)
    turned = [{**state, "yaw": state["yaw"] + 1.2 * k} for k in range(10)]
    pixels = render([body] * 10, turned, [scene] * 10, side).pixels.cpu().numpy()
    rng = np.random.default_rng(0)
    wall = cv2.resize(np.uint8(rng.integers(40, 200, (45, 80, 3))), (1280, 720), interpolation=cv2.INTER_CUBIC)
    for k in range(count):
        frame = wall.copy()
        left, top = round(400 + 350 * np.sin(k / 40)), round(150 + 100 * np.cos(k / 31))
        frame[top : top + side, left : left + side] = pixels[abs(k // 3 % 18 - 9)]
        yield frame


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """The clip as encoders write it, and with a key frame every half second, where seeking costs least."""
    folder = tmp_path_factory.mktemp("clip")
    write_video(folder / "usual.mp4", VideoMedia(frames=moving, fps=25.0))
    with av.open(str(folder / "seekable.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"g": "12", "crf": "23"})
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        for frame in moving():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    return folder


def loop(path: Path, numbers, net):
    """Seek, find the largest face, align: what one would write."""
    capture = cv2.VideoCapture(str(path))
    faces, cuts = [], []
    for number in numbers:
        capture.set(cv2.CAP_PROP_POS_FRAMES, number)
        frame = cv2.cvtColor(capture.read()[1], cv2.COLOR_BGR2RGB)
        boxes, chances, points = net.detect(frame, landmarks=True)
        face = Face(box=tuple(boxes[0]), probability=float(chances[0]), points=tuple(map(tuple, points[0])))
        faces.append(face)
        cuts.append(cv2.warpAffine(frame, transform_of(face, PROTOCOL), (PROTOCOL.size, PROTOCOL.size)))
    return faces, cuts


def corners(change, size):
    """Return the square that is cut out, in pixels of the frame, (4, 2)."""
    square = np.array([[0, 0], [size, 0], [size, size], [0, size]], dtype=float)
    return (square - change[:, 2]) @ np.linalg.inv(change[:, :2]).T


def same(face, other):
    """Return intersection over union of the two squares that are cut out, which may be turned."""
    masks = []
    for one in (face, other):
        mask = np.zeros((720, 1280), np.uint8)
        cv2.fillConvexPoly(mask, np.int32(np.rint(corners(transform_of(one, PROTOCOL), PROTOCOL.size))), 1)
        masks.append(mask)
    return np.minimum(*masks).sum() / np.maximum(*masks).sum()


@pytest.mark.parametrize("kind", ["usual", "seekable"])
def test_faces_beside_a_loop_that_seeks(clips, kind, benchmark, capsys, tmp_path):
    path = clips / f"{kind}.mp4"
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    net, finder = facenet.MTCNN(keep_all=True, post_process=False), MTCNNFaces()
    numbers = [number for _, number in FrameSampler.of(path, PROTOCOL.frames).plan]
    spans = {"ours": [], "theirs": []}
    for turn in range(2):
        began = time.process_time()
        made = prepare(path, PROTOCOL, finder, tmp_path / str(turn))
        spans["ours"].append(time.process_time() - began)
        began = time.process_time()
        faces, cuts = loop(path, numbers, net)
        spans["theirs"].append(time.process_time() - began)
    torch.set_num_threads(before)
    assert [face.frame for face in made.faces] == numbers
    pairs = list(zip(made.faces, faces, strict=True))
    least = min(min(overlap(a.box, b.box), same(a, b)) for a, b in pairs)
    apart = np.mean([np.abs(a.astype(int) - b).mean() for a, b in zip(made.pictures(), cuts, strict=True)])
    ratio = min(spans["theirs"]) / min(spans["ours"])
    told = {"ours": min(spans["ours"]), "theirs": min(spans["theirs"]), "ratio": ratio, "least overlap": least}
    benchmark.extra_info |= told
    benchmark.pedantic(lambda: None, rounds=1)
    with capsys.disabled():
        words = ", ".join(f"{name} {value:.4g}" for name, value in told.items())
        print(f"\n32 faces of a 10 s 720p clip, {kind}: {words}; aligned faces differ by {apart:.2f} of 255")  # noqa: T201
    assert least > 0.95
    assert apart < 2
    assert ratio >= AT_LEAST
