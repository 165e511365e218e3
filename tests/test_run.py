import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fauxbench
from fauxbench.harness.errors import StorageError, SuiteError
from fauxbench.harness.execute import local
from fauxbench.harness.run import RunResult, preview
from fauxbench.harness.store.schema import Row
from fauxbench.harness.suite import Suite

TERMS = {"people": "none"}


def suite_of(photographs: Path, *systems: object, **more: object) -> Suite:
    document = {
        "suite": "small",
        "data": {"dataset": "folder", "path": str(photographs), "terms": TERMS},
        "generators": [s if isinstance(s, dict) else {"use": s} for s in systems],
        "metrics": ["fd", "ssim"],
        "instruments": ["spectrum", "inception-2015"],
        **more,
    }
    return Suite.model_validate(document)


def run(suite: Suite, tmp_path: Path, **more: object) -> RunResult:
    return fauxbench.run(suite, runs=tmp_path / "runs", workers=2, **more)


def row(rows: tuple[Row, ...], system: str, metric: str) -> Row:
    return next(r for r in rows if r.system == system and r.metric == metric)


def test_a_run_measures_every_system_and_the_control(photographs: Path, good_system: str, tmp_path: Path) -> None:
    result = run(suite_of(photographs, good_system, "environment"), tmp_path)
    rows = result.results.rows
    control, good = row(rows, "real", "fd[spectrum]"), row(rows, "good@1", "fd[spectrum]")
    assert control.role == "control"
    assert control.value is not None
    assert good.value is not None
    assert good.value > 5 * control.value  # noise looks less like the photographs than other photographs do
    assert control.n == control.expected == good.n == good.expected  # same N on both sides
    degraded, place = row(rows, "real-degraded", "fd[spectrum]"), good.position
    assert place is not None
    assert place.value is not None
    assert degraded.comparability == control.comparability == good.comparability
    assert (place.system, place.control, place.degraded) == (good.value, control.value, degraded.value)
    assert place.value == pytest.approx((place.system - place.control) / (place.degraded - place.control))
    assert place.value > 1
    assert row(rows, "good@1", "fid").reason == "not computed: weights of inception-2015 missing, see fauxbench doctor"
    similar = row(rows, "environment@2", "ssim").value
    assert similar is not None
    assert 0.1 < similar < 1
    assert row(rows, "good@1", "memorisation[thumbnail]").value is not None
    assert not any(r.metric == "ssim" and r.system == "good@1" for r in rows)  # it has no source to be compared with
    assert {r.comparability for r in rows if r.metric == "fd[spectrum]" and r.kind != "augmented_real"} == {
        good.comparability
    }
    names = {path.relative_to(result.folder).as_posix() for path in result.folder.rglob("*") if path.is_file()}
    assert {"run.json", "plan.jsonl", "records.jsonl", "results.json", "replicates.json"} <= names
    assert {"tables/realism.tex", "tables/realism.md", "tables/realism.csv", "tables/realism.html"} <= names
    assert json.loads((result.folder / "run.json").read_text())["status"] == "complete"


def test_the_second_run_is_cached_and_says_the_same(photographs: Path, good_system: str, tmp_path: Path) -> None:
    suite = suite_of(photographs, good_system)
    first, second = run(suite, tmp_path), run(suite, tmp_path)
    records = [json.loads(line) for line in (second.folder / "records.jsonl").read_text().splitlines()]
    assert all(record["cached"] for record in records)
    assert (first.folder / "results.json").read_bytes() == (second.folder / "results.json").read_bytes()


def test_the_numbers_do_not_depend_on_the_number_of_workers(
    photographs: Path, good_system: str, tmp_path: Path
) -> None:
    suite = suite_of(photographs, good_system, "environment")
    results = [
        fauxbench.run(suite, runs=tmp_path / f"runs{n}", store=tmp_path / f"store{n}", workers=n).folder for n in (1, 3)
    ]
    first, second = [(folder / "results.json").read_bytes() for folder in results]
    assert first == second


