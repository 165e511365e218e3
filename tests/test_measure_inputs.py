import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from fauxbench import InputError, frechet_distance, measure, read_image
from fauxbench.harness.datasets.inputs import folder_of
from fauxbench.harness.errors import RefusedError
from fauxbench.harness.execute.display import Display
from fauxbench.harness.instruments import load_instrument
from fauxbench.harness.media.content import SoundMedia
from fauxbench.harness.media.item import Item, Kind, Modality, Split
from fauxbench.harness.media.mediaset import MediaSetWriter, Terms
from fauxbench.harness.planning.reading import protocols_of

FAST = {"metrics": ["fd"], "instruments": ["spectrum"], "workers": 1}


def paint(folder: Path, count: int, seed: int, *, blur: int = 1, people: int = 0) -> Path:
    """Write noisy pictures; `blur` repeats pixels."""
    rng = np.random.default_rng(seed)
    for i in range(count):
        place = folder / f"p{i % people:02d}" if people else folder
        place.mkdir(parents=True, exist_ok=True)
        coarse = rng.integers(0, 256, (48 // blur, 48 // blur, 3), dtype=np.uint8)
        smooth = np.asarray(Image.fromarray(coarse).resize((48, 48), Image.Resampling.BICUBIC), dtype=float)
        noise = rng.normal(0, 12, smooth.shape)
        Image.fromarray(np.uint8(np.clip(smooth + noise, 0, 255))).save(place / f"{i:03d}.png")
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    base = tmp_path_factory.mktemp("pictures")
    return paint(base / "real", 60, 1, blur=4, people=30), paint(base / "fake", 40, 2, blur=6)


def features(folder: Path) -> np.ndarray:
    pictures = [read_image(path) for path in sorted(folder.rglob("*.png"))]
    return load_instrument("spectrum", Path("none")).extract(pictures)["features"]


def zipped(folder: Path, target: Path, top: str = "") -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.rglob("*.png")):
            archive.write(path, f"{top}{path.relative_to(folder).as_posix()}")
        archive.writestr("__MACOSX/._000.png", b"not a picture")
    return target


def one(found, metric="fd[spectrum]", role="system", system=None):
    (row,) = [r for r in found.rows if (r.metric, r.role) == (metric, role) and (system is None or r.system == system)]
    return row


@pytest.fixture(scope="module")
def measured(folders, tmp_path_factory):
    store = tmp_path_factory.mktemp("store")
    return measure(*folders, store=store, save_stats=store / "real.npz", **FAST), store


def test_the_score_is_the_metrics_own(measured, folders):
    found, _ = measured
    assert one(found).value == pytest.approx(frechet_distance(features(folders[1]), features(folders[0])), rel=1e-6)


def test_controls_stand_beside_at_equal_n(measured):
    found, _ = measured
    control, degraded = one(found, role="control", system="real"), one(found, role="control", system="real-degraded")
    (position,) = found.positions
    assert control.n == degraded.n == position.n == 30
    assert (position.control, position.degraded) == (control.value, degraded.value)
    assert degraded.value > 3 * control.value
    expected = (position.system - position.control) / (position.degraded - position.control)
    assert position.value == pytest.approx(expected)
    assert position.value > 0.03


def test_real_pictures_lie_at_0_and_degraded_ones_at_1(tmp_path):
    """A system whose pictures are real ones, and one whose pictures are real ones degraded as the control is."""
    from fauxbench.harness.conditions.control import SEEN

    real, other = paint(tmp_path / "real", 80, 1, blur=4), paint(tmp_path / "other", 40, 2, blur=4)
    worse = tmp_path / "worse"
    worse.mkdir()
    for path in sorted(other.iterdir()):
        pixels, _ = SEEN.condition.apply(read_image(path), np.random.default_rng(0))
        Image.fromarray(pixels).save(worse / path.name)
    good, bad = (measure(real, fake, store=tmp_path / "s", **FAST).positions[0] for fake in (other, worse))
    assert good.value == pytest.approx(0, abs=0.1)
    assert bad.value == pytest.approx(1, abs=0.15)


def test_zip_files_give_what_folders_give(measured, folders, tmp_path):
    found, store = measured
    real = zipped(folders[0], tmp_path / "real.zip")
    fake = zipped(folders[1], tmp_path / "fake.zip", top="export/fake/")
    again = measure(real, fake, store=store, **FAST)
    assert one(again).value == one(found).value
    assert one(again).interval == one(found).interval
    assert [p.value for p in again.positions] == [p.value for p in found.positions]


def media_set(folder: Path, target: Path, split: Split, *, of: str = "", terms: Terms | None = None) -> Path:
    writer = MediaSetWriter(target, name=target.name, origin="test", terms=terms, roots={"data": folder})
    for path in sorted(folder.rglob("*.png")):
        name = path.relative_to(folder).as_posix()
        writer.refer(
            Item(
                id=f"{of}{path.stem}",
                modality=Modality.IMAGE,
                kind=Kind.REAL,
                group="g",
                split=split,
                clusters={"identity": path.parent.name} if path.parent != folder else {},
            ),
            root="data",
            path=name,
        )
    writer.seal()
    return target


def test_media_sets_give_what_folders_give(measured, folders, tmp_path):
    found, store = measured
    real = media_set(folders[0], tmp_path / "real-set", Split.TEST)
    fake = media_set(folders[1], tmp_path / "fake-set", Split.TRAIN, of="made/")
    again = measure(real, fake, store=store, **FAST)
    assert one(again).value == pytest.approx(one(found).value, rel=1e-9)


def test_a_media_set_of_made_pictures_is_paired_with_what_they_were_made_from(tmp_path):
    real = paint(tmp_path / "pictures", 6, 3, blur=4)
    media_set(real, tmp_path / "real", Split.TEST)
    writer = MediaSetWriter(tmp_path / "made", name="made", origin="test", roots={"data": real})
    for path in sorted(real.iterdir()):
        item = Item(
            id=f"x-{path.stem}",
            modality=Modality.IMAGE,
            kind=Kind.AUGMENTED_REAL,
            group="g",
            split=Split.TEST,
            sources=(path.stem,),
        )
        writer.refer(item, root="data", path=path.name)
    writer.seal()
    found = measure(tmp_path / "real", tmp_path / "made", metrics=["psnr"], instruments=["spectrum"], workers=1)
    assert one(found, "psnr").value == 100.0
    assert one(found, "psnr").n == 6


def test_sets_of_two_media_are_named_as_they_were_given(tmp_path):
    pictures = media_set(paint(tmp_path / "p", 3, 1), tmp_path / "pictures", Split.TEST)
    writer = MediaSetWriter(tmp_path / "sounds", name="s", origin="test", modality=Modality.AUDIO)
    item = Item(id="a", modality=Modality.AUDIO, kind=Kind.REAL, group="g", split=Split.TEST)
    writer.add(item, SoundMedia(sound=np.zeros(1600, np.float32)))
    writer.seal()
    with pytest.raises(InputError, match=rf"pictures in {pictures} and sounds in {tmp_path / 'sounds'}$"):
        measure(pictures, tmp_path / "sounds")


def test_terms_that_forbid_evaluation_are_kept(tmp_path):
    folder = media_set(
        paint(tmp_path / "p", 3, 1), tmp_path / "set", Split.TEST, terms=Terms(permits=("train",), grant="x")
    )
    with pytest.raises(RefusedError, match="do not permit 'evaluate'"):
        folder_of(folder, tmp_path / "scratch")


@pytest.mark.parametrize("name", ["../out.png", "/abs/out.png", "C:/out.png", "a/../../out.png"])
def test_a_zip_file_that_would_leave_its_folder_is_refused(name, tmp_path):
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr(name, b"x")
    with pytest.raises(InputError, match="would leave the folder"):
        folder_of(tmp_path / "evil.zip", tmp_path / "scratch")
    assert not (tmp_path / "out.png").exists()


def test_zip_files_without_pictures_and_other_files_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "empty.zip", "w") as archive:
        archive.writestr("readme.txt", b"x")
    with pytest.raises(InputError, match="no pictures, clips or sounds"):
        folder_of(tmp_path / "empty.zip", tmp_path / "scratch")
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InputError, match="found another file"):
        folder_of(tmp_path / "notes.txt", tmp_path / "scratch")


