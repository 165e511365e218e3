"""The renderer judged by a face detector that nobody here wrote or trained."""

import warnings

import numpy as np
import pytest

from fauxbench.harness.datasets.studio.factors import sample_person, sample_scene, sample_state
from fauxbench.harness.datasets.studio.render import render

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def detector():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = pytest.importorskip("facenet_pytorch")
        return module.MTCNN(keep_all=True, post_process=False)


def marks_of(detector, picture):
    boxes, chance, marks = detector.detect(picture, landmarks=True)
    if boxes is None:
        return 0, 0.0, None
    best = int(np.argmax(np.asarray(chance, dtype=float)))
    return len(boxes), float(chance[best]), np.asarray(marks[best], dtype=float)


def mirrored_marks(detector, picture):
    """The detector sets every point about 1.2 pixels to the right, of whatever picture: its mirror image tells."""
    marks = marks_of(detector, np.ascontiguousarray(picture[:, ::-1]))[2]
    if marks is None:
        return None
    marks = marks[[1, 0, 2, 4, 3]]
    marks[:, 0] = picture.shape[1] - 1 - marks[:, 0]
    return marks


def detect(detector, low, high, count):
    """Return the share with exactly one box, above 0.95, and the points' median errors (5,) in every 4th picture."""
    found, errors = 0, []
    for start in range(0, count, 20):
        drawn = []
        for i in range(start, min(count, start + 20)):
            rng = np.random.default_rng([0, 9, i])
            person = sample_person(rng)
            drawn.append((person, sample_state(rng, min_yaw=low, max_yaw=high), sample_scene(rng, person)))
        out = render(*zip(*drawn, strict=True), 160)
        for k, (picture, true) in enumerate(zip(out.pixels.numpy(), out.points.numpy(), strict=True)):
            boxes, chance, marks = marks_of(detector, picture)
            found += boxes == 1 and chance > 0.95
            other = mirrored_marks(detector, picture) if k % 4 == 0 and marks is not None else None
            if other is not None:
                away = np.linalg.norm((marks + other) / 2 - true[:5], axis=1)
                errors.append(away / np.linalg.norm(true[0] - true[1]))
    return found / count, np.median(errors, axis=0)


def test_finds_one_face_with_its_points_up_to_30_degrees(detector):
    share, error = detect(detector, 0.0, 30.0, 500)
    assert share >= 0.99
    assert error.max() < 0.08


def test_finds_one_face_from_30_to_45_degrees(detector):
    share, _ = detect(detector, 30.0, 45.0, 300)
    assert share >= 0.95
