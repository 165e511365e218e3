import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fauxbench
from fauxbench.harness.instruments import instrument_card, weights_path
from fauxbench.harness.media.content import SoundMedia, VideoMedia
from fauxbench.harness.media.encode import write_media
from fauxbench.harness.metrics.offers import DEFAULTS

COUNT = 8


def write(folder, name, seed, *, frames=40, fps=25.0, size=(48, 64), flicker=0.0, frozen=False, sound=True):
    """Write a clip: a bright spot that wanders over a pattern, with noise that comes and goes."""
    rng = np.random.default_rng(seed)
    height, width = size
    y, x = np.mgrid[0:height, 0:width] / height
    base, start, speed = rng.uniform(60, 180, 3), rng.uniform(0.3, 0.7, 2), rng.uniform(0.005, 0.02, 2)
    pattern = 20 * np.sin(20 * x + base[0]) * np.sin(17 * y)

    def picture(t):
        step = 0 if frozen else t * 25 / fps
        spot = np.exp(-((x - start[0] - speed[0] * step) ** 2 + (y - start[1] - speed[1] * step) ** 2) / 0.05)
        light = flicker * (-1) ** t
        return np.clip(base * (0.5 + 0.6 * spot[..., None]) + pattern[..., None] + light, 0, 255).astype(np.uint8)

    samples = round(frames / fps * 16_000)
    heard = (0.1 * rng.standard_normal(samples) * (np.sin(np.arange(samples) / 1500) > 0)).astype(np.float32)
    media = VideoMedia(frames=lambda: map(picture, range(frames)), fps=fps, sound=heard if sound else None)
    folder.mkdir(exist_ok=True)
    return write_media(folder, name, media)[0]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("clips")
    for k in range(COUNT):
        write(root / "real", f"{k}", k)
        write(root / "fake", f"{k}", 100 + k, **{"flicker": 5.0, **ODD.get(k, {})})
    (root / "fake" / "broken.mp4").write_bytes(b"not a clip")
    return root / "real", root / "fake"


ODD = {
    1: {"sound": False},
    2: {"frozen": True, "flicker": 0.0},
    3: {"fps": 50.0, "frames": 80, "size": (64, 48)},
}


@pytest.fixture(scope="module")
def measured(folders, tmp_path_factory):
    store = tmp_path_factory.mktemp("store")
    return fauxbench.measure(*folders, store=store, workers=1), store


def row_of(found, system, metric):
    return next(row for row in found.rows if (row.system, row.metric) == (system, metric))


def test_folders_of_clips_are_measured_beside_their_controls(measured):
    found = measured[0]
    for metric in ("frame_uniformity", "motion", "flicker"):
        mine, real = row_of(found, "synthetic@1", metric), row_of(found, "real", metric)
        assert (mine.role, real.role) == ("system", "control")
        assert (real.n, mine.expected) == (COUNT, COUNT + 1)
        assert real.interval is not None
    assert row_of(found, "synthetic@1", "flicker").value > 10 * row_of(found, "real", "flicker").value
    distance = {name: row_of(found, name, "fd[clip-spectrum]") for name in ("synthetic@1", "real", "real-degraded")}
    assert distance["synthetic@1"].value > distance["real"].value
    assert distance["real"].n == distance["real-degraded"].n == COUNT // 2
    assert distance["synthetic@1"].position.value > 1


def test_odd_clips_are_counted_and_none_ends_the_run(measured):
    found = measured[0]
    motion, flicker = (row_of(found, "synthetic@1", name) for name in ("motion", "flicker"))
    assert (motion.n, motion.failures) == (COUNT, {"unreadable": 1})  # a mute one and one of another size count
    assert f"frozen: 1 of {COUNT} clips" in motion.flags
    assert (flicker.n, flicker.failures) == (COUNT - 1, {"unreadable": 1, "frozen": 1})


@pytest.mark.parametrize("instrument", ["clip-face", "studio-sync", "studio-mouth"])
def test_rows_whose_weights_are_missing_say_so(measured, instrument, tmp_path):
    if weights_path(instrument_card(instrument), tmp_path).is_file():
        pytest.skip("the weights came with the package")
    reasons = [row.reason or "" for row in measured[0].rows]
    assert f"not computed: weights of {instrument} missing, see fauxbench doctor" in reasons


