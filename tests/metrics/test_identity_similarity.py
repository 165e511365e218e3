import numpy as np
import pytest

from fauxbench.harness.metrics import load_metric
from fauxbench.harness.metrics.base import Evidence, Features, Link


def people(names, rows):
    return Features(ids=tuple(names), clusters=tuple(names), arrays={"identity": np.asarray(rows, dtype=np.float32)})


def test_a_face_is_compared_with_the_one_it_was_made_from():
    real = people(["r/0", "r/1", "r/2"], [[1, 0], [0, 1], [1, 0]])
    made = people(["s/0", "s/1"], [[1, 1], [0, -2]])
    links = (Link("s/0", "r/0", "r/0"), Link("s/1", "r/1", "r/1"), Link("s/2", "r/2", "r/2"))
    found = load_metric("identity_similarity").measure(Evidence(synthetic=made, real=real, links=links))
    assert dict(found.items) == pytest.approx({"s/0": np.sqrt(0.5), "s/1": -1.0})
    assert found.value == pytest.approx((np.sqrt(0.5) - 1) / 2)
    assert found.n == 2
    assert sum(found.failures.values()) == 1
    assert "s/2: no vector of the synthetic item" in found.flags[-1]
