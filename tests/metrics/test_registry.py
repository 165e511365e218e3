import subprocess
import sys

import pytest

from fauxbench.harness.canonical import canonical
from fauxbench.harness.errors import InputError
from fauxbench.harness.metrics import load_metric, metric_card, metric_cards
from fauxbench.harness.metrics.base import Metric


@pytest.mark.parametrize("name", metric_cards())
def test_every_metric_loads_and_carries_its_card(name):
    metric = load_metric(name)
    assert isinstance(metric, Metric)
    assert metric.card is metric_card(name)
    assert metric.card.reference
    assert canonical(metric.card.model_dump())


def test_unknown_name_gets_a_suggestion():
    with pytest.raises(InputError, match="did you mean 'ssim'"):
        metric_card("sim")


def test_names_are_honest():
    assert metric_card("fd").shown_as("inception-2015") == "fid"
    assert metric_card("fd").shown_as("spectrum") == "fd[spectrum]"
    assert metric_card("ssim").shown_as(None) == "ssim"


def test_cards_are_read_without_numpy_and_torch():
    code = (
        "import sys; from fauxbench.harness.metrics import metric_cards; "
        "from fauxbench.harness.instruments import instrument_cards, instrument_fingerprint; "
        "[instrument_fingerprint(c) for c in instrument_cards().values()]; metric_cards(); "
        "print(sorted({'torch', 'cv2', 'scipy', 'numpy', 'PIL'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert out.stdout.strip() == "[]"
