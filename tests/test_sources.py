import json
import subprocess
import sys

import pytest

from fauxbench.harness.instruments import instrument_cards
from fauxbench.harness.metrics import metric_cards
from fauxbench.harness.sources import HARNESS, PLUMBING, reached


def names(*places):
    return {file.relative_to(HARNESS).as_posix() for file in reached(HARNESS / place for place in places)}


def test_what_is_imported_inside_functions_and_further_down_is_reached():
    found = names("metrics/audio.py")
    assert {"metrics/audio_pitch.py", "metrics/audio_signal.py", "instruments/logmel.py", "stats/intervals.py"} <= found
    assert {"instruments/logmel.py", "instruments/syncing.py"} <= names("instruments/mouth_pixels.py")
    assert {"media/read.py", "media/images.py", "media/clips.py"} <= names("execute/steps/measures.py")


def test_plumbing_is_there_and_is_not_reached():
    assert all((HARNESS / place).is_file() for place in PLUMBING)
    assert not names("execute/steps/measures.py") & PLUMBING


LOADED = """
import importlib, json, sys
importlib.import_module("fauxbench.harness." + sys.argv[1])
print(json.dumps([name for name in sys.modules if name.startswith("fauxbench.harness.")]))
"""
PARTS = {f"metrics.{c.entry.partition(':')[0]}" for c in metric_cards().values()}
PARTS |= {f"instruments.{c.entry.partition(':')[0]}" for c in instrument_cards().values()}


@pytest.mark.slow
@pytest.mark.parametrize("part", sorted(PARTS))
def test_whatever_python_loads_for_a_part_is_in_its_identity(part):
    ran = subprocess.run([sys.executable, "-c", LOADED, part], capture_output=True, text=True, check=True)
    kinds = ("metrics/", "stats/", "instruments/", "media/")
    loaded = [name.removeprefix("fauxbench.harness.").replace(".", "/") + ".py" for name in json.loads(ran.stdout)]
    wanted = {name for name in loaded if name.startswith(kinds) and (HARNESS / name).is_file()}
    assert wanted <= names(part.replace(".", "/") + ".py") | PLUMBING
