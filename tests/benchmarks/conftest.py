import time
import warnings

import pytest


@pytest.fixture
def race(benchmark, capsys):
    """Return a function that times us and a peer in turns, in one run, and checks the ratio of the best times."""

    def run(name, ours, theirs, at_least, *, rounds=3):
        best = []
        for function in (ours, *(theirs, ours) * rounds):  # our first call pays for imports, as the peer's own does
            began = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                function()
            best.append((function is ours, time.perf_counter() - began))
        mine, other = (min(span for own, span in best if own is which) for which in (True, False))
        benchmark.extra_info |= {"ours": mine, "theirs": other, "ratio": other / mine}
        benchmark.pedantic(lambda: None, rounds=1)
        with capsys.disabled():
            print(f"\n{name}: {mine:.4g} s, peer {other:.4g} s, ratio {other / mine:.1f}, at least {at_least}")  # noqa: T201
        assert other / mine >= at_least

    return run
