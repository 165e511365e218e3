"""Each defect found in the evaluation path of DeepfakeBench (snapshot 8a4a7bf): none can happen here."""

import json
import random

import numpy as np
import pytest
from PIL import Image

from fauxbench.harness.contracts import ScoreRecord
from fauxbench.harness.datasets.folder import index_folder
from fauxbench.harness.datasets.splits import split_identities
from fauxbench.harness.execute.steps.shortcuts import people_of
from fauxbench.harness.media.item import Split
from fauxbench.harness.media.mediaset import MediaSetWriter
from fauxbench.harness.stats.intake import settle
from fauxbench.harness.stats.lines import Question, chosen, detection, of_groups
from fauxbench.harness.stats.shortcuts import LIMIT, audit
from fauxbench.harness.store.memory import Memory

ASKED = Question(target="visual")
AT = chosen([], {}, {}, ASKED)


def line(item, score, *, fake, **more):
    base = {"item": item, "fake": score, "visual_fake": fake, "audio_fake": False, "cluster": item, "frames": []}
    base |= {"kind": "partially_synthetic" if fake else "real", "status": "ok", "reason": None, "split": "test"}
    return base | more


def test_1_clips_of_four_methods_that_share_a_name_stay_four_clips():
    """Video AUC grouped frames by the name of their folder: four manipulations of `000_003` became one video."""
    names = [f"{i:03d}_{i + 70:03d}" for i in range(70)]
    real = [line(name, 0.1 + i / 1000, fake=False) for i, name in enumerate(names)]
    seen = [line(name, 0.9, fake=True) for _ in range(3) for name in names]
    unseen = [line(name, 0.05, fake=True) for name in names]  # the detector is blind to the fourth method
    found = of_groups([*real, *seen, *unseen], ASKED, AT, 0, {"all fakes": ""})["all fakes clip/validation/auc"]
    assert found.n == 280
    assert found.value == pytest.approx(0.75)  # merged by name it would be 1


def test_2_the_order_of_the_test_list_does_not_decide_which_class_an_item_is_in():
    """Accuracy of each class took the first part of a shuffled list for the real one."""
    lines = [line(f"r{i}", 0.9, fake=False) for i in range(20)] + [line(f"f{i}", 0.9, fake=True) for i in range(80)]
    random.Random(0).shuffle(lines)
    found = detection(lines, ASKED, AT, 0)
    assert (found["clip/0.5/specificity"].value, found["clip/0.5/recall"].value) == (0.0, 1.0)
    assert found["clip/0.5/balanced_accuracy"].value == 0.5


def listed(videos, label="FF-DF"):
    real, fake = "FF-real", label
    tree = {fake: {split: {} for split in ("train", "val", "test")}, real: {s: {} for s in ("train", "val", "test")}}
    for (truth, split, name), frames in videos.items():
        own = fake if truth else real
        tree[own][split][name] = {"label": own, "frames": frames}
    return json.dumps({"FaceForensics++": tree})


def test_3_evenly_spread_frames_reach_the_end_of_the_clip(read):
    """`frame_num` was taken for the number of frames before the step was computed: the first 32 of 270 were read."""
    frames = [f"ff/frames/000/{i:03d}.png" for i in range(270)]
    files = {"ff.json": listed({(False, "test", "000"): frames}), **dict.fromkeys(frames)}
    taken = sorted(item.facts["frame"] for item in read("deepfakebench", files, frames_per_clip=32).items)
    assert len(taken) == 32
    assert (taken[0] < 10, taken[-1] > 260) == (True, True)
    assert set(np.diff(taken)) <= {8, 9}


def test_4_celeb_df_keeps_both_real_folders_and_its_test_clips_out_of_training(read):
    """A dictionary made anew for each folder lost a real class; test videos stayed in train; val was test."""
    clips = ["Celeb-real/id0_0000", "Celeb-real/id1_0000", "YouTube-real/00000", "YouTube-real/00170"]
    fakes = [f"Celeb-synthesis/id0_id{i}_0000" for i in (1, 2, 3)]
    files = dict.fromkeys(f"{clip}.mp4" for clip in (*clips, *fakes))
    tested = ["YouTube-real/00170.mp4", "Celeb-real/id1_0000.mp4", "Celeb-synthesis/id0_id1_0000.mp4"]
    files["List_of_testing_videos.txt"] = "".join(
        f"{int(path[0] != 'C' or 'real' in path)} {path}\n" for path in tested
    )
    items = read("celebdf-v2", files).items
    by_split = {split: {item.path for item in items if item.split is split} for split in Split}
    assert by_split[Split.TEST] == set(tested)
    assert not by_split[Split.TEST] & (by_split[Split.TRAIN] | by_split[Split.VALIDATION])
    learnt = {path.partition("/")[0] for path in by_split[Split.TRAIN] | by_split[Split.VALIDATION]}
    assert learnt >= {"Celeb-real", "YouTube-real"}


