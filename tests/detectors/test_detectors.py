import dataclasses
import json

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score

from fauxbench.detectors._choice import auc, best_threshold, is_fake
from fauxbench.harness.media.images import read_image, resize, write_png

from .conftest import DETECTORS, NETWORKS, PICTURES, QUICK, SORT, blob, build, checkerboard, item, write_clip

every = pytest.mark.parametrize("name", DETECTORS)
networks = pytest.mark.parametrize("name", NETWORKS)
pictures = pytest.mark.parametrize("name", PICTURES)

SUFFIX = {"image": "png", "video": "mp4", "audio": "wav"}


def scores_of(detector, items, context):
    return {record.item: record.fake for record in detector.score(items, context)}


def truth_of(items):
    return np.array([is_fake(i, "any") for i in items])


@every
def test_it_learns_what_can_be_learned(name, fitted, easy, context):
    scores = np.array(list(scores_of(fitted(name), easy[2], context).values()))
    assert auc(scores, truth_of(easy[2])) > 0.95
    assert balanced_accuracy_score(truth_of(easy[2]), scores >= fitted(name).threshold) > 0.85


@pictures
def test_it_is_near_chance_where_there_is_nothing_to_learn(name, hopeless, context):
    detector = build(name, **QUICK[name])
    detector.fit(hopeless[0], hopeless[1], context)
    scores = np.array(list(scores_of(detector, hopeless[2], context).values()))
    assert 0.35 < auc(scores, truth_of(hopeless[2])) < 0.65  # three standard errors of 60 against 60


@every
def test_scores_come_in_order_and_depend_on_the_item_alone(name, fitted, easy, context):
    items = easy[2][:41]
    together = scores_of(fitted(name), items, context)
    assert list(together) == [i.id for i in items]
    assert all(0.0 <= score <= 1.0 for score in together.values())
    shuffled = [items[i] for i in np.random.default_rng(0).permutation(len(items))]
    assert scores_of(fitted(name), shuffled, context) == together
    for part in (items[-1:], items[7:9], items[10:15]):
        assert scores_of(fitted(name), part, context) == {i.id: together[i.id] for i in part}
    assert list(fitted(name).score([], context)) == []


@every
def test_what_cannot_be_read_is_an_error_and_the_rest_goes_on(name, fitted, easy, context, tmp_path):
    bad, lost = (tmp_path / f"{word}.{SUFFIX[SORT[name]]}" for word in ("bad", "lost"))
    bad.write_text("text")
    paths = {"bad": bad, "gone": None, "lost": lost}
    strange = {word: item(word, path, modality=SORT[name]) for word, path in paths.items()}
    items = [strange["bad"], easy[2][0], strange["gone"], strange["lost"], easy[2][1]]
    records = list(fitted(name).score(items, context))
    assert [r.item for r in records] == [i.id for i in items]
    assert [r.status for r in records] == ["error", "ok", "missing", "error", "ok"]
    assert str(bad) in records[0].reason
    assert records[0].fake is None
    assert [r.status for r in fitted(name).score(items[:1], context)] == ["error"]


@pictures
def test_pictures_of_any_size_are_scored(name, fitted, easy, context, tmp_path):
    pixels = read_image(easy[2][0].location)
    items = []
    for i, (width, height) in enumerate([(1, 1), (200, 40), (33, 97)]):
        write_png(tmp_path / f"{i}.png", resize(pixels, width, height))
        items.append(item(str(i), tmp_path / f"{i}.png"))
    assert [r.status for r in fitted(name).score(items, context)] == ["ok"] * 3


@every
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


@networks
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


@every
def test_the_threshold_is_the_best_one_of_validation(name, fitted, easy, context):
    scores = np.array(list(scores_of(fitted(name), easy[1], context).values()))
    assert fitted(name).threshold == best_threshold(scores, truth_of(easy[1]))