BAD = {
    "raises": ("raise RuntimeError('out of luck')", "error"),
    "raises-late": ("yield good(requests[0])\nraise ValueError('half way')", "error"),
    "nan": ("for r in requests: yield Artifact(request_id=r.id, media=ImageMedia(pixels=np.full((32, 32, 3), np.nan)))",
            "invalid"),
    "shape": ("for r in requests: yield Artifact(request_id=r.id, media=ImageMedia(pixels=picture(r.seed)[..., 0]))",
              "invalid"),
    "type": ("for r in requests: yield 'a picture'", "missing"),
    "few": ("for r in requests[:3]: yield good(r)", "missing"),
    "crash": ("os._exit(7)", "crashed"),
    "hang": ("time.sleep(60)", "timeout"),
    "not-a-generator": ("return 5", "error"),
}  # fmt: skip


def test_bad_systems_are_recorded_and_the_rest_completes(
    photographs: Path, good_system: str, write_system: Callable[..., str], tmp_path: Path
) -> None:
    systems: list[object] = [good_system]
    for name, (body, _) in BAD.items():
        lines = body.replace("\n", "\n    ")
        use = write_system(name, f"def generate(self, requests, context):\n    {lines}")
        systems.append({"use": use, "time_limit": 3})
    results = run(suite_of(photographs, *systems), tmp_path).results
    found = {system.name: system for system in results.systems}
    assert found["good@1"].status == "ok"
    assert row(results.rows, "good@1", "fd[spectrum]").value is not None
    for name, (_, kind) in BAD.items():
        system = found[f"{name}@1"]
        assert system.status == ("partial" if name in {"raises-late", "few"} else "failed"), system
        assert kind in system.failures or kind in str(system.reason), system
        assert row(results.rows, f"{name}@1", "fd[spectrum]").best is None
    few = row(results.rows, "few@1", "fd[spectrum]")
    assert (few.n, few.expected - few.n) == (3, few.failures["missing"])
    assert len(results.warnings) == len(BAD)


def test_a_time_limit_ends_no_other_unit(
    photographs: Path, good_system: str, write_system: Callable[..., str], tmp_path: Path
) -> None:
    hang = {"use": write_system("hang", "def generate(self, requests, context):\n    time.sleep(60)"), "time_limit": 1}
    others = [{"use": good_system, "version": f"v{n}"} for n in range(4)]
    results = run(suite_of(photographs, hang, *others, metrics=["fd", "kd"]), tmp_path).results
    assert {s.name: s.status for s in results.systems} == {"hang@1": "failed"} | {f"good@v{n}": "ok" for n in range(4)}
    assert all(r.value is not None for r in results.rows if r.system != "hang@1" and "spectrum" in r.metric)


def test_two_classes_of_one_file_and_a_changed_neighbour_are_other_systems(
    photographs: Path, write_system: Callable[..., str], tmp_path: Path
) -> None:
    use = write_system("pair", "def generate(self, requests, context):\n    yield from map(made, requests)")
    folder = Path(use.rpartition("/")[0])
    model, helper = folder / "model.py", folder / "level.py"
    model.write_text(
        "import numpy as np\nfrom fauxbench import Artifact, Generator, ImageMedia\nfrom level import LEVEL\n"
        "class System(Generator):\n    level = LEVEL\n    def generate(self, requests, context):\n"
        "        for r in requests:\n            flat = np.full((32, 32, 3), self.level, np.uint8)\n"
        "            yield Artifact(request_id=r.id, media=ImageMedia(pixels=flat))\n"
        "class Other(System):\n    level = 200\n"
    )
    contents = []
    for name, level in (("System", 40), ("Other", 40), ("System", 90)):
        helper.write_text(f"LEVEL = {level}\n")
        result = run(suite_of(photographs, f"{model}:{name}"), tmp_path)
        records = [json.loads(line) for line in (result.folder / "records.jsonl").read_text().splitlines()]
        contents.append(next(r["output"] for r in records if r["kind"] == "generate"))
    assert len(set(contents)) == 3


def test_what_cannot_be_done_at_all_is_refused_before_the_run(
    photographs: Path, good_system: str, tmp_path: Path
) -> None:
    outputs = {"use": "folder", "name": "o", "version": 1, "kind": "fully_synthetic", "path": str(photographs)}
    for suite, message in (
        (suite_of(photographs, good_system, metrics=["fd"], instruments=["thumbnail"]), "reads an instrument for"),
        (suite_of(photographs, outputs, detectors=["cnn"]), "no system that makes fakes has a train split"),
        (suite_of(photographs, good_system.replace(":System", ":Sistem")), "did you mean 'System'"),
    ):
        with pytest.raises(fauxbench.InputError, match=message):
            run(suite, tmp_path)
    assert not (tmp_path / "runs").exists()


