import dataclasses
import json

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score

from fauxbench.detectors._training import auc, best_threshold
from fauxbench.harness.media.images import read_image, resize, write_png

from .conftest import DETECTORS, QUICK, build, item

pytestmark = pytest.mark.parametrize("name", DETECTORS)


def scores_of(detector, items, context):
    return {record.item: record.fake for record in detector.score(items, context)}


def truth_of(items):
    return np.array([i.visual_fake for i in items])


def test_it_learns_what_can_be_learned(name, fitted, easy, context):
    scores = np.array(list(scores_of(fitted(name), easy[2], context).values()))
    assert auc(scores, truth_of(easy[2])) > 0.95
    assert balanced_accuracy_score(truth_of(easy[2]), scores >= fitted(name).threshold) > 0.85


def test_it_is_near_chance_where_there_is_nothing_to_learn(name, hopeless, context):
    detector = build(name, **QUICK[name])
    detector.fit(hopeless[0], hopeless[1], context)
    scores = np.array(list(scores_of(detector, hopeless[2], context).values()))
    assert 0.35 < auc(scores, truth_of(hopeless[2])) < 0.65  # three standard errors of 60 against 60


def test_scores_come_in_order_and_depend_on_the_item_alone(name, fitted, easy, context):
    items = easy[2][:41]  # more than a batch
    together = scores_of(fitted(name), items, context)
    assert list(together) == [i.id for i in items]
    assert all(0.0 <= score <= 1.0 for score in together.values())
    shuffled = [items[i] for i in np.random.default_rng(0).permutation(len(items))]
    assert scores_of(fitted(name), shuffled, context) == together
    for part in (items[40:], items[7:9], items[30:35]):
        assert scores_of(fitted(name), part, context) == {i.id: together[i.id] for i in part}
    assert list(fitted(name).score([], context)) == []


def test_what_cannot_be_read_is_an_error_and_the_rest_goes_on(name, fitted, easy, context, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_text("text")
    items = [item("bad", bad), easy[2][0], item("gone", None), item("lost", tmp_path / "lost.png"), easy[2][1]]
    records = list(fitted(name).score(items, context))
    assert [r.item for r in records] == [i.id for i in items]
    assert [r.status for r in records] == ["error", "ok", "missing", "error", "ok"]
    assert str(bad) in records[0].reason
    assert records[0].fake is None
    assert [r.status for r in fitted(name).score(items[:1], context)] == ["error"]


def test_pictures_of_any_size_are_scored(name, fitted, easy, context, tmp_path):
    pixels = read_image(easy[2][0].location)
    items = []
    for i, (width, height) in enumerate([(1, 1), (200, 40), (33, 97)]):
        write_png(tmp_path / f"{i}.png", resize(pixels, width, height))
        items.append(item(str(i), tmp_path / f"{i}.png"))
    assert [r.status for r in fitted(name).score(items, context)] == ["ok"] * 3


def test_saved_and_loaded_it_gives_the_same_bits(name, fitted, easy, context, tmp_path):
    fitted(name).save(tmp_path / "w")
    assert {p.name for p in (tmp_path / "w").iterdir()} == {"weights.safetensors", "config.json"}
    loaded = build(name)  # what was saved counts, not the parameters of the one that loads
    loaded.load(tmp_path / "w")
    assert scores_of(loaded, easy[2], context) == scores_of(fitted(name), easy[2], context)
    assert loaded.threshold == fitted(name).threshold
    config = json.loads((tmp_path / "w" / "config.json").read_text())
    assert config["chosen_on"] == "validation"
    assert config["threshold"] == loaded.threshold


def test_training_repeats_to_the_bit_and_leaves_the_global_generator_alone(name, easy, context):
    found = []
    for global_seed, seed in ((1, 7), (2, 7), (2, 8)):
        torch.manual_seed(global_seed)
        before = torch.random.get_rng_state()
        detector = build(name, **{**QUICK[name], "steps": 4})
        detector.fit(easy[0], easy[1], dataclasses.replace(context, seed=seed))
        assert torch.equal(before, torch.random.get_rng_state())
        found.append(scores_of(detector, easy[2][:5], context))
    assert found[0] == found[1] != found[2]


def test_the_threshold_is_the_best_one_of_validation(name, fitted, easy, context):
    scores = np.array(list(scores_of(fitted(name), easy[1], context).values()))
    assert fitted(name).threshold == best_threshold(scores, truth_of(easy[1]))


def test_validation_chooses_and_never_teaches(name, easy, context, tmp_path):
    swapped = [dataclasses.replace(i, visual_fake=not i.visual_fake) for i in easy[1]]
    one_check = {**QUICK[name], "steps": 10, "checks": 1}
    weights = []
    for i, validation in enumerate((easy[1], swapped, easy[2])):
        detector = build(name, **one_check)
        detector.fit(easy[0], validation, context)
        detector.save(tmp_path / str(i))
        weights.append((tmp_path / str(i) / "weights.safetensors").read_bytes())
    assert weights[0] == weights[1] == weights[2]


def test_both_classes_are_needed_on_both_sides(name, easy, context):
    real = [i for i in easy[0] if not i.visual_fake]
    with pytest.raises(ValueError, match=f"{name}: train holds 40 real and 0 fake"):
        build(name, **QUICK[name]).fit(real, easy[1], context)
    with pytest.raises(ValueError, match="validation holds 0 real and 0 fake"):
        build(name, **QUICK[name]).fit(easy[0], [], context)
    with pytest.raises(ValueError, match="validation holds 15 real and 0 fake"):
        build(name, **QUICK[name]).fit(easy[0], [i for i in easy[1] if not i.visual_fake], context)


def test_progress_rises_to_one(name, easy, context):
    told = []
    watched = dataclasses.replace(context, progress=lambda fraction, message: told.append(fraction))
    build(name, **{**QUICK[name], "steps": 5}).fit(easy[0], easy[1], watched)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_detector_without_training_says_so(name, easy, context):
    from fauxbench import InputError

    with pytest.raises(InputError, match="fit or load"):
        list(build(name).score(easy[2], context))