def test_saved_statistics_are_numpys_and_measure_the_same(measured, folders):
    found, store = measured
    expected = features(folders[0]).astype(np.float64)
    with np.load(store / "real.npz", allow_pickle=False) as stored:
        np.testing.assert_allclose(stored["mu"][:], expected.mean(axis=0), rtol=1e-10)
        np.testing.assert_allclose(stored["sigma"][:], np.cov(expected, rowvar=False), rtol=1e-9, atol=1e-12)
        assert (int(stored["n"]), str(stored["instrument"])) == (60, "spectrum")
    again = measure(store / "real.npz", folders[1], store=store, metrics=["fd", "kd"], workers=1)
    row = one(again)
    assert row.value == pytest.approx(one(found).value, rel=1e-9)
    assert row.interval.about == "at-n"
    assert any("how many items" in flag for flag in row.flags)
    other = next(r for r in again.rows if r.metric == "kd[spectrum]")
    assert "only the Fréchet distance can be computed" in other.reason
    assert again.positions == ()
    swapped = measure(folders[1], store / "real.npz", store=store, metrics=["fd"], workers=1)
    assert one(swapped).value == row.value


def test_two_statistics_need_no_pictures(tmp_path):
    for name, mean, spread in (("a", 0.0, 1.0), ("b", 2.0, 9.0)):
        np.savez(tmp_path / f"{name}.npz", mu=np.full(2048, mean)[:5], sigma=spread * np.eye(5))
    found = measure(tmp_path / "a.npz", tmp_path / "b.npz", metrics=["fd", "ssim"], store=tmp_path / "s")
    assert one(found, "fid").value == pytest.approx(5 * 4 + 5 * (3 - 1) ** 2)
    assert "no interval: statistics alone on both sides" in one(found, "fid").flags
    assert one(found, "fid").protocol["options"] == {"resize": "pytorch-fid"}
    assert one(found, "ssim").value is None