def test_5_backslashes_in_a_list_name_the_same_files(read):
    """Keys were written with one separator and read with the other."""
    frames = [f"ff/frames/000/{i:03d}.png" for i in range(3)]
    files = {
        "ff.json": listed({(False, "test", "000"): [f.replace("/", "\\") for f in frames]}),
        **dict.fromkeys(frames),
    }
    assert [item.path for item in read("deepfakebench", files).items] == frames


def test_6_an_unreadable_picture_is_a_failure_of_its_own(tmp_path):
    """An image that could not be read became item 0, with the label of item 0."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in "abc":
        Image.fromarray(np.full((8, 8, 3), 40, dtype=np.uint8)).save(folder / f"{name}.png")
    (folder / "b.png").write_bytes(b"no picture")
    key = {"identities": "flat", "splits": {"train": 0.0, "validation": 0.0, "test": 1.0}, "seed": 0, "code": ""}
    writer = MediaSetWriter(tmp_path / "set", name="real", origin="folder", roots={"data": folder})
    media = index_folder(folder, writer, key, Memory(tmp_path / "memory.sqlite"), lambda *_: None)
    assert [item.id for item in media] == ["a.png", "c.png"]
    assert [missed.failure.request_id for missed in media.missed] == ["b.png"]
    settled, _ = settle([ScoreRecord(item="a", fake=0.9)], ["a", "b"])
    assert (settled[1].status, settled[1].fake) == ("missing", None)


def test_7_a_real_class_from_elsewhere_is_a_warning():
    """Source videos stood for the real class of another data set: other cameras, other rooms, and a column too good."""
    rng = np.random.default_rng(0)
    rooms = np.concatenate([rng.normal(90, 8, (60, 4)), rng.normal(140, 8, (60, 4))])  # colours along the border
    truth = np.arange(120) >= 60
    found = audit(rooms, truth, [f"p{i // 3}" for i in range(120)], 0)
    assert found.found.interval.low > LIMIT
    assert found.p < 1e-4


def test_8_nobody_is_in_two_splits():
    """The same videos went to train, val and test."""
    people = {f"p{i}": 3 for i in range(40)}
    splits = split_identities(people, {"train": 0.5, "validation": 0.2, "test": 0.3}, 0)
    assert set(splits) == set(people)
    assert set(splits.values()) == set(Split)


def test_8_whoever_is_in_two_splits_all_the_same_is_counted(read):
    frames = {split: [f"ff/frames/{split}/000.png"] for split in ("train", "test")}
    files = {
        "ff.json": listed({(False, split, "000"): frames[split] for split in frames}),
        **dict.fromkeys(path for paths in frames.values() for path in paths),
    }
    contents = read("deepfakebench", files)
    learnt = {person for item in contents.items if item.split is Split.TRAIN for person in people_of(item)}
    tested = [item for item in contents.items if item.split is Split.TEST]
    assert [bool(learnt & people_of(item)) for item in tested] == [True]


def test_9_test_items_choose_nothing():
    """The checkpoint was chosen on the test loaders; there was no validation loader."""
    rng = np.random.default_rng(0)
    real = [line(f"v{i}", s, fake=False, split="validation") for i, s in enumerate(rng.uniform(0, 0.6, 30).tolist())]
    fake = [line(f"w{i}", s, fake=True, split="validation") for i, s in enumerate(rng.uniform(0.4, 1, 30).tolist())]
    tested = [line(f"t{i}", s, fake=i % 2 == 0) for i, s in enumerate(rng.uniform(0, 1, 30).tolist())]
    without = chosen(real, {"gan@1": fake}, {}, ASKED)
    assert chosen([*real, *tested], {"gan@1": [*fake, *tested]}, {}, ASKED) == without
    assert without["validation"].origin == "validation of gan@1"
