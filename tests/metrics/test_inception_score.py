import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fauxbench.harness.errors import InputError
from fauxbench.harness.metrics import load_metric
from fauxbench.harness.metrics.base import Evidence
from fauxbench.harness.metrics.inception_score import inception_score


def test_uniform_answers_give_1():
    value, values = inception_score(np.full((200, 1008), 3.5))
    assert value == pytest.approx(1, abs=1e-12)
    assert values.shape == (10,)


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_certain_balanced_answers_give_the_number_of_classes(classes):
    logits = 1e4 * np.eye(classes)[np.arange(classes * 20) % classes]
    assert inception_score(logits)[0] == pytest.approx(classes, rel=1e-9)


def test_one_class_alone_gives_1():
    assert inception_score(1e4 * np.eye(10)[np.zeros(50, dtype=int)])[0] == pytest.approx(1)


def test_is_the_formula(rng):
    logits = rng.normal(0, 3, size=(107, 12)).astype(np.float32)
    order = rng.permutation(107)
    expected = []
    for i in range(10):
        part = logits[order][i * 107 // 10 : (i + 1) * 107 // 10].astype(np.float64)
        p = np.exp(part) / np.exp(part).sum(1, keepdims=True)
        expected.append(np.exp(np.mean(np.sum(p * (np.log(p) - np.log(p.mean(0))), axis=1))))
    value, values = inception_score(logits, order=order)
    np.testing.assert_allclose(values, expected, rtol=1e-10)
    assert value == pytest.approx(np.mean(expected), rel=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.integers(10, 40), st.integers(1, 15), st.floats(0, 50), st.integers(0, 2**31))
def test_lies_between_1_and_the_number_of_classes(n, classes, spread, seed):
    logits = np.random.default_rng(seed).normal(0, spread, size=(n, classes))
    value, _ = inception_score(logits)
    assert 1 - 1e-9 <= value <= classes + 1e-9
    assert inception_score(logits + 7.0)[0] == pytest.approx(value, rel=1e-9)


def test_too_few_items_are_refused(rng):
    with pytest.raises(InputError, match="at least 10 rows"):
        inception_score(rng.normal(size=(9, 5)))


def test_metric(rng, features):
    logits = rng.normal(0, 2, size=(300, 20))
    evidence = Evidence(synthetic=features(logits, key="logits"), seed=5)
    found = load_metric("is").measure(evidence)
    assert found == load_metric("is").measure(evidence)
    assert found.interval.about == "at-n"
    assert found.interval.low < found.value < found.interval.high
    assert "n below 5000" in found.flags
    assert "at least 10" in load_metric("is").measure(Evidence(synthetic=features(logits[:9], key="logits"))).reason
    assert "no logits" in load_metric("is").measure(Evidence(synthetic=features(logits))).reason


def test_expectation_at_n_is_covered(rng, features):
    def draw():
        return rng.normal(0, 2, size=(200, 8))

    metric = load_metric("is")
    truth = np.mean([inception_score(draw())[0] for _ in range(400)])
    found = [metric.measure(Evidence(synthetic=features(draw(), key="logits"))).interval for _ in range(150)]
    assert np.mean([i.low <= truth <= i.high for i in found]) >= 0.91
