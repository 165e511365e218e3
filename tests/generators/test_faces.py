"""The three systems that change faces: contract, what they keep, and what each learns."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fauxbench import (
    Artifact,
    Context,
    Failure,
    FitTask,
    Generator,
    InputError,
    Item,
    Output,
    Request,
    VideoMedia,
    read_image,
)
from fauxbench.generators._faces_cut import FACE, UPRIGHT, cut, lay_back, match_colour, oval, placement
from fauxbench.generators._faces_reader import EYES_AND_MOUTH, Labels, labels_of, train_reader
from fauxbench.generators.attributes.model import LABELS, MADE_OF, attributes_of
from fauxbench.generators.faceswap.networks import Swapper
from fauxbench.generators.reenactment.motion import ACTS, POINTS, carried, fit_rig
from fauxbench.harness.media.encode import write_media
from fauxbench.harness.media.images import write_png
from fauxbench.harness.media.item import Kind, Modality

SIZE, PEOPLE, EACH = 48, 4, 4
PLACES = dict(zip(EYES_AND_MOUTH, [(17, 20), (31, 20), (24, 27), (19, 34), (29, 34)], strict=True))
SYSTEMS = ("faceswap", "reenactment", "attributes")
QUICK = {"steps": 2, "batch": 4}


def drawn(rng: np.random.Generator, person: int) -> tuple[np.ndarray, dict[str, tuple[float, float]]]:
    """An oval of the person's colour with eyes and mouth, somewhere near the middle, on a ground of stripes."""
    dx, dy = (int(v) for v in rng.integers(-3, 4, 2))
    y, x = np.mgrid[0:SIZE, 0:SIZE]
    pixels = np.where(((x // 4) % 2)[..., None], rng.integers(0, 255, 3), rng.integers(0, 255, 3)).astype(np.uint8)
    colour = np.random.default_rng(person).integers(90, 220, 3)
    pixels[((x - 24 - dx) / 13) ** 2 + ((y - 26 - dy) / 17) ** 2 < 1] = colour
    points = {name: (px + dx, py + dy) for name, (px, py) in PLACES.items()}
    for name in ("left_eye", "right_eye", "mouth_left", "mouth_right"):
        px, py = points[name]
        pixels[py - 1 : py + 2, px - 2 : px + 3] = 20
    more = {name: points["nose"] for name in POINTS if name not in points}
    return pixels, points | more


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> list[Item]:
    folder, rng, items = tmp_path_factory.mktemp("people"), np.random.default_rng(5), []
    for person in range(PEOPLE):
        for k in range(EACH):
            pixels, points = drawn(rng, person)
            write_png(folder / f"{person}-{k}.png", pixels)
            factors = {name: float(rng.uniform()) for name in (*ACTS, *LABELS)}
            items.append(
                Item(
                    id=f"{person}-{k}",
                    modality=Modality.IMAGE,
                    kind=Kind.REAL,
                    group="t",
                    clusters={"identity": f"p{person}"},
                    facts={"points": {n: list(p) for n, p in points.items()}, "factors": factors},
                    location=folder / f"{person}-{k}.png",
                )
            )
    return items


@pytest.fixture(scope="module")
def fitted(people, tmp_path_factory) -> Callable[[str], tuple[Generator, Path]]:
    """Each system, trained for two updates, once; and the folder that it wrote."""
    from _pytest.monkeypatch import MonkeyPatch

    from fauxbench.generators.attributes import model as attributes
    from fauxbench.generators.faceswap import model as faceswap
    from fauxbench.generators.reenactment import model as reenactment

    patch, made = MonkeyPatch(), {}
    for module in (attributes, faceswap, reenactment):
        patch.setattr(module, "FINDER_STEPS", 3)
    for module in (attributes, reenactment):
        patch.setattr(module, "READER_STEPS", 3)

    def get(name: str, make: Callable[..., Generator]) -> tuple[Generator, Path]:
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            system = make(name, **QUICK)
            system.fit(task(people), Context(seed=1, scratch=folder))
            system.save(folder / "weights")
            made[name] = (system, folder / "weights")
        return made[name]

    yield get
    patch.undo()


def task(people: list[Item]) -> FitTask:
    subjects = people[EACH:]
    return FitTask(train=tuple(people[:EACH]), subjects=("p1", "p2", "p3"), references=tuple(subjects), output=Output())


def asked(people: list[Item], **more: object) -> list[Request]:
    """Requests that any of the three can meet."""
    made = []
    for k, (target, other) in enumerate([(0, 4), (5, 8), (9, 12)]):
        given = {"references": (people[other],), "driver": people[other], "attributes": {"smile": 1.0}}
        made.append(Request(id=f"r{k}", seed=k, target=people[target], **{**given, **more}))
    return made


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_contract(name, build, fitted, people, context):
    system, folder = fitted(name, build)
    assert {path.suffix for path in folder.rglob("*") if path.is_file()} == {".safetensors", ".json"}
    artifacts = list(system.generate(asked(people), context))
    other = build(name, **QUICK)
    other.load(folder)
    again = {a.request_id: a for a in other.generate(asked(people)[::-1], context)}
    for artifact, request in zip(artifacts, asked(people), strict=True):
        assert isinstance(artifact, Artifact), artifact
        real = read_image(request.target.location)
        (mask,) = artifact.masks()
        assert artifact.media.pixels.shape == real.shape
        assert (mask.shape, mask.dtype) == (real.shape[:2], np.uint8)
        assert 0.05 < (mask > 0).mean() < 0.9
        assert np.array_equal(artifact.media.pixels[mask == 0], real[mask == 0])  # the background is kept
        assert np.array_equal(artifact.media.pixels, again[request.id].media.pixels)
        json.dumps(dict(artifact.facts), allow_nan=False)


@pytest.mark.parametrize("name", SYSTEMS)
def test_training_repeats(name, build, fitted, people, tmp_path):
    _, folder = fitted(name, build)
    system = build(name, **QUICK)
    system.fit(task(people), Context(seed=1, scratch=tmp_path))
    system.save(tmp_path / "again")
    first, again = ((f / "weights.safetensors").read_bytes() for f in (folder, tmp_path / "again"))
    assert first == again


@pytest.mark.parametrize("name", SYSTEMS)
def test_what_cannot_be_met_is_a_failure_and_the_rest_goes_on(name, build, fitted, people, context, tmp_path):
    system, _ = fitted(name, build)
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    fine, *_ = asked(people)
    broken = [
        replace(fine, id="none", target=None),
        replace(fine, id="bad", target=replace(people[0], location=bad)),
        replace(fine, id="bare", references=(), driver=None, attributes={}),
        replace(
            fine,
            id="stranger",
            references=(replace(people[0], clusters={"identity": "nobody"}),),
            driver=replace(people[0], location=None),
            attributes={"nose": 1.0},
        ),
        fine,
    ]
    answers = list(system.generate(broken, context))
    assert [type(a) for a in answers] == [Failure] * 4 + [Artifact]
    assert [a.kind for a in answers[:4]] == ["missing", "unreadable", "missing", "missing"]
    assert all(str(a.message).strip() for a in answers[:4])


@pytest.mark.parametrize("name", SYSTEMS)
def test_wrong_weights_are_refused(name, build, fitted, tmp_path):
    import shutil

    _, folder = fitted(name, build)
    shutil.copytree(folder, tmp_path / "w")
    config = json.loads((tmp_path / "w/config.json").read_text())
    for key in ("shape", "people", "width", "slopes", "ends"):
        if key in config:
            (tmp_path / "w/config.json").write_text(json.dumps({**config, key: None}))
            with pytest.raises(InputError, match=r"config\.json"):
                build(name).load(tmp_path / "w")
    (tmp_path / "w/config.json").write_text(json.dumps({**config, "system": "other"}))
    with pytest.raises(InputError, match="expected weights of"):
        build(name).load(tmp_path / "w")
    (tmp_path / "w/config.json").write_text(json.dumps(config))
    (tmp_path / "w/weights.safetensors").write_bytes(b"\x80\x04pickle")
    with pytest.raises(InputError, match="pickle"):
        build(name).load(tmp_path / "w")


def test_a_clip_comes_back_as_a_clip_with_a_mask_for_each_frame(build, fitted, people, context, tmp_path):
    frames = [read_image(item.location) for item in people[:3]]
    clip = VideoMedia(frames=lambda: iter(frames), fps=10.0)
    path, _, facts = write_media(tmp_path, "clip", clip)
    target = replace(people[0], id="clip", modality=Modality.VIDEO, location=path, facts=facts)
    system, _ = fitted("reenactment", build)
    for driver in (people[6], replace(target, id="other", clusters={"identity": "p3"})):
        (made,) = system.generate([Request(id="1", seed=0, target=target, driver=driver)], context)
        assert isinstance(made.media, VideoMedia)
        assert made.media.fps == 10.0
        out, masks = list(made.media.frames()), list(made.masks())
        assert [frame.shape for frame in out] == [(SIZE, SIZE, 3)] * 3
        assert len(masks) == 3
        assert all(np.array_equal(a, b) for a, b in zip(out, made.media.frames(), strict=True))


def test_without_labels_a_swap_looks_in_the_middle_and_the_others_say_what_they_need(build, fitted, people, context):
    fitted("faceswap", build)  # few steps
    bare = [replace(item, facts={}) for item in people]
    system = build("faceswap", **QUICK)
    system.fit(task(bare), context)
    assert system.finder is None
    assert isinstance(next(system.generate(asked(bare), context)), Artifact)
    for name in ("reenactment", "attributes"):
        with pytest.raises(InputError, match="every train picture needs facts"):
            build(name, **QUICK).fit(task(bare), context)


def test_whole_decoders_are_of_one_person_each(build, fitted, people, context):
    fitted("faceswap", build)
    system = build("faceswap", decoders="whole", **QUICK)
    system.fit(task(people), context)
    assert len(system._net.decoders) == PEOPLE
    assert isinstance(next(system.generate(asked(people), context)), Artifact)


def test_what_is_the_same_in_all_pictures_of_a_person_does_not_reach_the_decoder():
    torch.manual_seed(0)
    net = Swapper(width=4, code=8, people=2, whole=False)
    with torch.no_grad():
        net.decoders[0].own_scale.normal_()
    code = torch.randn(1, 8)
    for person in (0, 1):
        net.means[person] = torch.randn(8)
    zero = torch.tensor([0])
    one, two = (net.decode(code + net.means[k] - net.means[k], zero) for k in (0, 1))
    torch.testing.assert_close(one, two, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(one, net.decode(code, torch.tensor([1])))


def test_a_face_is_brought_upright_and_back():
    angle, scale = 0.3, 0.4
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = UPRIGHT @ turn.T + [20.0, 9.0]
    place = placement(points)
    np.testing.assert_allclose(points @ place[:, :2].T + place[:, 2], UPRIGHT, atol=1e-8)
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (60, 50, 3), dtype=np.uint8)
    assert cut(picture, place).shape == (FACE, FACE, 3)
    changed, mask = lay_back(picture, np.full((FACE, FACE, 3), 9, np.uint8), oval(), place)
    assert np.array_equal(changed[mask == 0], picture[mask == 0])
    assert np.abs(changed[mask == 255].astype(int) - 9).max() == 0
    centre = np.rint(points.mean(0)).astype(int)
    assert mask[centre[1], centre[0]] == 255


def test_colours_move_by_the_share_asked_for():
    rng = np.random.default_rng(0)
    face, like = (np.clip(rng.normal(m, 12, (FACE, FACE, 3)), 0, 255).astype(np.uint8) for m in (80, 150))
    mask = oval()
    assert np.array_equal(match_colour(face, like, mask, 0.0), face)
    half, whole = (match_colour(face, like, mask, share).mean() for share in (0.5, 1.0))
    assert half == pytest.approx(115, abs=2)
    assert whole == pytest.approx(150, abs=2)


def test_a_finder_learns_where_a_bright_spot_lies(context):
    rng = np.random.default_rng(0)
    centre = rng.uniform(20, 44, (96, 2))
    y, x = np.mgrid[0:64, 0:64] + 0.5
    spots = np.exp(-((x - centre[:, 0, None, None]) ** 2 + (y - centre[:, 1, None, None]) ** 2) / 40)
    squares = torch.from_numpy(np.rint(255 * spots).astype(np.uint8))[:, None].expand(-1, 3, -1, -1).contiguous()
    labels = Labels(centre[:, None] / 64, np.zeros((96, 0)))
    net = train_reader(squares, labels, 60, context)
    found, _ = net(squares.float() / 127.5 - 1)
    error = np.linalg.norm(found[:, 0].numpy() * 64 - centre, axis=1).mean()
    always = np.linalg.norm(centre.mean(0) - centre, axis=1).mean()
    assert error < 0.5 * always


def test_labels_are_in_shares_of_the_middle_square(people):
    item = replace(people[0], facts={"points": {"nose": [30.0, 10.0]}, "factors": {"age": 40}})
    labels = labels_of([item], [(20, 60)], ("nose",), ("age",))
    np.testing.assert_allclose(labels.points, [[[(30.5 - 20) / 20, 10.5 / 20]]])
    assert labels.factors.tolist() == [[40.0]]
    assert labels_of([item], [(20, 60)], ("chin",), ()) is None


def test_points_follow_acts_within_a_person_and_not_from_person_to_person():
    rng = np.random.default_rng(0)
    people = [f"p{k // 20}" for k in range(200)]
    acts, truth = rng.normal(size=(200, len(ACTS))), rng.normal(size=(len(ACTS), 2 * len(POINTS))) * 0.01
    own = np.repeat(rng.normal(size=(10, 2 * len(POINTS))), 20, 0)
    acts[:, 0] += np.repeat(rng.normal(size=10), 20)
    rig = fit_rig((own + acts @ truth).reshape(200, -1, 2), acts, people, ridge=1e-6)
    step = rig.movement(acts[0], acts[1])
    np.testing.assert_allclose(step.ravel(), (acts[1] - acts[0]) @ truth, atol=1e-6)
    assert not rig.movement(acts[0], acts[0]).any()


def test_a_face_is_carried_where_its_points_go_and_the_rest_stays():
    picture = torch.zeros(1, 1, 64, 64)
    picture[0, 0, 40:44, 30:34] = 1.0
    picture[0, 0, 2:4, 2:4] = 1.0
    points, step = torch.full((1, 14, 2), 0.5), torch.zeros(1, 14, 2)
    points[0, :] = torch.tensor([32 / 64, 42 / 64])
    step[0, :] = torch.tensor([0.0, -6 / 64])
    moved = carried(picture, points, step)[0, 0]
    y, _ = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    face = moved[20:]
    assert float((face * y[20:]).sum() / face.sum()) == pytest.approx(41.5 - 6, abs=1.0)
    torch.testing.assert_close(moved[:8, :8], picture[0, 0, :8, :8], atol=0.05, rtol=0)
    torch.testing.assert_close(carried(picture, points, torch.zeros_like(step)), picture, atol=1e-5, rtol=0)


def test_emotions_are_means_of_action_units():
    labels = np.arange(2 * len(LABELS), dtype=float).reshape(2, -1)
    found = attributes_of(labels)
    assert found.shape == (2, len(MADE_OF))
    where = [LABELS.index(name) for name in MADE_OF["anger"]]
    np.testing.assert_allclose(found[:, list(MADE_OF).index("anger")], labels[:, where].mean(1))
