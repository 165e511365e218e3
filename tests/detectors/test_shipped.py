import json

import numpy as np
import pytest

from fauxbench import Context
from fauxbench.harness.canonical import digest_of_file
from fauxbench.harness.detect import detect
from fauxbench.harness.media.images import write_png
from fauxbench.harness.registry import DETECTORS
from fauxbench.harness.training import detectors as recipe

SHIPPED = sorted(name for name, part in DETECTORS.all().items() if part.card.weights)
LARGEST = 1_000_000


def test_the_usual_detector_comes_trained():
    assert {"cnn", "spectrum"} <= set(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_weights_are_those_of_the_card_and_say_where_they_come_from(name):
    part = DETECTORS.find(name, DETECTORS.all()[name].folder)
    files = {file.name: file for file in (part.folder / "weights").iterdir()}
    assert {n: digest_of_file(file) for n, file in files.items()} == part.card.weights
    assert sum(file.stat().st_size for file in files.values()) < LARGEST
    about = json.loads(files["config.json"].read_text())
    assert about["recipe"] == recipe.RECIPE
    assert about["measured"]["auc"] > 0.9
    assert set(about["learned_from"]["real"]) > {"studio"}


@pytest.mark.parametrize("name", SHIPPED)
def test_it_passes_a_portrait_of_somebody_new_and_says_what_it_rests_on(name, tmp_path):
    from fauxbench.harness.datasets.studio.recipe import StudioRecipe, render_pictures

    for place, picture in enumerate(render_pictures(StudioRecipe(people=6, per_person=1, size=64, seed=123))):
        write_png(tmp_path / f"{place}.png", np.ascontiguousarray(picture.pixels))
    trained, found = detect(tmp_path, with_=name)
    assert trained.source == "comes with fauxbench"
    assert "dcgan" in trained.learned
    assert np.mean([one.called_fake for one in found]) <= 0.5


def test_installing_writes_digests_once(tmp_path, context: Context):
    class Made:
        def save(self, folder):
            folder.mkdir(exist_ok=True)
            (folder / "config.json").write_text("{}")

    (tmp_path / "card.toml").write_text('name = "x"\n\n[parameters.a]\ndefault = 1\n')
    for _ in range(2):
        recipe.install(Made(), tmp_path, {"auc": 0.9})
    text = (tmp_path / "card.toml").read_text()
    assert text.count("[weights]") == 1
    assert digest_of_file(tmp_path / "weights" / "config.json") in text
    assert "[parameters.a]\ndefault = 1\n" in text