def test_files_that_cannot_be_read_are_counted_and_the_run_goes_on(
    photographs: Path, good_system: str, tmp_path: Path
) -> None:
    (photographs / "p03" / "1.png").write_text("not a picture")
    (photographs / "p04" / "2.png").write_bytes(b"")
    result = run(suite_of(photographs, good_system), tmp_path)
    assert result.results.reference["failures"] == {"unreadable": 2}
    (warning,) = result.results.warnings
    assert warning == "the real set: 2 files could not be read"
    listed = [json.loads(line) for line in (result.folder / "failures.jsonl").read_text().splitlines()]
    assert [failure["request_id"] for failure in listed] == ["p03/1.png", "p04/2.png"]


def test_a_folder_of_outputs_is_a_system(photographs: Path, tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    rng = np.random.default_rng(1)
    for number in range(40):
        Image.fromarray(rng.integers(0, 255, (32, 32, 3), dtype=np.uint8)).save(outputs / f"{number}.png")
    (outputs / "broken.png").write_bytes(b"\x89PNG")
    spec = {"use": "folder", "name": "mine", "version": 3, "kind": "fully_synthetic", "path": str(outputs)}
    results = run(suite_of(photographs, spec, n={"test": 20}), tmp_path).results
    mine = row(results.rows, "mine@3", "fd[spectrum]")
    assert mine.expected == 20
    assert mine.n in {19, 20}
    assert mine.value is not None


def test_training_seeds_give_one_row_with_their_values(
    photographs: Path, write_system: Callable[..., str], tmp_path: Path
) -> None:
    body = """
    def fit(self, task, context):
        self.shift = int(context.rng().integers(2, 60))
    def save(self, folder):
        (folder / "shift.json").write_text(str(self.shift))
    def load(self, folder):
        self.shift = int((folder / "shift.json").read_text())
    def generate(self, requests, context):
        for request in requests:
            pixels = np.clip(picture(request.seed).astype(int) // self.shift * 4, 0, 255).astype(np.uint8)
            yield Artifact(request_id=request.id, media=ImageMedia(pixels=pixels))
    """
    use = write_system("learner", body, fits=True)
    result = run(suite_of(photographs, {"use": use, "seeds": [1, 2, 3]}), tmp_path)
    found = row(result.results.rows, "learner@1", "fd[spectrum]")
    values = [seed.value for seed in found.seeds]
    assert [seed.seed for seed in found.seeds] == [1, 2, 3]
    assert len(set(values)) == 3
    assert found.value == pytest.approx(np.mean(values))
    assert found.interval is not None
    replicates = json.loads((result.folder / "replicates.json").read_text())["rows"][found.id]
    assert len(replicates) == 3


def test_weights_that_are_a_pickle_are_refused(
    photographs: Path, write_system: Callable[..., str], tmp_path: Path
) -> None:
    body = """
    def save(self, folder):
        (folder / "weights.pkl").write_bytes(b"x")
    def generate(self, requests, context):
        yield from ()
    """
    use = write_system("pickler", body, fits=True)
    system = run(suite_of(photographs, use), tmp_path).results.systems[0]
    assert system.status == "failed"
    assert "weights are kept as .safetensors and .json only" in str(system.reason)


def test_real_people_need_terms(photographs: Path, tmp_path: Path) -> None:
    data = {"dataset": "folder", "path": str(photographs)}
    suite = Suite.model_validate({"suite": "s", "data": data, "generators": ["environment"]})
    with pytest.raises(fauxbench.InputError, match="must permit 'edit'"):
        run(suite, tmp_path)
    assert not (tmp_path / "runs").exists()
    assert not (tmp_path / "store").exists()


def test_nobody_is_learnt_from_against_their_consent(photographs: Path, good_system: str, tmp_path: Path) -> None:
    record = {"techniques": ["swap"], "purposes": ["evaluate"], "granted": "2020-01-01", "expires": "2999-01-01"}
    lines = [json.dumps({**record, "person": f"p{number:02d}", "form": "0" * 64}) for number in range(24)]
    (tmp_path / "consents.jsonl").write_text("\n".join(lines))
    data = {"dataset": "folder", "path": str(photographs), "terms": {"permits": ["evaluate", "train"], "grant": "me"}}
    more = {"data": data, "metrics": [], "detectors": ["spectrum"]}
    done = run(suite_of(photographs, good_system, **more), tmp_path)
    reasons = {row.reason for row in done.results.rows if row.section == "detection"}
    assert all("whose consent speaks against it (it does not say 'train')" in str(reason) for reason in reasons)
    assert reasons


def test_two_systems_of_one_name_are_refused(photographs: Path, good_system: str, tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="'good@1' is given twice"):
        run(suite_of(photographs, good_system, good_system), tmp_path)


def test_a_full_disk_stops_the_run_and_the_same_call_resumes(
    photographs: Path, good_system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = suite_of(photographs, good_system)
    whole = fauxbench.run(suite, runs=tmp_path / "whole", store=tmp_path / "other", workers=1)
    original = local.Worker.order
    seen: list[str] = []

    def full(self: local.Worker, unit: object, message: object) -> None:
        seen.append(unit.id)  # type: ignore[attr-defined]
        if len(seen) == 4:
            self._events.put((self, {"event": "storage", "message": "No space left on device at X: free space"}))
        original(self, unit, message)  # type: ignore[arg-type]

    monkeypatch.setattr(local.Worker, "order", full)
    with pytest.raises(StorageError, match="free space"):
        run(suite, tmp_path)
    monkeypatch.undo()
    monkeypatch.setenv("FAUXBENCH_STORE", str(tmp_path / "store"))
    result = run(suite, tmp_path)
    assert len(list((tmp_path / "runs").iterdir())) == 1  # taken up, not begun anew
    assert (result.folder / "results.json").read_bytes() == (whole.folder / "results.json").read_bytes()


SCRIPT = """
import sys, json, pathlib, fauxbench
from fauxbench.harness.suite import Suite
suite = Suite.model_validate(json.loads(pathlib.Path(sys.argv[1]).read_text()))
print(fauxbench.run(suite, runs=pathlib.Path(sys.argv[2]), store=pathlib.Path(sys.argv[3]), workers=2).folder)
"""


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_resumes_to_the_same_bytes(
    sign: signal.Signals, photographs: Path, good_system: str, tmp_path: Path
) -> None:
    suite = suite_of(photographs, good_system, "environment")
    document = tmp_path / "suite.json"
    document.write_text(json.dumps(suite.model_dump(mode="json")))
    whole = fauxbench.run(suite, runs=tmp_path / "whole", store=tmp_path / "other", workers=2)
    order = [sys.executable, "-c", SCRIPT, str(document), str(tmp_path / "runs"), str(tmp_path / "killed")]
    rng = np.random.default_rng(int(sign))
    for _ in range(3):
        process = subprocess.Popen(order, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(float(rng.uniform(0.5, 3)))
        process.send_signal(sign)
        process.wait()
    out = subprocess.run(order, capture_output=True, text=True, check=True)
    folder = Path(out.stdout.strip())
    assert (folder / "results.json").read_bytes() == (whole.folder / "results.json").read_bytes()
    assert (folder / "replicates.json").read_bytes() == (whole.folder / "replicates.json").read_bytes()


def test_workers_end_with_their_coordinator(tmp_path: Path) -> None:
    script = (
        "import sys, time; from queue import Queue; from fauxbench.harness.execute.local import Worker\n"
        "w = Worker(Queue()); print(w.process.pid, flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    worker = int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()
    deadline = time.monotonic() + 20
    while _alive(worker):
        assert time.monotonic() < deadline, "the worker outlived its coordinator"
        time.sleep(0.1)


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state not in {"Z", "X"} and os.path.exists(f"/proc/{pid}")  # noqa: PTH110


def test_a_preview_writes_nothing(photographs: Path, good_system: str, tmp_path: Path) -> None:
    suite = suite_of(photographs, good_system)
    before = preview(suite)
    assert not before.cached
    assert set(before.seconds) == {unit.id for unit in before.plan.units}
    assert not (tmp_path / "store").exists()
    run(suite, tmp_path)
    assert preview(suite).cached == {unit.id for unit in before.plan.units}
