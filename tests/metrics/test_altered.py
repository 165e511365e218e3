import numpy as np
import pytest

from fauxbench.harness.cards import InstrumentCard
from fauxbench.harness.datasets.studio.factors import STATE
from fauxbench.harness.datasets.studio.perfect import EXPRESSION as STUDIO_EXPRESSION
from fauxbench.harness.metrics import load_metric
from fauxbench.harness.metrics.altered import EXPRESSION, equal_error_threshold
from fauxbench.harness.metrics.base import Evidence, Features, Link, Pair

COLUMNS = ("yaw", "smile", "jaw_open")


def directions(rng: np.random.Generator, people: int, each: int, spread: float) -> tuple[list[str], np.ndarray]:
    middle = rng.normal(size=(people, 16))
    names = [f"p{k}" for k in range(people) for _ in range(each)]
    vectors = np.repeat(middle, each, 0) + spread * rng.normal(size=(people * each, 16))
    return names, (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def pictures(names: list[str], vectors: np.ndarray, prefix: str) -> Features:
    ids = tuple(f"{prefix}{k}" for k in range(len(names)))
    return Features(ids=ids, clusters=tuple(names), arrays={"identity": vectors})


@pytest.fixture
def people(rng: np.random.Generator) -> tuple[Features, Features]:
    real = pictures(*directions(rng, 6, 4, 0.3), "r")
    other = pictures(*directions(rng, 8, 4, 0.3), "v")
    return real, other


def swapped(real: Features, rows: list[int], person: str) -> Evidence:
    found = Features(
        ids=tuple(f"s{k}" for k in range(len(rows))),
        clusters=("t",) * len(rows),
        arrays={"identity": real.arrays["identity"][rows]},
    )
    links = tuple(Link(name, f"c{k}", "r0", person) for k, name in enumerate(found.ids))
    return Evidence(synthetic=found, real=real, links=links)


def test_whoever_looks_like_the_source_is_accepted_and_nobody_else(people) -> None:
    real, other = people
    metric = load_metric("identity_match")
    rows = [k for k, name in enumerate(real.clusters) if name == "p2"]
    good, bad = (swapped(real, rows, person) for person in ("p2", "p3"))
    for evidence, wanted in ((good, 1.0), (bad, 0.0)):
        asked = Evidence(synthetic=evidence.synthetic, real=real, unseen=other, links=evidence.links)
        assert metric.measure(asked).value == wanted
    fallen_back = Evidence(synthetic=good.synthetic, real=real, fit=other, links=good.links)
    assert metric.measure(fallen_back).value == 1.0
    assert metric.measure(good).reason.startswith("no threshold")


def test_the_altered_picture_itself_is_no_evidence_of_its_person(people) -> None:
    real, other = people
    alone = real.take(np.array([0, 4, 5, 6, 7]))  # p0 has one picture, the target
    evidence = swapped(real, [0], None)
    asked = Evidence(synthetic=evidence.synthetic, real=alone, unseen=other, links=(Link("s0", "p0", "r0"),))
    found = load_metric("identity_match").measure(asked)
    assert found.value is None
    assert found.failures == {"no other picture of the person": 1}


def test_the_threshold_lies_where_both_errors_are_equal(rng) -> None:
    genuine, impostor = rng.normal(2, 1, 4000), rng.normal(0, 1, 4000)
    assert equal_error_threshold(genuine, impostor) == pytest.approx(1.0, abs=0.1)
    assert equal_error_threshold(np.array([0.9, 0.8]), np.array([0.1, 0.2])) == pytest.approx(0.8)


def factors(rows: list[list[float]], prefix: str) -> Features:
    ids = tuple(f"{prefix}{k}" for k in range(len(rows)))
    arrays = {"factors": np.array(rows, dtype=np.float32)}
    return Features(ids=ids, clusters=ids, arrays=arrays, columns=COLUMNS)


def test_expression_error_is_one_for_the_perfect_result_and_knows_no_pose() -> None:
    truth = factors([[0, 0.1, 0.0], [0, 0.9, 0.5], [0, 0.5, 0.9]], "s")
    wanted = [{"smile": 0.0, "jaw_open": 0.1}, {"smile": 1.0, "jaw_open": 0.4}, {"smile": 0.5, "jaw_open": 1.0}]
    wanted = [{**dict.fromkeys(EXPRESSION, 0.0), **one} for one in wanted]
    links = tuple(Link(f"s{k}", f"c{k}", "r", after=after) for k, after in enumerate(wanted))
    metric = load_metric("expression_error")
    turned = factors([[40, *row[1:]] for row in truth.arrays["factors"].tolist()], "s")
    for found in (truth, turned):
        assert metric.measure(Evidence(synthetic=found, truth=truth, links=links)).value == pytest.approx(1.0)
    worse = factors([[0, 0.2, 0.1], [0, 0.8, 0.6], [0, 0.5, 0.8]], "s")
    by_hand = metric.measure(Evidence(synthetic=worse, truth=truth, links=links))
    spread = np.array([[one["smile"], one["jaw_open"]] for one in wanted]).std(0)
    off, floor = (
        np.mean(np.abs(one.arrays["factors"][:, 1:] - [[w["smile"], w["jaw_open"]] for w in wanted]) / spread)
        for one in (worse, truth)
    )
    assert by_hand.value == pytest.approx(off / floor)
    assert metric.measure(Evidence(synthetic=worse, links=links)).value is None


def test_an_attribute_is_hit_from_half_way_on_along_what_was_asked() -> None:
    real = factors([[0, 0.0, 0.0], [0, 1.0, 0.0], [10, 0.5, 1.0]], "r")
    truth = factors([[0, 0.8, 0.0]] * 4, "s")
    found = factors([[0, 0.5, 0.0], [0, 0.3, 0.0], [0, 0.0, 1.0], [0, 0.8, 0.0]], "s")
    links = [Link(f"s{k}", "c", "r0", before={"smile": 0.0}, after={"smile": 0.9}) for k in range(3)]
    links.append(Link("s3", "c", "r0", before={"smile": 0.88}, after={"smile": 0.9}))  # there already
    told = load_metric("attribute_hit").measure(Evidence(synthetic=found, real=real, truth=truth, links=tuple(links)))
    assert dict(told.items) == {"s0": 1.0, "s1": 0.0, "s2": 0.0}
    assert told.failures == {"shown already, or not seen": 1}


def test_truth_gain_is_one_for_the_truth_none_for_the_target_and_less_for_worse() -> None:
    target, truth = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 100, np.uint8)
    shown = {"done": truth, "half": truth // 2, "none": target, "worse": None, "unknown": target}
    truths = dict.fromkeys(shown, truth) | {"unknown": None}
    target_of = dict.fromkeys(shown, target) | {"worse": np.full((8, 8, 3), 80, np.uint8)}
    shown["worse"] = np.zeros((8, 8, 3), np.uint8)
    pairs = [
        Pair(id=name, cluster=name, synthetic=one, real=target_of[name], truth=truths[name])
        for name, one in shown.items()
    ]
    told = load_metric("truth_gain").measure(Evidence(pairs=iter(pairs)))
    assert dict(told.items) == pytest.approx({"done": 1.0, "half": 0.5, "none": 0.0, "worse": -4.0})
    assert told.failures == {"no perfect result, or nothing to change": 1}


def test_the_action_units_are_the_studios() -> None:
    assert set(EXPRESSION) == set(STUDIO_EXPRESSION) == {f.name for f in STATE} - {"yaw", "pitch", "roll", "tongue"}


def test_a_network_with_random_weights_goes_all_the_way(tmp_path, rng) -> None:
    import torch

    from fauxbench.harness.instruments.studio_face import FaceNet, StudioFace
    from fauxbench.harness.training.face import FACTORS, about
    from fauxbench.harness.training.runtime import save_weights

    torch.manual_seed(1)
    save_weights(FaceNet(len(FACTORS), 0.3), tmp_path / "w", about(0.3))
    card = InstrumentCard(name="studio-face", version="1", title="t", entry="", purpose=("identity",))
    instrument = StudioFace(card, tmp_path / "w")

    def read(prefix: str, count: int) -> Features:
        told = instrument.extract(rng.integers(0, 256, (count, 48, 48, 3), dtype=np.uint8))
        ids = tuple(f"{prefix}{k}" for k in range(count))
        clusters = tuple(f"p{k // 2}" for k in range(count))
        return Features(ids=ids, clusters=clusters, arrays=told, columns=instrument.factor_names)

    real, unseen, made, truth = read("r", 8), read("v", 8), read("s", 6), read("s", 6)
    before, after = dict.fromkeys(EXPRESSION, 0.0), dict.fromkeys(EXPRESSION, 0.5)
    links = tuple(Link(f"s{k}", f"p{k % 4}", f"r{k}", "p1", before, after) for k in range(6))
    evidence = Evidence(synthetic=made, real=real, unseen=unseen, truth=truth, links=links)
    assert 0 <= load_metric("identity_match").measure(evidence).value <= 1
    assert load_metric("expression_error").measure(evidence).value > 0
    load_metric("attribute_hit").measure(evidence)  # random weights may see no edit at all
