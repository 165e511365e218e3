import numpy as np
import pytest
import torch

from fauxbench.harness.datasets.studio.factors import POINTS
from fauxbench.harness.datasets.studio.recipe import picture_factors
from fauxbench.harness.datasets.studio.render import render

CLEAN = {"noise": 0.0, "jpeg_quality": 100.0, "blur": 0.0, "vignette": 0.0, "glasses": 0.0, "hair_fringe": 0.0}
STILL = dict.fromkeys((name for name, value in picture_factors(0, 0, 0)[1].items() if isinstance(value, float)), 0.0)


def draw(size=64, person=0, state=None, scene=None):
    body, _, place = picture_factors(0, person, 0)
    return render([body], [STILL | (state or {})], [place | CLEAN | (scene or {})], size)


def point(out, name, picture=0):
    return out.points[picture, POINTS.index(name)].numpy()


@pytest.mark.parametrize("size", [32, 64, (48, 85), (90, 60)])
def test_size_and_type(size):
    height, width = (size, size) if isinstance(size, int) else size
    out = draw(size)
    assert out.pixels.shape == (1, height, width, 3)
    assert out.pixels.dtype == torch.uint8
    assert out.points.shape == (1, len(POINTS), 2)
    assert out.pixels.float().std() > 20


@pytest.mark.parametrize("size", [160, pytest.param((720, 1280), marks=pytest.mark.slow)])
def test_larger_sizes(size):
    height, width = (size, size) if isinstance(size, int) else size
    assert draw(size).pixels.shape == (1, height, width, 3)


def test_points_lie_in_the_picture_and_in_the_right_order():
    for person in range(6):
        body, state, place = picture_factors(0, person, 1)
        points = render([body], [state], [place], 64).points[0].numpy()
        assert (points >= 0).all()
        assert (points <= 63).all()
    out = draw()
    assert point(out, "left_eye")[0] < point(out, "nose")[0] < point(out, "right_eye")[0]
    assert point(out, "mouth_left")[0] < point(out, "mouth_right")[0]
    assert point(out, "left_eye")[1] < point(out, "nose")[1] < point(out, "mouth_left")[1] < point(out, "chin")[1]


def test_points_move_with_the_pose():
    left, middle, right = (draw(state={"yaw": yaw}) for yaw in (-30.0, 0.0, 30.0))
    ahead = [
        point(o, "nose")[0] - (point(o, "left_eye")[0] + point(o, "right_eye")[0]) / 2 for o in (left, middle, right)
    ]
    assert ahead[0] < ahead[1] - 0.5
    assert ahead[2] > ahead[1] + 0.5
    up = draw(state={"pitch": 15.0})
    assert point(up, "nose")[1] - point(up, "left_eye")[1] < point(middle, "nose")[1] - point(middle, "left_eye")[1]
    tilted = draw(state={"roll": 15.0})
    assert point(tilted, "right_eye")[1] > point(tilted, "left_eye")[1] + 1.0


@pytest.mark.parametrize(
    ("unit", "name", "sign"),
    [
        ("jaw_open", "chin", 1),
        ("jaw_open", "lip_lower", 1),
        ("smile", "mouth_left", -1),
        ("brow_inner_up", "brow_left", -1),
        ("brow_lower", "brow_right", 1),
        ("upper_lip_raise", "lip_upper", -1),
        ("blink_left", "lid_upper_left", 1),
        ("frown", "mouth_right", 1),
    ],
)
def test_action_units_move_their_points(unit, name, sign):
    rest, moved = draw(256), draw(256, state={unit: 1.0})
    assert sign * (point(moved, name)[1] - point(rest, name)[1]) > 0.4


def test_jaw_closes_the_lips_and_opens_them():
    shut, agape = draw(256), draw(256, state={"jaw_open": 1.0})
    gap = [point(o, "lip_lower")[1] - point(o, "lip_upper")[1] for o in (shut, agape)]
    assert gap[0] < 1.0
    assert gap[1] > 10.0


def test_eyes_close_in_the_picture():
    awake, asleep = draw(256), draw(256, state={"blink_left": 1.0, "blink_right": 1.0})
    x, y = point(awake, "left_eye").round().astype(int)

    def contrast(out):
        return out.pixels[0, y - 3 : y + 3, x - 8 : x + 9].float().mean(-1).std()

    assert contrast(awake) > 1.5 * contrast(asleep)


@pytest.mark.parametrize("size", [64, 96])
def test_every_picture_of_a_batch_is_its_own(size):
    rows = [picture_factors(0, p, i) for p in range(3) for i in range(3)]
    persons, states, scenes = zip(*rows, strict=True)
    scenes = [scene | {"jpeg_quality": 100.0} for scene in scenes]
    whole = render(persons, states, scenes, size)
    for k in range(9):
        one = render([persons[k]], [states[k]], [scenes[k]], size)
        assert torch.equal(one.pixels[0], whole.pixels[k])
        assert torch.equal(one.points[0], whole.points[k])


def test_threads_do_not_change_the_pictures():
    rows = [picture_factors(3, p, 0) for p in range(30)]
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        single = render(*zip(*rows, strict=True), 64)
        torch.set_num_threads(2)
        double = render(*zip(*rows, strict=True), 64)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(single.pixels, double.pixels)


def test_people_differ_more_than_expressions():
    units = [
        {},
        {"smile": 0.8, "cheek_raise": 0.6},
        {"jaw_open": 0.4},
        {"brow_lower": 0.8},
        {"blink_left": 1.0, "blink_right": 1.0},
    ]
    scene = (
        picture_factors(0, 0, 0)[2]
        | CLEAN
        | {"background_kind": 0.3, "hair_length": 0.2, "offset_x": 0.0, "offset_y": 0.0}
    )
    faces = []
    for person in range(8):
        body = picture_factors(0, person, 0)[0]
        out = render([body] * len(units), [STILL | u for u in units], [scene] * len(units), 64)
        faces.append(out.pixels[:, 12:56, 12:52].float().mean(dim=3).reshape(len(units), -1).numpy())
    stack = np.stack(faces)
    stack = (stack - stack.mean(-1, keepdims=True)) / stack.std(-1, keepdims=True)
    within = [np.abs(p[i] - p[j]).mean() for p in stack for i in range(5) for j in range(i)]
    between = [np.abs(stack[a, i] - stack[b, i]).mean() for a in range(8) for b in range(a) for i in range(5)]
    assert np.median(within) < 0.75 * np.median(between)


def test_noise_and_jpeg_are_the_last_steps():
    clean, noisy = draw(64), draw(64, scene={"noise": 1.0})
    assert 1.0 < (clean.pixels.float() - noisy.pixels.float()).abs().mean() < 10.0
    again = draw(64, scene={"noise": 1.0, "noise_seed": 5.0})
    assert not torch.equal(noisy.pixels, again.pixels)
    rough = draw(64, scene={"jpeg_quality": 60.0})
    assert 0.2 < (clean.pixels.float() - rough.pixels.float()).abs().mean() < 8.0


def test_wrong_input_is_refused():
    body, state, place = picture_factors(0, 0, 0)
    with pytest.raises(ValueError, match="equally many"):
        render([body], [state, state], [place], 64)
    with pytest.raises(ValueError, match="at least 16"):
        render([body], [state], [place], 8)
