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


def detect(detector, low, high, count):
    found, errors = 0, []
    for start in range(0, count, 20):
        drawn = []
        for i in range(start, min(count, start + 20)):
            rng = np.random.default_rng([0, 9, i])
            person = sample_person(rng)
            drawn.append((person, sample_state(rng, min_yaw=low, max_yaw=high), sample_scene(rng, person)))
        out = render(*zip(*drawn, strict=True), 160)
        for picture, true in zip(out.pixels.numpy(), out.points.numpy(), strict=True):
            boxes, chance, marks = detector.detect(picture, landmarks=True)
            if boxes is None:
                continue
            found += int((np.asarray(chance, dtype=float) > 0.95).sum() == 1)
            best = np.asarray(marks[int(np.argmax(chance))], dtype=float)
            errors.append(np.linalg.norm(best - true[:5], axis=1) / np.linalg.norm(true[0] - true[1]))
    return found / count, float(np.median(errors))


def test_finds_one_face_with_its_points_up_to_30_degrees(detector):
    share, error = detect(detector, 0.0, 30.0, 500)
    assert share >= 0.99
    assert error < 0.08


def test_finds_one_face_from_30_to_45_degrees(detector):
    share, _ = detect(detector, 30.0, 45.0, 300)
    assert share >= 0.95
