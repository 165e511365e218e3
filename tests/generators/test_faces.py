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
from fauxbench.generators._faces_codes import directions
from fauxbench.generators._faces_cut import (
    FACE,
    UPRIGHT,
    box,
    cut,
    in_place_of,
    lay_back,
    match_colour,
    oval,
    placement,
)
from fauxbench.generators._faces_eigen import Eigen, versions
from fauxbench.generators._faces_reader import EYES_AND_MOUTH, Labels, labels_of, train_reader
from fauxbench.generators.attributes.model import LABELS, MADE_OF
from fauxbench.generators.attributes.model import PLACES as MOVED
from fauxbench.generators.faceswap.networks import IDENTITY, of_others
from fauxbench.generators.faceswap.training import PER_PERSON, PeopleBatches
from fauxbench.generators.reenactment.model import ACTS
from fauxbench.harness.media.encode import write_media
from fauxbench.harness.media.images import write_png
from fauxbench.harness.media.item import Kind, Modality

SIZE, PEOPLE, EACH = 48, 4, 4
PLACES = dict(zip(EYES_AND_MOUTH, [(17, 20), (31, 20), (24, 27), (19, 34), (29, 34)], strict=True))
SYSTEMS = ("faceswap", "reenactment", "attributes")
SMALL = {"numbers": 24, "width": 32, "code": 8}
QUICK = {"steps": 2, "batch": 8, **SMALL}


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
    return pixels, points


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

    from fauxbench.generators import _faces_labelled
    from fauxbench.generators.faceswap import model as faceswap

    patch, made = MonkeyPatch(), {}
    for module in (_faces_labelled, faceswap):
        patch.setattr(module, "FINDER_STEPS", 3)

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
            references=(replace(people[0], location=None),),
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
    for key in ("shape", "people", "labels", "ends"):
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
    stranger = replace(people[0], clusters={"identity": "nobody"})
    (answer,) = system.generate(asked(people, references=(stranger,))[:1], context)
    assert isinstance(answer, Failure)
    assert "no decoder for 'nobody'" in answer.message


def test_who_somebody_is_comes_from_the_other_pictures():
    own = directions(torch.randn(2, 3, IDENTITY, generator=torch.Generator().manual_seed(0)))
    pictures = torch.tensor([[0, 1, 2], [5, 5, 5]])
    said, count = of_others(own, pictures)
    torch.testing.assert_close(said[0, 0], own[0, 1:].mean(0))
    torch.testing.assert_close(said[1], own[1].mean(0).expand(3, -1))  # one picture alone speaks for itself
    assert count[0].flatten().tolist() == [2.0, 2.0, 2.0]
    twice, _ = of_others(own, torch.tensor([[0, 0, 2], [5, 6, 7]]))
    torch.testing.assert_close(twice[0, 0], own[0, 2])  # itself again is no other


def test_people_come_equally_often_and_their_pictures_once_each():
    people = torch.tensor([0] * 9 + [1] * 4 + [2])
    batches = PeopleBatches(torch.zeros(14, 3, 64, 64, dtype=torch.uint8), people, torch.Generator().manual_seed(1))
    for _ in range(5):
        chosen = batches.pick(3)
        assert chosen.shape == (3, PER_PERSON)
        assert sorted(people[chosen[:, 0]].tolist()) == [0, 1, 2]
        for row in chosen:
            own = int((people == people[row[0]]).sum())
            assert len(set(row.tolist())) == min(PER_PERSON, own)
            assert (people[row] == people[row[0]]).all()


@pytest.fixture(scope="module")
def portraits(people) -> torch.Tensor:
    """Cut-out faces of drawn people (N, 3, 64, 64) uint8."""
    place = placement(np.array(list(PLACES.values()), dtype=float))
    faces = [cut(read_image(item.location), place) for item in people]
    return torch.from_numpy(np.stack(faces)).permute(0, 3, 1, 2).contiguous()


def test_faces_are_held_in_few_numbers(portraits):
    shown = portraits.float() / 127.5 - 1
    errors = []
    for numbers in (2, 15):
        eigen = Eigen(numbers=numbers)
        eigen.learn(portraits, mirror=False)
        drawn = eigen.draw(eigen.numbers(shown))
        inside = torch.from_numpy(oval()) > 0.9
        errors.append(float((drawn - shown)[:, :, inside].abs().mean()))
        torch.testing.assert_close(eigen.numbers(drawn), eigen.numbers(shown), atol=0.6, rtol=0.2)
    assert errors[1] < 0.6 * errors[0]  # 15 numbers hold what 16 faces differ in, but for what smaller planes lose
    assert errors[1] < 0.08


def test_versions_are_of_the_same_face_and_every_second_one_is_mirrored(portraits):
    eigen = Eigen(numbers=15)
    eigen.learn(portraits, mirror=True)
    aims, seen = versions(eigen, portraits, torch.Generator().manual_seed(0), mirror=True)
    assert aims.shape == seen.shape == (6, len(portraits), 15)
    sides = [eigen.numbers(side.float() / 127.5 - 1) for side in (portraits, portraits.flip(3))]
    near = [[float((version - side).square().mean()) for side in sides] for version in aims]
    assert all((straight < mirrored) == (k % 2 == 0) for k, (straight, mirrored) in enumerate(near))


