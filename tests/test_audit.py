import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from fauxbench import InputError
from fauxbench.harness import audit_changes
from fauxbench.harness.audit import audit_metrics
from fauxbench.harness.media.item import Modality
from fauxbench.harness.report import FORMATS, render

ALTERATIONS = audit_changes.ALTERATIONS[Modality.IMAGE]
SEEN = {one.name for one in ALTERATIONS if one.seen}


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """24 people with 4 pictures each: shapes of a person's own, with fine detail."""
    folder = tmp_path_factory.mktemp("people")
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:48, 0:48]
    for person in range(24):
        colour, turn = rng.uniform(60, 200, 3), rng.uniform(0.2, 0.8)
        (folder / f"p{person:02d}").mkdir()
        for number in range(4):
            place = rng.uniform(18, 30, 2)
            spot = np.exp(-((y - place[0]) ** 2 + turn * (x - place[1]) ** 2) / 90)[:, :, None]
            grain = rng.normal(0, 3, (48, 48, 3)) + 6 * np.sin(x * (1 + turn))[:, :, None]
            pixels = np.clip(60 + spot * colour + grain, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"p{person:02d}" / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def audited(people, store):
    return audit_metrics(people, metrics=["fd", "ssim", "psnr"], instruments=["spectrum"], store=store, workers=1)


def row(found, system, metric):
    (one,) = (r for r in found.rows if (r.system, r.metric) == (system, metric))
    return one


def place(found, system, metric):
    position = row(found, system, metric).position
    assert position is not None
    return position


def test_every_change_is_measured_at_one_n_beside_the_controls(audited):
    for one in ALTERATIONS:
        changed, position = row(audited, one.name, "fd[spectrum]"), place(audited, one.name, "fd[spectrum]")
        assert changed.n == changed.expected == position.n == 32
        assert changed.interval is not None
        control, degraded = row(audited, "real", "fd[spectrum]"), row(audited, "real-degraded", "fd[spectrum]")
        assert (position.control, position.degraded) == (control.value, degraded.value)
        assert position.value == pytest.approx((changed.value - control.value) / (degraded.value - control.value))
        assert changed.comparability == control.comparability == degraded.comparability
    assert {record.status for record in audited.results.systems} == {"ok"}


def test_what_people_see_is_further_off_than_what_they_do_not(audited):
    for seen, unseen in (("blur", "jpeg-98"), ("noise", "colours"), ("jpeg-20", "jpeg-95")):
        assert place(audited, seen, "ssim").value > place(audited, unseen, "ssim").value
        assert row(audited, seen, "fd[spectrum]").value > row(audited, unseen, "fd[spectrum]").value
    assert abs(place(audited, "move", "fd[spectrum]").value) < 0.2  # a spectrum does not know where things are
    assert place(audited, "move", "ssim").value > place(audited, "jpeg-95", "ssim").value


def test_metrics_over_pairs_start_from_the_picture_itself(audited):
    position = place(audited, "blur", "ssim")
    degraded = row(audited, "real-degraded", "ssim")
    assert (position.control, position.degraded) == (1.0, degraded.value)
    assert position.value == pytest.approx((1 - position.system) / (1 - degraded.value))
    assert not any(r.metric == "ssim" and r.system == "people" for r in audited.rows)  # nothing there is changed
    assert place(audited, "blur", "psnr").value is None
    assert "no score of a picture with itself" in place(audited, "blur", "psnr").reason


def test_tables_in_every_format(audited):
    tables = audited.tables()
    assert list(tables) == ["audit", "audit-spectrum", "audit-pixels"]
    overview = tables["audit"]
    assert [column.key for column in overview.columns] == ["metric", *(one.name for one in ALTERATIONS)]
    assert {column.group for column in overview.columns if column.key in SEEN} == {"people notice"}
    assert [line.cells[0].raw for line in overview.rows] == ["fd[spectrum]", "ssim"]
    assert any("PSNR: no position" in note for note in overview.notes)
    values = tables["audit-spectrum"]
    assert [line.cells[0].raw for line in values.rows] == [
        *("real", "real-degraded"),
        *(one.name for one in ALTERATIONS),
    ]
    for table in tables.values():
        for form in FORMATS:
            assert "blur" in render(table, form)
    fields = next(csv.DictReader(io.StringIO(render(overview, "csv"))))
    assert float(fields["blur"]) == place(audited, "blur", "fd[spectrum]").value


def test_a_second_audit_computes_nothing(audited, people, store):
    from fauxbench.harness.execute.display import Display

    begun = []

    class Watch(Display):
        def started(self, unit):
            begun.append(unit.id)

    given = {"metrics": ["fd", "ssim", "psnr"], "instruments": ["spectrum"], "store": store}
    assert audit_metrics(people, display=Watch(), **given).results == audited.results
    assert begun == []


def test_without_people_nobody_is_left_out(tmp_path):
    rng = np.random.default_rng(0)
    folder = tmp_path / "flat"
    folder.mkdir()
    for number in range(15):
        Image.fromarray(rng.integers(0, 255, (24, 24, 3), dtype=np.uint8)).save(folder / f"{number}.png")
    found = audit_metrics(folder, n=4, metrics=["ssim"], instruments=["spectrum"], store=tmp_path / "s", workers=1)
    assert "people" not in {r.system for r in found.rows}
    assert {r.n for r in found.rows} == {4}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"metrics": ["sim"]}, "no metric 'sim'; did you mean 'ssim'"),
        ({"metrics": ["memorisation"]}, "cannot be audited on pictures"),
        ({"metrics": ["mcd"]}, "cannot be audited on pictures"),
        ({"instruments": ["spectra"]}, "no instrument 'spectra'"),
        ({"instruments": ["studio-voice"]}, "does not read pictures"),
        ({"data": "gone"}, "expected a folder of pictures, clips or sounds, found nothing"),
        ({"kind": "smell"}, "legal: image, video, audio"),
        ({"kind": "audio", "metrics": ["ssim"]}, "cannot be audited on sounds"),
    ],
)
def test_wrong_input_is_said_and_nothing_is_written(given, words, tmp_path):
    with pytest.raises(InputError, match=words):
        audit_metrics(**given, store=tmp_path / "s")
    assert list(tmp_path.iterdir()) == []


