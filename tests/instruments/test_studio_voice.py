import json

import numpy as np
import pytest
import torch

from fauxbench.harness.cards import InstrumentCard
from fauxbench.harness.errors import MediaError
from fauxbench.harness.instruments import instrument_fingerprint
from fauxbench.harness.instruments.studio_voice import BANDS, STEPS, StudioVoice, VoiceNet, cut, speech
from fauxbench.harness.media.content import SoundMedia
from fauxbench.harness.training import install
from fauxbench.harness.training.runtime import (
    Clock,
    Course,
    Feed,
    Pool,
    read_plan,
    save_report,
    save_weights,
)

CARD = InstrumentCard(name="studio-voice", version="1", title="t", entry="", purpose=("speaker",))


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("w") / "studio-voice.safetensors"
    save_weights(VoiceNet(0.3), path, {"width": "0.3"})
    return path


def sound(seconds=2.5, rate=16_000, seed=0):
    rng = np.random.default_rng(seed)
    return SoundMedia(sound=rng.standard_normal(round(seconds * rate)).astype(np.float32) * 0.1, sample_rate=rate)


def test_vectors_have_length_one_and_do_not_depend_on_neighbours(weights):
    instrument = StudioVoice(CARD, weights)
    told = instrument.extract([sound(), sound(0.7, seed=1), sound(5.0, 22_050, seed=2)])["features"]
    assert told.shape == (3, 128)
    np.testing.assert_allclose(np.linalg.norm(told, axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(instrument.extract([sound(0.7, seed=1)])["features"][0], told[1])
    assert instrument.extract([])["features"].shape == (0, 128)


def test_silence_around_speech_changes_nothing():
    plain = sound()
    padded = SoundMedia(sound=np.concatenate([np.zeros(8000, np.float32), plain.sound, np.zeros(16_000, np.float32)]))
    np.testing.assert_array_equal(speech(padded), speech(plain))
    for nothing in (np.zeros(16_000, np.float32), np.zeros(0, np.float32), sound(0.1).sound):
        with pytest.raises(MediaError, match=r"less than 0\.2 s"):
            speech(SoundMedia(sound=nothing))


@pytest.mark.parametrize(("steps", "pieces"), [(30, 1), (200, 1), (201, 2), (300, 2), (520, 5)])
def test_pieces_cover_everything(steps, pieces):
    mel = np.arange(steps, dtype=np.float32)[:, None] * np.ones((1, BANDS), np.float32)
    found = cut(mel)
    assert found.shape == (pieces, STEPS, BANDS)
    assert set(np.unique(found)) == set(range(steps))


def test_weights_of_the_full_network_are_small_enough_to_ship(tmp_path):
    assert save_weights(VoiceNet(), tmp_path / "w", {"width": "1.0"}) < 3_000_000


def numbered(k):
    return {"x": np.full((4, 2), k), "y": np.arange(4) + 10 * k}


def failing(k):
    raise OSError(f"no disk for job {k}")


def test_a_pool_is_a_ring_of_groups():
    pool = Pool(12, 4, "cpu")
    for k in range(5):
        pool.add(numbered(k))
    assert (len(pool), pool.added) == (3, 5)
    drawn = pool.draw(3, 2, torch.Generator().manual_seed(0))
    assert drawn["x"].shape == (6, 2)
    groups = drawn["x"][:, 0].view(3, 2)
    assert (groups[:, 0] == groups[:, 1]).all()
    assert sorted(groups[:, 0].tolist()) == [2, 3, 4]
    places = drawn["y"].view(3, 2) - 10 * groups
    assert (places[:, 0] != places[:, 1]).all()
    assert ((places >= 0) & (places < 4)).all()


def test_a_feed_keeps_the_order_and_reports_what_fails():
    feed = Feed(map(numbered, range(1000)))
    found = []
    while len(found) < 5:
        found += feed.drain(wait=1.0)
    feed.close()
    assert [int(part["x"][0, 0]) for part in found[:5]] == [0, 1, 2, 3, 4]
    broken = Feed(map(failing, range(3)))
    broken.close()  # waits for the thread
    with pytest.raises(RuntimeError, match="no disk for job 0"):
        broken.drain()


@pytest.mark.parametrize("workers", [0, 1])
def test_a_course_gives_the_tests_first_and_then_lessons_without_end(workers, capsys):
    course = Course(tests=(("a", numbered, 2), ("b", numbered, 3)), lessons=numbered)
    tests, stream = course.start(workers, Clock(1.0, 0.1))
    assert tests["a"]["x"][:, 0].tolist() == [0] * 4 + [1] * 4
    assert tests["b"]["x"].shape == (12, 2)
    assert [int(next(stream)["x"][0, 0]) for _ in range(4)] == [0, 1, 2, 3]
    assert "held out 'b'" in capsys.readouterr().out


def test_the_command_line_says_what_it_needs(tmp_path, capsys):
    plan = read_plan("Train.", ["--out", str(tmp_path), "--batch", "7"], batch=3, rate=0.1, pool=5, test=2)
    assert (plan.batch, plan.rate, plan.pool, plan.device) == (7, 0.1, 5, "cpu")
    with pytest.raises(SystemExit):
        read_plan("Train.", [], batch=3, rate=0.1, pool=5, test=2)
    assert "--out" in capsys.readouterr().err


@pytest.fixture
def trained(weights, tmp_path):
    folder = tmp_path / "trained"
    folder.mkdir()
    (folder / weights.name).write_bytes(weights.read_bytes())
    rate = {"eer": 0.0213, "threshold": 0.4, "genuine": 100.0, "impostor": 900.0}
    report = {
        "instrument": "studio-voice",
        "machine": {"device": "processor", "torch": "2.6.0"},
        "training": {"seconds": 90.0, "steps": 1200, "groups": 400},
        "verification": {"one language": rate},
        "calibration": {"noise": {"level": [0.0, 1.0], "value": [0.1, 0.2], "monotone": True}},
    }
    save_report(folder, report)
    return folder


def test_installing_writes_weights_card_and_manual_and_can_be_repeated(trained, tmp_path):
    cards, manual, weights = tmp_path / "cards.toml", tmp_path / "page.md", tmp_path / "weights"
    cards.write_text('# Head.\n\n[other]\nversion = "1"\n', encoding="utf-8")
    manual.write_text(
        "before\n<!-- measured: studio-voice -->\nold\n<!-- end: studio-voice -->\nafter\n", encoding="utf-8"
    )
    for _ in range(2):
        assert install.install(trained, cards, weights, manual) == "studio-voice"
    import tomllib

    tables = tomllib.loads(cards.read_text(encoding="utf-8"))
    assert list(tables) == ["other", "studio-voice"]
    card = InstrumentCard.model_validate({"name": "studio-voice", **tables["studio-voice"]})
    assert card.measured == {"eer one language": 0.0213}
    assert card.weights.size == (weights / "studio-voice.safetensors").stat().st_size
    assert cards.read_text(encoding="utf-8").startswith("# Head.\n\n[other]")
    page = manual.read_text(encoding="utf-8")
    assert page.startswith("before\n")
    assert page.endswith("after\n")
    assert "| one language | 2.13 % | 100 | 900 |" in page
    assert "old" not in page


def test_installing_refuses_what_is_not_an_instrument_or_too_large(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(install, "LARGEST", 10)
    with pytest.raises(ValueError, match="come with the package"):
        install.install(trained, tmp_path / "c", tmp_path / "w", tmp_path / "m")
    report = json.loads((trained / "report.json").read_text(encoding="utf-8"))
    save_report(trained, {**report, "instrument": "studio-ear"})
    with pytest.raises(ValueError, match="studio-ear"):
        install.install(trained, tmp_path / "c", tmp_path / "w", tmp_path / "m")


def test_every_table_that_install_writes_is_a_card_whose_modules_exist():
    for name, about in install.ABOUT.items():
        card = InstrumentCard.model_validate({"name": name, "version": "1", **about})
        assert instrument_fingerprint(card)
        assert (install.HOME / f"{card.entry.partition(':')[0]}.py").is_file()
