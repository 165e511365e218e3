import numpy as np
import pytest
import torch

from fauxbench.harness.cards import InstrumentCard
from fauxbench.harness.datasets.studio import PERSON, RESERVED_PEOPLE, SCENE
from fauxbench.harness.errors import IntegrityError, WeightsMissingError
from fauxbench.harness.instruments.studio_face import FEATURES, IDENTITY, SIZE, FaceNet, StudioFace, prepare
from fauxbench.harness.instruments.studio_face import face as face_of
from fauxbench.harness.training import face
from fauxbench.harness.training.face import DETAIL_KERNELS, FACTORS, about, blur, damage
from fauxbench.harness.training.faces import (
    HAIR,
    LOOK,
    PEOPLE,
    PER_PERSON,
    SEEN,
    TEST_PEOPLE,
    FaceJobs,
    HeldOutFaces,
)
from fauxbench.harness.training.runtime import Clock, Plan, Pool, optimiser, save_weights

CARD = InstrumentCard(name="studio-face", version="1", title="t", entry="", purpose=("identity",))


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(1)
    net = FaceNet(len(FACTORS), 0.3)
    net.centre.fill_(3.0)
    path = tmp_path_factory.mktemp("w") / "face.safetensors"
    save_weights(net, path, about(0.3))
    return path


@pytest.fixture
def pictures(rng):
    return [np.uint8(rng.integers(0, 256, size)) for size in ((64, 64, 3), (90, 70, 3), (32, 32, 3))]


def test_outputs_have_the_promised_shapes_and_do_not_depend_on_neighbours(weights, pictures):
    instrument = StudioFace(CARD, weights)
    told = instrument.extract(pictures)
    assert {name: part.shape for name, part in told.items()} == {
        "features": (3, FEATURES),
        "identity": (3, IDENTITY),
        "factors": (3, len(FACTORS)),
    }
    assert all(part.dtype == np.float32 for part in told.values())
    np.testing.assert_allclose(np.linalg.norm(told["identity"], axis=1), 1, rtol=1e-5)
    alone = instrument.extract(pictures[1:2])
    for name, part in told.items():
        np.testing.assert_array_equal(alone[name][0], part[1])
    assert instrument.extract([])["features"].shape == (0, FEATURES)
    assert instrument.factor_names[:3] == ("yaw", "pitch", "roll")


def test_the_face_is_cut_out_of_the_middle_square_and_shrinking_averages():
    picture = np.zeros((320, 400, 3), np.uint8)
    picture[70:262, 104:296] = 100  # rows .22 to .82 of the square of 320, as wide as high
    picture[70:262:2, 104:296] = 200
    assert prepare(picture).shape == (3, SIZE, SIZE)
    np.testing.assert_allclose(prepare(picture).numpy(), 150 / 127.5 - 1, atol=0.06)
    assert face_of(picture).shape == (192, 192, 3)
    np.testing.assert_array_equal(face_of(picture)[1::2], 100)
    assert prepare(np.zeros((20, 11, 3), np.uint8)).shape == (3, SIZE, SIZE)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(WeightsMissingError, match="studio-face"):
        StudioFace(CARD, tmp_path / "none")
    (tmp_path / "bad").write_bytes(b"not safetensors at all")
    with pytest.raises(IntegrityError, match="not the weights"):
        StudioFace(CARD, tmp_path / "bad")


def test_weights_of_the_full_network_are_small_enough_to_ship(tmp_path):
    assert save_weights(FaceNet(len(FACTORS)), tmp_path / "w", about(1.0), DETAIL_KERNELS) < 3_000_000


def test_jobs_are_pure_and_share_a_look_but_not_a_scene():
    jobs = FaceJobs(size=32, mixed=False)
    first, again = jobs(5), jobs(5)
    np.testing.assert_array_equal(first["pixels"], again["pixels"])
    assert first["pixels"].shape == (PEOPLE * PER_PERSON, 32, 32, 3)
    assert first["seen"].shape == (PEOPLE * PER_PERSON, len(SEEN))
    names = [f.name for f in PERSON]
    shape = [k for k, name in enumerate(names) if name not in HAIR]
    person = first["person"].reshape(PEOPLE, PER_PERSON, -1)
    assert np.all(person[:, :, shape] == person[:, :1, shape])
    assert len(np.unique(person[:, :, names.index("hair_melanin")])) > 2
    azimuth = first["seen"][:, SEEN.index("key_azimuth")]
    assert len(np.unique(azimuth)) > PEOPLE * PER_PERSON - 4
    assert {f.name for f in SCENE} >= set(LOOK)
    assert FaceJobs(size=33)(4)["pixels"].shape[1:] == (33, 33, 3)  # rendered at 22 pixels


