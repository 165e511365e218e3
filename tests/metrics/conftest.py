import numpy as np
import pytest

from fauxbench.harness.metrics.base import Evidence, Features


@pytest.fixture
def rng():
    return np.random.default_rng(20240501)


def _features(array, *, clusters=None, key="features", prefix="i"):
    ids = tuple(f"{prefix}{i}" for i in range(len(array)))
    return Features(ids=ids, clusters=tuple(clusters) if clusters is not None else ids, arrays={key: np.asarray(array)})


@pytest.fixture
def features():
    return _features


@pytest.fixture
def two_sets():
    def make(synthetic, real, **more):
        return Evidence(synthetic=_features(synthetic, prefix="s"), real=_features(real, prefix="r"), **more)

    return make
