"""Suites of clips and of sounds, from the real set to the table."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fauxbench.harness.errors import SuiteError
from fauxbench.harness.media.content import VideoMedia
from fauxbench.harness.media.encode import write_media
from fauxbench.harness.planning.planner import plan_suite
from fauxbench.harness.report.build import tables
from fauxbench.harness.report.markdown import render
from fauxbench.harness.run import run
from fauxbench.harness.store.schema import Results, Row
from fauxbench.harness.suite import Suite

RATE, PEOPLE = 16_000, 24
SPLITS = {"train": 0.25, "validation": 0.25, "test": 0.5}


def voice(seed: int, noise: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    t = np.arange(RATE) / RATE
    phase = 2 * np.pi * np.cumsum(rng.uniform(110, 230) * 2 ** (0.2 * np.sin(2 * np.pi * rng.uniform(1, 4) * t))) / RATE
    loud = np.clip(np.sin(2 * np.pi * rng.uniform(2, 4) * t + seed), 0.05, 1)
    sound = 0.1 * loud * sum(np.cos(k * phase) / k ** rng.uniform(0.8, 1.4) for k in range(1, 9))
    return np.asarray(sound + noise * rng.standard_normal(RATE), dtype=np.float32)


def talker(seed: int, noise: float = 0.0) -> VideoMedia:
    """A second of a face of sorts, whose mouth is as open as its voice is loud."""
    sound, rng = voice(seed, noise), np.random.default_rng(seed)
    level = np.abs(sound).reshape(25, -1).mean(axis=1)
    colour, y, x = rng.uniform(90, 200, 3), *np.mgrid[0:48, 0:64]
    grain = rng.normal(0, 100 * noise + 1, (25, 48, 64, 1))

    def frame(t: int) -> np.ndarray:
        mouth = ((x - 32) / 8) ** 2 + ((y - 34) / (1 + 80 * level[t])) ** 2 < 1
        return np.clip(np.where(mouth[..., None], 30, colour) + grain[t], 0, 255).astype(np.uint8)

    return VideoMedia(frames=lambda: map(frame, range(25)), fps=25, sound=sound, sample_rate=RATE)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("media")
    for side, noise in (("real", 0.0), ("made", 0.03)):
        for person in range(PEOPLE):
            name = f"p{person:02d}.wav"
            (root / f"sounds-{side}").mkdir(exist_ok=True)
            (root / f"clips-{side}").mkdir(exist_ok=True)
            soundfile.write(root / f"sounds-{side}" / name, voice(person, noise), RATE)
            write_media(root / f"clips-{side}", name[:-4], talker(person, noise))
    (root / "sounds-made" / "zz.wav").write_bytes(b"not a sound")
    return root


def suite(root: Path, what: str, **more: object) -> Suite:
    made = {"use": "folder", "name": "made", "version": "1", "kind": "fully_synthetic", "path": root / f"{what}-made"}
    made |= {"splits": SPLITS} if "detectors" in more else {}
    real = {"dataset": "folder", "path": root / f"{what}-real", "splits": SPLITS}
    return Suite.model_validate({"suite": what, "data": real, "generators": [made], "n": {"test": 12}, **more})


def row_of(results: Results, system: str, metric: str) -> Row:
    return next(row for row in results.rows if (row.system, row.metric) == (system, metric))


def check_controls(results: Results, metric: str, said: str) -> None:
    """Control, degraded control and position stand beside a metric, at one N."""
    made, real, degraded = (row_of(results, name, metric) for name in ("made@1", "real", "real-degraded"))
    assert real.value is not None
    assert degraded.value is not None
    assert real.n == degraded.n == 12
    assert made.position is not None
    assert made.position.degradation == said
    assert made.position.value is not None, made.position.reason


def test_a_suite_of_sounds_is_run_and_reported(folders: Path, tmp_path: Path) -> None:
    metrics = ("fd", "kd", "mcd", "si_sdr", "speaker_similarity")
    given = suite(folders, "sounds", metrics=metrics, n={"test": 25})
    results = run(given, runs=tmp_path / "runs", store=tmp_path / "store", workers=1).results
    assert row_of(results, "made@1", "mcd").value > 1
    assert row_of(results, "made@1", "memorisation[sound-spectrum]").role == "system"
    made = row_of(results, "made@1", "fd[sound-spectrum]")
    assert made.failures == {"unreadable": 1}
    assert any(flag.startswith("not measured: zz.wav: cannot be decoded") for flag in made.flags)
    assert str(folders) not in "".join(made.flags)
    table = render(tables(results)["realism"])
    assert all(label in table for label in ("MCD", "SI-SDR", "zz.wav"))


def test_sounds_lie_between_real_ones_and_real_ones_under_noise(folders: Path, tmp_path: Path) -> None:
    given = suite(folders, "sounds", metrics=("fd",), instruments=("sound-spectrum",))
    results = run(given, runs=tmp_path / "runs", store=tmp_path / "store", workers=1).results
    check_controls(results, "fd[sound-spectrum]", "pink noise at 20 dB")


def test_a_suite_of_clips_is_run_and_reported(folders: Path, tmp_path: Path) -> None:
    given = suite(
        folders,
        "clips",
        metrics=("fd", "motion", "mouth_correlation", "mcd"),
        instruments=("clip-frames", "clip-spectrum", "sound-spectrum", "mouth-pixels"),
    )
    results = run(given, runs=tmp_path / "runs", store=tmp_path / "store", workers=1).results
    check_controls(results, "fd[clip-spectrum]", "down by 1.5, JPEG 85, up again")
    check_controls(results, "fd[sound-spectrum]", "pink noise at 20 dB")
    mouths = row_of(results, "made@1", "mouth_correlation[mouth-pixels]").position
    assert mouths is not None
    assert mouths.degradation == "sound 200 ms late"
    assert (mouths.value is None) != (mouths.reason is None)  # twelve clips may not tell 200 ms
    assert row_of(results, "real", "motion").n == 12
    assert not any((row.system, row.metric) == ("real-degraded", "motion") for row in results.rows)
    assert row_of(results, "made@1", "mcd").value > 0
    assert "down by 1.5, JPEG 85, up again" in render(tables(results)["realism"])


@pytest.mark.parametrize("what", ["clips", "sounds"])
def test_where_nothing_is_named_the_media_decide(folders: Path, tmp_path: Path, what: str) -> None:
    metrics = {row.metric for row in plan_suite(suite(folders, what), folders, tmp_path).rows}
    expected = {"clips": {"motion", "fd[clip-spectrum]"}, "sounds": {"mcd", "fd[sound-spectrum]"}}[what]
    assert expected < metrics
    assert not any("inception" in name or name in {"ssim", "is", "fid"} for name in metrics)


def test_a_detector_of_pictures_judges_the_frames_of_clips(folders: Path, tmp_path: Path) -> None:
    small = {"steps": 2, "size": 16, "width": 4, "blocks": 1, "batch": 4, "frames": 3}
    asked = {"metrics": ("motion",), "instruments": ("clip-frames",), "n": {"train": 6, "validation": 6, "test": 12}}
    found = {}
    for pooling in (None, "max"):
        detector = {"use": "cnn", "parameters": small} | ({"pooling": pooling} if pooling else {})
        given = suite(folders, "clips", detectors=[detector], **asked)
        terms = {**given.data.model_dump(), "terms": {"people": "none"}}
        given = given.model_copy(update={"data": type(given.data).model_validate(terms)})
        ran = run(given, runs=tmp_path / "runs", store=tmp_path / "store", workers=1)
        row = row_of(ran.results, "made@1", "auc")
        assert row.value is not None, row.reason
        assert row.protocol["pooling"] == (pooling or "the detector's own")
        scores = (ran.folder / "scores" / "cnn on made@1 - made@1.jsonl").read_text()
        lines = [json.loads(line) for line in scores.splitlines()]
        assert {len(line["frames"]) for line in lines} == {3}
        found[pooling] = row
    assert found[None].comparability != found["max"].comparability
    assert "max over frames" in "".join(table.caption for table in tables(ran.results).values())


def test_what_does_not_fit_is_refused(folders: Path, tmp_path: Path) -> None:
    def plan(what: str, **more: object) -> None:
        plan_suite(suite(folders, what, **more), folders, tmp_path)

    said = r"detectors\.0: 'cnn' reads pictures and clips, and the sets hold sounds; leave it out"
    with pytest.raises(SuiteError, match=said):
        plan("sounds", detectors=["cnn"])
    with pytest.raises(SuiteError, match=r"metric ssim measures pictures, and these are sounds; for them: .*mcd"):
        plan("sounds", metrics=("ssim",))
    with pytest.raises(SuiteError, match="generators: 'dcgan@1' gives pictures, and the real set holds clips"):
        plan("clips", data={"dataset": "studio", "people": 6, "clips": 1}, generators=["dcgan"])
    with pytest.raises(SuiteError, match="found per_person: 2, clips: 1; a suite is about pictures, clips or sounds"):
        plan("clips", data={"dataset": "studio", "people": 6, "per_person": 2, "clips": 1})


@pytest.mark.slow
@pytest.mark.parametrize("what", ["clips", "sounds"])
def test_the_studio_talks_in_a_suite(folders: Path, tmp_path: Path, what: str) -> None:
    pytest.importorskip("espeakng_loader")
    data = {"dataset": "studio", "people": 8, what: 1, "seconds": 1}
    asked = {"metrics": ("fd",), "instruments": ("clip-spectrum" if what == "clips" else "sound-spectrum",)}
    given = suite(folders, what, data=data, n={"test": 2}, **asked)
    results = run(given, runs=tmp_path / "runs", store=tmp_path / "store", workers=1).results
    assert row_of(results, "real", f"fd[{asked['instruments'][0]}]").value is not None