def test_tests_draw_everything_anew_and_never_meet_the_training():
    shot = HeldOutFaces(size=32, per_person=3, rendered=32)(0)
    assert np.all(shot["label"] == TEST_PEOPLE)
    assert TEST_PEOPLE > RESERVED_PEOPLE
    grey = [f.name for f in PERSON].index("hair_melanin")
    assert len(np.unique(shot["person"][:, grey])) == 3
    plain = HeldOutFaces(size=32, per_person=3, rendered=32, new_hair=False)(0)
    assert len(np.unique(plain["person"][:, grey])) == 1
    assert HeldOutFaces(size=32, per_person=2, rendered=64)(0)["pixels"].shape == (2, 32, 32, 3)


def test_blur_and_damage_say_what_they_did():
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randint(0, 256, (24, 96, 96, 3), generator=generator, dtype=torch.uint8)
    planes, done, place = damage(pictures, generator)
    assert place.shape == (24, 3)
    assert planes.shape == (24, 3, 96, 96)
    fine = (planes[:, :, 1:] - planes[:, :, :-1]).abs().mean((1, 2, 3))
    soft = done[:, 0] > 0.3
    assert soft.any()
    assert fine[soft & (done[:, 1] < 0.1)].max() < fine[(done == 0).all(1)].min()
    spike = torch.zeros(1, 1, 21, 21)
    spike[0, 0, 10, 10] = 1
    spread = blur(spike, torch.tensor([1.5]))[0, 0]
    assert float(spread.sum()) == pytest.approx(1, abs=1e-5)
    at = torch.arange(21.0) - 10
    assert float((spread.sum(0) * at**2).sum()) == pytest.approx(1.5**2, rel=0.02)


@pytest.mark.slow
def test_a_short_training_ends_with_weights_and_a_report(tmp_path):
    plan = tiny_plan(tmp_path)
    report = face.train(plan)
    assert (tmp_path / "report.json").is_file()
    assert StudioFace(CARD, tmp_path / face.WEIGHTS).factor_names == FACTORS
    assert report["training"]["steps"] >= 1
    assert set(report["calibration"]) == {"blur", "noise", "contrast", "identity blend", "expression error"}


@pytest.mark.slow
def test_sixty_steps_on_eight_people_teach_who_they_are_and_what_they_do(tmp_path):
    torch.manual_seed(0)
    plan, pool = tiny_plan(tmp_path), Pool(8 * PER_PERSON, PER_PERSON, "cpu")
    jobs = [FaceJobs(size=96)(k) for k in range(4)]
    for job in jobs:
        pool.add(job)
    pupil = face.Pupil(plan.width, face.scales({name: np.concatenate([job[name] for job in jobs]) for name in jobs[0]}))
    lesson = face.Lesson(plan, Clock(minutes=1e-9, reserve=0), pupil, pool)  # over: all losses at their full weight
    rule = optimiser(pupil, plan.rate)
    told = []
    for _ in range(60):
        losses = lesson()
        rule.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        rule.step()
        told.append([float(loss.detach()) for loss in losses.values()])
    first, last = np.mean(told[:10], axis=0), np.mean(told[-10:], axis=0)
    assert (last < 0.9 * first).all(), (first, last)


def test_points_follow_when_a_picture_is_moved():
    generator = torch.Generator().manual_seed(2)
    pictures = torch.full((16, 96, 96, 3), 20, dtype=torch.uint8)
    pictures[:, 40:43, 60:63] = 250
    planes, done, place = damage(pictures, generator)
    spot = torch.tensor([[61.5 / 96, 41.5 / 96]]).expand(16, 2)
    there = 96 * face.moved(spot, place)
    for plane, at in zip(planes[(done == 0).all(1)], there[(done == 0).all(1)], strict=True):
        weight = (plane[0] - plane[0].min()) ** 2
        grid = torch.arange(96.0) + 0.5
        centre = torch.stack([(weight.sum(0) * grid).sum(), (weight.sum(1) * grid).sum()]) / weight.sum()
        torch.testing.assert_close(centre, at, atol=0.3, rtol=0)


def tiny_plan(out):
    return Plan(out=out, device="cpu", minutes=0.7, workers=0, batch=8, rate=0.003, width=0.3, pool=400, test=4, seed=0)
