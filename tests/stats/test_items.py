import numpy as np
import pytest

from fauxbench.harness.stats.classification import METRICS
from fauxbench.harness.stats.items import ALARMS, difference_of, sides
from fauxbench.harness.stats.lines import Question

ASKED = Question(target="visual")


def line(item, score, *, fake, cluster=None, **more):
    base = {"item": item, "fake": score, "visual_fake": fake, "audio_fake": False, "cluster": cluster or item}
    base |= {
        "kind": "fully_synthetic" if fake else "real",
        "status": "ok",
        "reason": None,
        "frames": [],
        "split": "test",
    }
    return base | more


def sets(rng, shift, count=60, prefix="f"):
    real = [
        line(f"r{i}", s, fake=False, cluster=f"p{i // 5}") for i, s in enumerate(np.linspace(0, 0.7, count).tolist())
    ]
    rng = np.random.default_rng(3)
    fake = [line(f"{prefix}{i}", s, fake=True) for i, s in enumerate((rng.uniform(0.3, 0.7, count) + shift).tolist())]
    return [real, fake]


@pytest.mark.parametrize("metric", METRICS)
def test_every_measure_has_its_test(rng, metric):
    a, b = sets(rng, 0.0), sets(rng, 0.3)
    found, test = difference_of(metric, sides(a, b, ASKED), 0.5, np.random.default_rng(0))
    means = {"accuracy", "balanced_accuracy", "recall", "specificity", "log_loss", "brier"}
    assert test == (
        "clustered DeLong" if metric == "auc" else "permutation of clusters" if metric in means else "cluster bootstrap"
    )
    if metric == "specificity":
        assert (found.value, found.p) == (0.0, 1.0)  # the real items are the same
    elif metric not in {"calibration_error"}:
        assert found.p < 0.05
        assert (found.value > 0) == (metric not in {"eer", "log_loss", "brier"})
        assert found.detectable(0.05) > 0


@pytest.mark.parametrize(
    "metric", ["accuracy", "balanced_accuracy", "recall", "specificity", "brier", "log_loss", "auc", "f1", "ap"]
)
def test_means_are_those_of_each_side(rng, metric):
    from fauxbench.harness.stats.classification import Judged, values

    a, b = sets(rng, 0.0), sets(rng, 0.2)
    found, _ = difference_of(metric, sides(a, b, ASKED), 0.5, np.random.default_rng(0))
    for mean, side in zip(found.means, (a, b), strict=True):
        both = [*side[0], *side[1]]
        judged = Judged(
            fake=np.array([one["fake"] for one in both]),
            truth=np.array([one["visual_fake"] for one in both]),
            clusters=tuple(one["cluster"] for one in both),
            blocks=(0,) * len(both),
            threshold=0.5,
        )
        assert mean == pytest.approx(values(judged)[metric], rel=1e-9)


def test_items_that_do_not_pair_are_bootstrapped(rng):
    a, b = sets(rng, 0.0), sets(rng, 0.3, prefix="g")
    together = sides(a, b, ASKED)
    assert (len(together.truth), int(together.both.sum())) == (180, 60)
    found, test = difference_of("recall", together, 0.5, np.random.default_rng(0))
    assert test == "cluster bootstrap"
    assert found.p < 0.01


def test_the_missing_policy_decides_what_is_compared(rng):
    a, b = sets(rng, 0.0), sets(rng, 0.0)
    b[1][0] |= {"status": "error", "fake": None}
    a[1][1] |= {"status": "error", "fake": None}
    counts = {
        missing: int(sides(a, b, Question(target="visual", missing=missing)).truth.sum())
        for missing in ("worst", "exclude", "intersect")
    }
    assert counts == {"worst": 60, "exclude": 60, "intersect": 58}


def test_false_alarms_that_pair_and_that_do_not(rng):
    mine = [line(f"e{i}", 0.6 if i < 20 else 0.1, fake=False, cluster=f"p{i // 5}") for i in range(60)]
    other = [{**one, "fake": 0.1} for one in mine]
    found, test = difference_of(ALARMS, sides([mine], [other], ASKED), 0.5, np.random.default_rng(0))
    assert test == "permutation of clusters"
    assert found.means == (pytest.approx(1 / 3), 0.0)
    apart = [{**one, "item": f"x{one['item']}", "cluster": f"x{one['cluster']}"} for one in other]
    found, test = difference_of(ALARMS, sides([mine], [apart], ASKED), 0.5, np.random.default_rng(0))
    assert test == "cluster bootstrap"
    assert found.means == (pytest.approx(1 / 3), 0.0)


def test_two_people_in_one_picture_are_both_kept_whole(rng):
    a = [[line(f"r{i}", 0.2 + 0.01 * (i % 7), fake=False, cluster=f"p{i % 12}") for i in range(60)]]
    pairs = [[f"p{i % 12}", f"p{(i * 5 + 1) % 12}"] for i in range(60)]
    a.append([line(f"f{i}", 0.3 + 0.005 * i, fake=True, cluster=pairs[i]) for i in range(60)])
    b = [a[0], [{**one, "fake": one["fake"] + 0.02 * (i % 3)} for i, one in enumerate(a[1])]]
    found, _ = difference_of("accuracy", sides(a, b, ASKED), 0.5, np.random.default_rng(0))
    assert "two-way variance" in str(found.remark)
    assert found.blocks == 12


def test_a_planted_difference_of_detectors_is_found_and_the_null_is_not():
    """The bootstrap of F1: false findings near 5 %, held against 10 % with 60 draws."""
    found = 0
    for draw in range(60):
        rng = np.random.default_rng(draw)
        real = [
            line(f"r{i}", s, fake=False, cluster=f"p{i // 4}") for i, s in enumerate(rng.uniform(0, 0.7, 60).tolist())
        ]
        a, b = (
            [real, [line(f"{name}{i}", s, fake=True) for i, s in enumerate(rng.uniform(0.3, 1.0, 60).tolist())]]
            for name in "ab"
        )
        found += difference_of("f1", sides(a, b, ASKED), 0.5, np.random.default_rng(0))[0].p < 0.05
    assert found <= 8