def test_what_is_not_drawn_stays_around_the_face_and_as_much_of_it_inside_as_asked():
    rng = np.random.default_rng(0)
    face, before = (rng.uniform(-0.4, 0.4, (FACE, FACE, 3)).astype(np.float32) for _ in range(2))
    whole = np.rint(127.5 * (face + 1)).astype(np.uint8)
    assert np.array_equal(in_place_of(face, before, before, 1.0), whole)  # nothing asked, nothing changed
    none = in_place_of(face, before, before, 0.0)
    assert np.array_equal(none[0], whole[0])
    assert np.abs(none[32, 32] - 127.5 * (before[32, 32] + 1)).max() <= 1
    assert box()[32, 32] == 1.0
    assert box()[0].max() < 0.3


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


def test_emotions_move_their_action_units_together():
    assert (
        [LABELS[place] for place in MOVED["anger"]]
        == list(MADE_OF["anger"])
        == ["brow_lower", "lid_tight", "lip_press"]
    )
    assert sorted(place for places in MOVED.values() for place in places) == list(range(len(LABELS)))


@pytest.fixture(scope="module")
def performers(tmp_path_factory) -> list[Item]:
    """Sixteen people in six pictures each: a face of the person's colour, and a mouth as dark as the jaw is open."""
    folder, rng, items = tmp_path_factory.mktemp("performers"), np.random.default_rng(9), []
    y, x = np.mgrid[0:SIZE, 0:SIZE]
    for person in range(16):
        colour = rng.integers(110, 250, 3)
        for k in range(6):
            pixels = np.full((SIZE, SIZE, 3), rng.integers(20, 60, 3), np.uint8)
            pixels[((x - 24) / 12) ** 2 + ((y - 25) / 16) ** 2 < 1] = colour
            factors = {name: float(rng.uniform()) for name in (*ACTS, *LABELS)}
            opened = float(rng.uniform())
            factors |= dict.fromkeys(("jaw_open", "brow_inner_up", "brow_outer_up"), opened)
            pixels[32:38, 18:31] = (colour * (1 - opened)).astype(np.uint8)
            path = folder / f"{person}-{k}.png"
            write_png(path, pixels)
            items.append(
                Item(
                    id=path.stem,
                    modality=Modality.IMAGE,
                    kind=Kind.REAL,
                    group="t",
                    clusters={"identity": f"p{person}"},
                    facts={"factors": factors, "points": {n: list(p) for n, p in PLACES.items()}},
                    location=path,
                )
            )
    return items


LEARN = {**SMALL, "steps": 250, "batch": 64, "align": "centre"}


def learned(
    name: str, build: Callable[..., Generator], items: list[Item], context: Context, **other: object
) -> Generator:
    system = build(name, **{**LEARN, **other})
    system.fit(FitTask(train=tuple(items)), context)
    return system


def made(system: Generator, context: Context, **given: object) -> np.ndarray:
    (answer,) = system.generate([Request(id="1", seed=0, **given)], context)
    assert isinstance(answer, Artifact), answer
    return answer.media.pixels.astype(float)


def test_a_swap_learns_to_put_strangers_in(build, performers, context):
    system = learned("faceswap", build, performers[:84], context)
    strangers, gains = performers[84:], []
    for target, source in ((strangers[0], strangers[6:]), (strangers[6], strangers[:6])):
        was, whom = (read_image(item.location).astype(float)[20:28, 18:30] for item in (target, source[0]))
        swap = made(system, context, target=target, references=tuple(source))[20:28, 18:30]
        gains.append(1 - np.abs(swap - whom).mean() / np.abs(was - whom).mean())
    assert np.mean(gains) > 0.5  # a face of the source's colour, which the training never saw


@pytest.mark.parametrize("name", ["attributes", "reenactment"])
def test_mouths_open_as_asked_and_the_rest_stays(name, build, performers, context):
    system = learned(name, build, performers[:84], context, steps=1)  # from 84 pictures, straight lines learn most
    stranger, order = performers[84:90], lambda item: item.facts["factors"]["jaw_open"]
    closed, opened = min(stranger, key=order), max(stranger, key=order)
    given = [
        {"attributes": {"surprise": 1.0}} if name == "attributes" else {"driver": opened},
        {"attributes": {"surprise": -1.0}} if name == "attributes" else {"driver": closed},
    ]
    out = [made(system, context, target=target, **ask) for target, ask in zip((closed, opened), given, strict=True)]
    was = [read_image(item.location).astype(float) for item in (closed, opened)]
    assert out[0][33:37, 20:29].mean() < was[0][33:37, 20:29].mean() - 20  # darker: the mouth opens
    assert out[1][33:37, 20:29].mean() > was[1][33:37, 20:29].mean() + 20
    for after, before in zip(out, was, strict=True):
        assert np.abs(after - before)[20:28, 18:30].mean() < 12  # cheeks stay