def test_too_few_pictures(tmp_path):
    folder = tmp_path / "few"
    folder.mkdir()
    for number in range(3):
        Image.fromarray(np.full((8, 8, 3), number, dtype=np.uint8)).save(folder / f"{number}.png")
    with pytest.raises(InputError, match="3 items are too few for an audit"):
        audit_metrics(folder, store=tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_missing_weights_give_a_note(people, store):
    found = audit_metrics(people, metrics=["fd"], instruments=["spectrum", "inception-2015"], store=store, workers=1)
    assert any(note.startswith("FID: not computed: weights") for note in found.tables()["audit"].notes)


def test_the_command_line(audited, people, store, tmp_path: Path, capsys, monkeypatch):
    import sys

    from fauxbench.harness.cli import main

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["fauxbench", "audit", "metrics", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), *capsys.readouterr()

    given = ("--data", people, "--metrics", "fd,ssim,psnr", "--instruments", "spectrum", "--store", store, "-q")
    code, out, err = call(*given, "--json")
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert [one["name"] for one in document["changes"]] == [one.name for one in ALTERATIONS]
    assert document["rows"] == audited.results.model_dump(mode="json")["rows"]
    code, out, _ = call(*given, "--format", "markdown", "--out", tmp_path / "tables")
    assert code == 0
    assert out.startswith("### How metrics react")
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == [
        *("audit-pixels.md", "audit-spectrum.md", "audit.md"),
    ]
    assert call(*given)[0] == 0
    code, out, err = call("--metrics", "fdd")
    assert (code, out) == (2, "")
    assert "no metric 'fdd'; did you mean 'fd'" in err
    assert call("--format", "pdf")[0] == 2


def test_sounds_are_audited_too(tmp_path):
    rng = np.random.default_rng(0)
    folder = tmp_path / "voices"
    time = np.arange(16_000) / 16_000
    for person in range(12):
        (folder / f"p{person:02d}").mkdir(parents=True)
        for number in range(2):
            pitch = rng.uniform(90, 220)
            wave = sum(np.sin(2 * np.pi * pitch * k * time + rng.uniform(0, 6)) / k for k in range(1, 12))
            wave = 0.1 * wave * (1 + 0.6 * np.sin(2 * np.pi * 4 * time)) + rng.normal(0, 0.002, len(time))
            soundfile.write(folder / f"p{person:02d}" / f"{number}.wav", wave.astype(np.float32), 16_000)
    given = {"metrics": ["fd", "si_sdr"], "instruments": ["sound-spectrum"]}
    found = audit_metrics(folder, **given, store=tmp_path / "s", workers=1)
    assert {record.status for record in found.results.systems} == {"ok"}
    assert {r.n for r in found.rows if r.metric == "fd[sound-spectrum]" and r.system == "noise"} == {8}
    assert row(found, "noise", "si_sdr").value == pytest.approx(10, abs=1.5)
    assert row(found, "faint", "si_sdr").value == pytest.approx(50, abs=1.5)
    assert row(found, "telephone", "fd[sound-spectrum]").value > row(found, "opus", "fd[sound-spectrum]").value
    with pytest.raises(InputError, match="holds no clips, but sounds"):
        audit_metrics(folder, kind="video", store=tmp_path / "s")