def test_pictures_against_inception_statistics_need_its_weights(folders, tmp_path):
    np.savez(tmp_path / "fid.npz", mu=np.zeros(2048), sigma=np.eye(2048))
    found = measure(tmp_path / "fid.npz", folders[1], metrics=["fd"], store=tmp_path / "s")
    assert "weights of inception-2015 missing" in one(found, "fid").reason


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"mean": [1.0]}, "no statistics"),
        ({"mu": np.zeros(3), "sigma": np.eye(4)}, r"found \(3,\) and \(4, 4\)"),
        ({"mu": np.zeros(2), "sigma": np.full((2, 2), np.nan)}, "NaN"),
        ({"mu": np.zeros(2), "sigma": np.array([[1.0, 0.5], [0.0, 1.0]])}, "not symmetric"),
        ({"mu": np.array([{}]), "sigma": np.eye(1)}, "no statistics"),
    ],
)
def test_files_that_are_no_statistics_are_refused(arrays, words, tmp_path, folders):
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(InputError, match=words):
        measure(tmp_path / "x.npz", folders[1], store=tmp_path / "s")


def test_statistics_of_statistics_cannot_be_saved(tmp_path):
    np.savez(tmp_path / "x.npz", mu=np.zeros(2), sigma=np.eye(2))
    with pytest.raises(InputError, match="give pictures on both sides"):
        measure(tmp_path / "x.npz", tmp_path / "x.npz", save_stats=tmp_path / "y.npz", store=tmp_path / "s")


def test_protocols_go_to_the_instruments_that_know_them():
    known = ["spectrum", "inception-2015"]
    assert protocols_of({"resize": "tf1"}, known) == {"inception-2015": {"resize": "tf1"}}
    assert protocols_of({}, known) == {}
    with pytest.raises(InputError, match="legal: clean, pytorch-fid, tf1"):
        protocols_of({"resize": "area"}, known)
    with pytest.raises(InputError, match="did you mean 'resize'"):
        protocols_of({"resice": "tf1"}, known)
    with pytest.raises(InputError, match="spectrum have: none"):
        protocols_of({"resize": "tf1"}, ["spectrum"])


def test_another_protocol_is_another_number_and_says_so(folders, tmp_path):
    rows = {}
    for resize in ("clean", "tf1"):
        found = measure(*folders, metrics=["fd"], store=tmp_path / "s", protocol={"resize": resize}, workers=1)
        rows[resize] = one(found, "fid")
    assert rows["clean"].comparability != rows["tf1"].comparability
    assert rows["tf1"].protocol["options"] == {"resize": "tf1"}


def test_a_second_call_computes_nothing(measured, folders):
    found, store = measured
    begun = []

    class Watch(Display):
        def started(self, unit):
            begun.append(unit.id)

    assert measure(*folders, store=store, display=Watch(), **FAST) == found
    assert begun == []


def test_command_line_prints_controls_and_positions(measured, folders, capsys, monkeypatch):
    import sys

    from fauxbench.harness.cli import main

    def call(*words: object) -> str:
        place = ("--store", measured[1], "--metrics", "fd", "--instruments", "spectrum", "--workers", "1", "-q")
        monkeypatch.setattr(sys, "argv", ["fauxbench", "measure", *map(str, (*folders, *place, *words))])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0
        return capsys.readouterr().out

    document = json.loads(call("--json"))
    assert document["positions"][0]["value"] == measured[0].positions[0].value
    table = call("--format", "markdown")
    said = ("position", "real (held out)", "real (degraded)", "down by 1.5, JPEG 85, up again", "n 30 on each side")
    for words in said:
        assert words in table
    assert "synthetic@1 (equal n)" in table