@networks
def test_validation_chooses_and_never_teaches(name, easy, context, tmp_path):
    swapped = [
        dataclasses.replace(i, visual_fake=not is_fake(i, "any"), audio_fake=not is_fake(i, "any")) for i in easy[1]
    ]
    one_check = {**QUICK[name], "steps": 10, "checks": 1}
    weights = []
    for i, validation in enumerate((easy[1], swapped, easy[2])):
        detector = build(name, **one_check)
        detector.fit(easy[0], validation, context)
        detector.save(tmp_path / str(i))
        weights.append((tmp_path / str(i) / "weights.safetensors").read_bytes())
    assert weights[0] == weights[1] == weights[2]


@every
def test_both_classes_are_needed_on_both_sides(name, easy, context):
    real, check = ([i for i in split if not is_fake(i, "any")] for split in easy[:2])
    with pytest.raises(ValueError, match=f"{name}: train holds {len(real)} real and 0 fake"):
        build(name, **QUICK[name]).fit(real, easy[1], context)
    with pytest.raises(ValueError, match="validation holds 0 real and 0 fake"):
        build(name, **QUICK[name]).fit(easy[0], [], context)
    with pytest.raises(ValueError, match=f"validation holds {len(check)} real and 0 fake"):
        build(name, **QUICK[name]).fit(easy[0], check, context)


@networks
def test_progress_rises_to_one(name, easy, context):
    told = []
    watched = dataclasses.replace(context, progress=lambda fraction, message: told.append(fraction))
    build(name, **{**QUICK[name], "steps": 5}).fit(easy[0], easy[1], watched)
    assert told == sorted(told)
    assert told[-1] == 1.0


@every
def test_a_detector_without_training_says_so(name, easy, context):
    from fauxbench import InputError

    with pytest.raises(InputError, match="fit or load"):
        list(build(name).score(easy[2], context))


def test_a_picture_detector_reads_clips_frame_by_frame(fitted, context, tmp_path):
    rng = np.random.default_rng(5)
    clean, marked = blob(rng), blob(rng) + checkerboard(32, 30)
    write_clip(tmp_path / "half.mp4", [clean] * 20 + [marked] * 20, None)
    (record,) = fitted("spectrum").score([item("half", tmp_path / "half.mp4", modality="video")], context)
    times = [time for time, _ in record.frames]
    assert len(times) == 8
    assert times == sorted(times)
    assert 0 <= times[0] < 0.2
    assert 1.4 < times[-1] < 1.6
    before, after = ([p for time, p in record.frames if (time > 0.8) is late] for late in (False, True))
    assert max(before) < min(after)
    logits = [np.log(p / (1 - p)) for _, p in record.frames]
    assert record.fake == pytest.approx(1 / (1 + np.exp(-np.mean(logits))), abs=1e-6)


@pytest.mark.parametrize("name", ["rnn", "voice", "fusion"])
def test_windows_have_times_within_the_item(name, fitted, easy, context):
    for record in fitted(name).score(easy[2][:2], context):
        times = [time for time, _ in record.frames]
        assert len(times) >= 2
        assert times == sorted(times)
        assert 0 <= times[0] < times[-1] <= 0.6
        assert all(0 <= p <= 1 for _, p in record.frames)


@pytest.mark.parametrize("name", ["fusion", "voice"])
def test_a_clip_without_sound_is_missing_with_the_reason(name, fitted, context, tmp_path):
    write_clip(tmp_path / "mute.mp4", [np.zeros((32, 32, 3))] * 8, None)
    (record,) = fitted(name).score([item("mute", tmp_path / "mute.mp4", modality="video")], context)
    assert (record.status, record.reason, record.fake) == ("missing", "a clip without sound", None)


@pytest.mark.parametrize("name", ["rnn", "fusion", "voice"])
def test_another_modality_is_missing_with_the_reason(name, fitted, easy_of, context):
    (record,) = fitted(name).score(easy_of("cnn")[2][:1], context)
    assert record.status == "missing"
    assert record.reason


def test_what_was_learned_from_is_saved(fitted, tmp_path):
    fitted("spectrum").save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["detector"] == "spectrum"
    assert config["learned_from"] == {"real": {"people": 40}, "fake": {"maker@1": 40}}
