import numpy as np
import pytest
import torch

from fauxbench.harness.instruments.face_detail import EYES, HEIGHT, MOUTH, WIDTH, Detail, straightened, upright
from fauxbench.harness.instruments.studio_face import CORE, SIZE, FaceNet
from fauxbench.harness.training import face_detail
from fauxbench.harness.training.face import DETAIL_KERNELS, FACTORS, WEIGHTS, about
from fauxbench.harness.training.face_detail import Lesson, Pupil, begin, find_spots, laid, read_factors, ridge, spots_of
from fauxbench.harness.training.faces import PER_PERSON, SEEN, FaceJobs
from fauxbench.harness.training.runtime import Plan, Pool, optimiser, save_weights

SPOTS = torch.tensor([[0.30, 0.40, 0.62, 0.36, 0.50, 0.75], [0.42, 0.33, 0.60, 0.41, 0.44, 0.70]])


@pytest.fixture
def plan(tmp_path):
    torch.manual_seed(1)
    save_weights(FaceNet(len(FACTORS), 0.3), tmp_path / WEIGHTS, about(0.3), DETAIL_KERNELS)
    numbers = {"minutes": 0.7, "workers": 0, "batch": 4, "rate": 0.004, "width": 1.0, "pool": 400, "test": 3, "seed": 0}
    return Plan(out=tmp_path / "out", device="cpu", start=tmp_path / WEIGHTS, **numbers)


def test_eyes_and_mouth_come_to_lie_where_they_should():
    y, x = torch.meshgrid(torch.arange(SIZE) + 0.5, torch.arange(SIZE) + 0.5, indexing="ij")
    for k, (column, row) in enumerate(((WIDTH / 4, EYES), (3 * WIDTH / 4, EYES), (WIDTH / 2, MOUTH))):
        at = SIZE * SPOTS[:, 2 * k : 2 * k + 2]
        blobs = torch.stack([torch.exp(-((x - a) ** 2 + (y - b) ** 2) / 8) for a, b in at])[:, None]
        told = straightened(blobs, SPOTS)[:, 0]
        assert told.shape == (2, HEIGHT, WIDTH)
        rows, columns = torch.arange(HEIGHT) + 0.5, torch.arange(WIDTH) + 0.5
        for part in told:
            weight = part**2 / (part**2).sum()
            assert float((weight.sum(0) * columns).sum()) == pytest.approx(column, abs=0.3)
            assert float((weight.sum(1) * rows).sum()) == pytest.approx(row, abs=0.3)


def test_points_are_laid_where_the_picture_is():
    there = laid(SPOTS, SPOTS).view(2, 3, 2)
    wanted = torch.tensor([[-0.5, 2 * EYES / HEIGHT - 1], [0.5, 2 * EYES / HEIGHT - 1], [0, 2 * MOUTH / HEIGHT - 1]])
    torch.testing.assert_close(there, wanted.expand(2, 3, 2), atol=1e-5, rtol=0)
    back = torch.einsum("nij,npj->npi", upright(SPOTS)[:, :, :2], there) + upright(SPOTS)[:, None, :, 2]
    torch.testing.assert_close(back, 2 * SPOTS.view(2, 3, 2) - 1, atol=1e-5, rtol=0)


def test_the_linear_map_is_that_of_least_squares(rng):
    x, y = rng.standard_normal((50, 4)), rng.standard_normal((50, 3))
    weights, shift = ridge(torch.from_numpy(x), torch.from_numpy(y), strength=0.0)
    peer = np.linalg.lstsq(np.c_[x, np.ones(50)], y, rcond=None)[0]
    np.testing.assert_allclose(weights.numpy(), peer[:4].T, atol=1e-6)
    np.testing.assert_allclose(shift.numpy(), peer[4], atol=1e-6)
    assert ridge(torch.from_numpy(x), torch.from_numpy(y), strength=1.0)[0].norm() < weights.norm()


def test_who_somebody_is_does_not_hang_on_the_second_look(rng):
    torch.manual_seed(2)
    net, pictures = FaceNet(4, 0.3).eval(), torch.from_numpy(rng.uniform(-1, 1, (3, 3, SIZE, SIZE))).float()
    with torch.inference_mode():
        before = net(pictures)
        net.detail = Detail(0.3).eval()
        after = net(pictures)
    torch.testing.assert_close(after.identity, before.identity, atol=0, rtol=0)
    torch.testing.assert_close(after.features[:, :CORE], before.features[:, :CORE], atol=0, rtol=0)
    assert not torch.allclose(after.features[:, CORE:], before.features[:, CORE:])


def test_stored_kernels_are_coarse_and_the_trunk_exact(plan):
    face = begin(plan)
    again = begin(plan)
    for name, value in face.state_dict().items():
        if not name.startswith(("detail", "spots", "factors")):
            torch.testing.assert_close(again.state_dict()[name], value, atol=0, rtol=0)
    kernel = face.detail.net[0][0].weight.data.clone()
    rows = {"core": torch.randn(40, CORE), "pictures": torch.rand(40, 3, SIZE, SIZE).half()}
    read_factors(face, {**rows, "truth": torch.randn(40, len(FACTORS))}, "cpu")
    told = face.detail.net[0][0].weight.data
    assert 0 < float((told - kernel).abs().max() / kernel.abs().max()) < 2**-4
    size = save_weights(face, plan.out / WEIGHTS, about(0.3), DETAIL_KERNELS)
    assert size < save_weights(face, plan.out / "exact", about(0.3))


def test_a_few_steps_teach_what_a_few_people_do(plan):
    jobs = [FaceJobs(size=SIZE, mixed=False)(k) for k in range(2)]
    pool = Pool(8 * PER_PERSON, PER_PERSON, "cpu")
    for job in jobs:
        pool.add(job)
    face = begin(plan)
    seen = torch.from_numpy(np.concatenate([job["seen"] for job in jobs]))
    face.centre[: len(SEEN)], face.spread[: len(SEEN)] = seen.mean(0), seen.std(0)
    known = face_detail.damaged(face, jobs[0], plan, 1)
    assert set(known) == {"core", "truth", "points", "pictures"}
    find_spots(face, known)
    pupil = Pupil(Detail(0.6), jobs[0]["points"].shape[1])
    lesson, rule, told = Lesson(plan, pupil, face, pool, torch.zeros(1, 6)), optimiser(pupil, plan.rate), []
    for _ in range(24):
        losses = lesson()
        rule.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        rule.step()
        told.append([float(loss.detach()) for loss in losses.values()])
    first, last = np.mean(told[:6], axis=0), np.mean(told[-6:], axis=0)
    assert (last < 0.9 * first).all(), (first, last)
    assert spots_of(torch.from_numpy(jobs[0]["points"])).shape == (len(jobs[0]["points"]), 6)


@pytest.mark.slow
def test_a_short_training_ends_with_weights_and_a_report(plan):
    report = face_detail.train(plan)
    assert (plan.out / "report.json").is_file()
    assert report["training"]["steps"] >= 1
    assert set(report["calibration"]) == {"blur", "noise", "contrast", "identity blend", "expression error"}


def test_a_trunk_is_needed(plan):
    from dataclasses import replace

    with pytest.raises(ValueError, match="--start"):
        begin(replace(plan, start=None))