def test_a_metric_named_as_tables_print_it_is_measured_alone(folders, tmp_path):
    found = measure(*folders, metrics=["fd[spectrum]", "ssim"], store=tmp_path / "s", workers=1)
    assert {row.metric for row in found.rows} == {"fd[spectrum]"}
    assert found.positions[0].value is not None
    (said,) = found.results.warnings
    assert said.startswith("ssim: not measured: compares files of one name")


def test_without_weights_the_other_instruments_of_a_metric_are_named(folders, tmp_path):
    found = measure(*folders, metrics=["fd"], store=tmp_path / "s", workers=1)
    (said,) = found.results.warnings
    assert "fd[spectrum], fid (through inception-2015), fd[dinov2-vitl14]" in said
    assert measure(*folders, store=tmp_path / "s", **FAST).results.warnings == ()


def test_the_command_line_reads_protocols():
    from fauxbench.harness.cli.measure import _pairs

    assert _pairs("resize=tf1, precision=bf16") == {"resize": "tf1", "precision": "bf16"}
    assert _pairs("") == {}
    with pytest.raises(InputError, match="expected NAME=VALUE, separated by commas, found 'tf1'"):
        _pairs("tf1")


def test_lpips_without_its_weights_is_a_row_that_says_so(tmp_path):
    folder = paint(tmp_path / "p", 4, 1, blur=4)
    found = measure(folder, folder, metrics=["lpips"], instruments=["spectrum"], store=tmp_path / "s", workers=1)
    assert "weights of lpips-alex missing" in one(found, "lpips").reason


def test_distance_to_statistics_is_the_distance_of_the_features():
    from fauxbench.harness.metrics.frechet import frechet_to_statistics

    rng = np.random.default_rng(4)
    for n, m in ((12, 300), (200, 300), (12, 15), (200, 15)):
        a, b = rng.normal(0.3, 1, size=(n, 40)), rng.normal(size=(m, 40))
        expected = frechet_distance(a, b)
        assert frechet_to_statistics(a, b.mean(0), np.cov(b, rowvar=False)) == pytest.approx(expected, rel=1e-6)
    with pytest.raises(InputError, match="features have 40 columns, the statistics 3"):
        frechet_to_statistics(a, np.zeros(3), np.eye(3))


def test_what_lies_beside_what_is_measured_is_said_of_both_sides(tmp_path: Path) -> None:
    real, made = paint(tmp_path / "real", 12, 3, blur=4), paint(tmp_path / "made", 8, 4, blur=4)
    for folder, count in ((real, 1), (made, 5)):
        for place in range(count):
            soundfile.write(folder / f"voice{place}.wav", np.zeros(1600), 16_000)
    found = measure(real, made, **FAST)
    assert found.results.warnings[:2] == (
        f"{real}: 1 sound beside the pictures: left out",
        f"{made}: 5 sounds beside the pictures: counted as unreadable",
    )
    row = one(found)
    assert (row.n, row.expected, row.failures) == (8, 13, {"unreadable": 5})


def test_a_file_beside_sub_folders_leaves_people_what_they_are_and_is_named(tmp_path: Path) -> None:
    real, made = paint(tmp_path / "real", 16, 3, blur=4, people=4), paint(tmp_path / "made", 8, 4, blur=4)
    before = measure(real, made, **FAST)
    assert before.results.warnings == ()
    (real / "broken.png").write_bytes(b"abc")
    after = measure(real, made, **FAST)
    assert after.results.warnings[0] == (
        f"{real}: 1 picture beside its sub-folders, the first: broken.png; each sub-folder counts as a person, and "
        "that file as one of its own"
    )
    assert any(line.startswith("broken.png: ") for line in after.results.warnings[1:])
    for role, system in (("control", "real"), ("control", "real-degraded"), ("system", None)):
        assert one(after, role=role, system=system).value == one(before, role=role, system=system).value


def test_what_was_left_out_is_named(tmp_path: Path) -> None:
    real = paint(tmp_path / "real", 12, 3, blur=4)
    made = paint(tmp_path / "made", 12, 4, blur=4)
    (made / "bad.png").write_bytes(b"text")
    found = measure(real, made, metrics=["kd"], instruments=["spectrum"], workers=1).results.warnings
    assert any(line.startswith("bad.png: ") and "not a picture" in line for line in found)
    writer = MediaSetWriter(tmp_path / "set", name="set", origin="test", roots={"data": real})
    for place, path in enumerate(sorted(real.iterdir())):
        split = Split.TEST if place < 8 else Split.TRAIN
        item = Item(id=path.stem, modality=Modality.IMAGE, kind=Kind.REAL, group="g", split=split)
        writer.refer(item, root="data", path=path.name)
    writer.seal()
    said = measure(tmp_path / "set", made, metrics=["kd"], instruments=["spectrum"], workers=1).results.warnings
    assert said[0].endswith("set: its test split, 8 of 12 items")
