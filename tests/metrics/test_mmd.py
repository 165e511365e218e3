import numpy as np
import pytest

from fauxbench import InputError, cmmd
from fauxbench.harness.metrics import kernel, load_metric, metric_card
from fauxbench.harness.metrics.base import Evidence


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def by_definition(a, b):
    a, b = unit(a), unit(b)

    def mean(x, y):
        return np.exp(-((x[:, None] - y[None]) ** 2).sum(2) / 200).mean()

    return 1000 * (mean(a, a) + mean(b, b) - 2 * mean(a, b))


@pytest.mark.parametrize("chunk", [2048, 7])
def test_is_the_definition(rng, monkeypatch, chunk):
    monkeypatch.setattr(kernel, "CHUNK", chunk)
    a, b = rng.normal(0.3, 1, size=(40, 16)), rng.normal(size=(25, 16))
    assert cmmd(a, b) == pytest.approx(by_definition(a, b), rel=1e-9)
    assert cmmd(a, b) == pytest.approx(cmmd(b, a), rel=1e-12)
    assert cmmd(3 * a, b) == pytest.approx(cmmd(a, b), rel=1e-12)  # length does not count
    assert cmmd(a, a) == pytest.approx(0, abs=1e-11)


@pytest.mark.parametrize("shift", [0.01, 0.1, 0.5])
def test_is_ten_times_the_squared_distance_of_the_means_to_about_one_percent(rng, shift):
    a, b = unit(rng.normal(0.5 + shift, 1, size=(400, 64))), unit(rng.normal(0.5, 1, size=(300, 64)))
    shortcut = 10 * np.sum((a.mean(0) - b.mean(0)) ** 2)
    assert cmmd(a, b) == pytest.approx(shortcut, rel=0.015)
    assert cmmd(a, b) != pytest.approx(shortcut, rel=1e-6)


def test_rows_of_zeros_and_other_widths_are_refused(rng, two_sets):
    a = rng.normal(size=(9, 4))
    with pytest.raises(InputError, match="found 1 rows of zeros"):
        cmmd(np.vstack([a, np.zeros(4)]), a)
    with pytest.raises(InputError, match="a has 4 columns, b has 3"):
        cmmd(a, a[:, :3])
    assert "rows of zeros" in load_metric("mmd").measure(two_sets(np.zeros((9, 4)), a)).reason


def test_metric_replicates_leave_one_block_out(rng, features):
    a, b = rng.normal(0.5, 1, size=(60, 6)), rng.normal(size=(44, 6))
    given = Evidence(
        synthetic=features(a, clusters=[f"s{i // 6}" for i in range(60)]),
        real=features(b, clusters=[f"r{i // 4}" for i in range(44)]),
    )
    found, both = load_metric("mmd").measure(given), kernel.both_sets(given)
    assert found.value == pytest.approx(by_definition(a, b), rel=1e-9)
    for j in range(both.blocks):
        direct = by_definition(a[both.synthetic.block != j], b[both.real.block != j])
        assert found.replicates[j] == pytest.approx(direct, rel=1e-9), j
    assert found.interval.about == "population"


@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_population_value_is_covered(rng, two_sets, shift):
    def draw(n):
        return rng.normal(1 + shift, 1, size=(n, 6)), rng.normal(1, 1, size=(n, 6))

    large = [unit(x).mean(0) for x in draw(200_000)]
    truth = 10 * np.sum((large[0] - large[1]) ** 2) if shift else 0.0
    metric = load_metric("mmd")
    found = [metric.measure(two_sets(*draw(150))) for _ in range(60)]
    assert np.mean([f.interval.low <= truth <= f.interval.high for f in found]) >= 0.9


def test_too_few_clusters_give_no_interval(rng, features):
    a = features(rng.normal(size=(20, 4)), clusters=["x", "y"] * 10)
    found = load_metric("mmd").measure(Evidence(synthetic=a, real=a))
    assert found.value == pytest.approx(0, abs=1e-11)
    assert found.interval is None


def test_only_clip_gives_the_published_name():
    assert metric_card("mmd").shown_as("clip-vitl14-336") == "cmmd"
    assert metric_card("mmd").shown_as("spectrum") == "mmd[spectrum]"