def test_clips_without_sound_fail_in_the_rows_of_lips_alone(folders, tmp_path):
    if not weights_path(instrument_card("studio-sync"), tmp_path).is_file():
        pytest.skip("studio-sync has no weights in the package yet")
    found = fauxbench.measure(*folders, metrics=("lse_d", "lser", "motion"), store=tmp_path / "s", workers=1)
    lips, motion = row_of(found, "synthetic@1", "lse_d[studio-sync]"), row_of(found, "synthetic@1", "motion")
    assert (lips.n, lips.failures) == (COUNT - 1, {"unreadable": 2})
    assert motion.n == COUNT
    assert row_of(found, "real", "lse_d[studio-sync]").n == COUNT


@pytest.mark.parametrize("mute", ["real", "fake"])
def test_where_no_clip_of_a_side_has_sound_all_rows_of_lips_say_so(tmp_path, mute):
    for side in ("real", "fake"):
        for k in range(2):
            write(tmp_path / side, f"{k}", k + 10 * (side == "fake"), size=(32, 32), sound=side != mute)
    sides = tmp_path / "real", tmp_path / "fake"
    found = fauxbench.measure(
        *sides, metrics=("lse_d", "lser"), instruments=("studio-sync",), store=tmp_path / "s", workers=1
    )
    named = {"real": "real", "fake": "synthetic"}[mute]
    said = f"not measured: {named} 0.mp4: a clip without sound; {named} 1.mp4: a clip without sound"
    rate, distance = (row_of(found, "synthetic@1", f"{name}[studio-sync]") for name in ("lser", "lse_d"))
    assert rate.reason == f"{named} set: 0 items, at least 1 is needed"
    assert said in rate.flags
    assert said in distance.flags
    assert not any("failed" in (row.reason or "") for row in found.rows)
    assert not any("reshape" in line for line in found.results.warnings)


def test_a_second_call_repeats_the_numbers(folders, measured):
    assert fauxbench.measure(*folders, store=measured[1], workers=1).results == measured[0].results


def test_the_command_line_prints_the_table(folders, measured, capsys, monkeypatch):
    from fauxbench.harness.cli import main

    words = ("measure", *map(str, folders), "--store", str(measured[1]), "--workers", "1", "-q", "--json")
    monkeypatch.setattr("sys.argv", ["fauxbench", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert {"motion", "flicker", "frame_uniformity", "fd[clip-spectrum]", "lser[studio-sync]"} <= {
        r["metric"] for r in rows
    }


def test_what_does_not_fit_is_refused_by_name(folders, tmp_path: Path):
    pictures, sounds = tmp_path / "pictures", tmp_path / "sounds"
    for folder in (pictures, sounds):
        folder.mkdir()
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(pictures / "a.png")
    write_media(sounds, "a", SoundMedia(sound=np.zeros(1600, np.float32)))
    store = {"store": tmp_path / "store"}
    with pytest.raises(fauxbench.InputError, match=r"metric ssim measures pictures, and these are clips; .*flicker"):
        fauxbench.measure(*folders, metrics=("ssim",), **store)
    with pytest.raises(fauxbench.InputError, match="metric lser measures clips, and these are pictures"):
        fauxbench.measure(pictures, pictures, metrics=("lser",), **store)
    with pytest.raises(fauxbench.InputError, match="metric flicker measures clips, and these are sounds"):
        fauxbench.measure(sounds, sounds, metrics=("flicker",), **store)
    with pytest.raises(fauxbench.InputError, match="instrument spectrum reads pictures, and these are clips"):
        fauxbench.measure(*folders, metrics=("fd",), instruments=("spectrum",), **store)
    with pytest.raises(fauxbench.InputError, match=r"found clips in .*real and sounds in .*sounds"):
        fauxbench.measure(folders[0], sounds, **store)
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("modality", DEFAULTS)
def test_defaults_fit_their_modality(modality):
    from fauxbench.harness.metrics import metric_card
    from fauxbench.harness.metrics.offers import offer

    chosen = offer(modality)
    for name in chosen.metrics:
        card = metric_card(name)
        reads = [instrument_card(one) for one in chosen.instruments]
        assert card.purpose == "pixels" or card.form == "paired" or any(card.purpose in one.purpose for one in reads)
