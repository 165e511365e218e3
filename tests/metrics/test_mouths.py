import numpy as np
import pytest

from fauxbench.harness.instruments.syncing import lag
from fauxbench.harness.metrics import load_metric
from fauxbench.harness.metrics.base import Evidence, Features


def clips(together: list[float], lags: list[float] | None = None, name: str = "c") -> Features:
    arrays = {"together": np.array(together, np.float32)[:, None], "lag": np.array(lags or together)[:, None]}
    ids = tuple(f"{name}{k}" for k in range(len(together)))
    return Features(ids=ids, clusters=ids, arrays=arrays)


@pytest.mark.parametrize("moved", [-7, -1, 0, 3, 10])
def test_the_lag_is_what_the_sound_was_moved_by(moved: int) -> None:
    rng = np.random.default_rng(3)
    mouth = np.convolve(rng.normal(size=160), np.ones(3), "same")
    level = np.roll(mouth, moved) * 5 - 30  # later by `moved` frames
    level += rng.normal(size=160)
    assert lag(mouth, level, np.ones(160, bool)) == moved


def test_a_frozen_mouth_has_no_lag_and_silence_none_at_all() -> None:
    level = np.random.default_rng(0).normal(size=60)
    assert lag(np.zeros(60), level, np.ones(60, bool)) == 0
    assert np.isnan(lag(level, level, np.zeros(60, bool)))


def test_mouth_error_is_low_for_true_and_high_for_frozen_and_strange_mouths() -> None:
    rng = np.random.default_rng(1)
    real = clips((0.5 + 0.1 * rng.normal(size=200)).tolist())
    metric = load_metric("mouth_error")
    told = {
        "true": metric.measure(Evidence(synthetic=clips((0.5 + 0.1 * rng.normal(size=200)).tolist()), real=real)),
        "frozen": metric.measure(Evidence(synthetic=clips([0.0] * 40), real=real)),
    }
    assert told["true"].value == pytest.approx(0.05, abs=0.04)
    assert told["frozen"].value == 1
    assert told["frozen"].interval is not None
    assert told["frozen"].interval.low > 0.8
    assert set(told["frozen"].items.values()) == {1.0}
    assert any("wrong below a correlation of 0.3" in flag for flag in told["true"].flags)


@pytest.mark.parametrize(
    ("real", "why"), [([0.5] * 3, "3 items, at least 8"), ([-0.1, 0.2] * 5, "tells nothing of them")]
)
def test_mouth_error_says_why_it_says_nothing(real: list[float], why: str) -> None:
    found = load_metric("mouth_error").measure(Evidence(synthetic=clips([0.1] * 3), real=clips(real)))
    assert found.value is None
    assert why in str(found.reason)


def test_mouth_lag_has_no_sign() -> None:
    found = load_metric("mouth_lag").measure(Evidence(synthetic=clips([0, 0, 0], [-2.0, 2.0, 5.0])))
    assert found.value == pytest.approx(3)
