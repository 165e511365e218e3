"""Whole runs of suites whose systems are attached by a command, over HTTP, or by weights handed in."""

import json
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import fauxbench
from fauxbench.harness.errors import SuiteError
from fauxbench.harness.planning.planner import plan_suite
from fauxbench.harness.run import RunResult
from fauxbench.harness.store.schema import SystemRecord
from fauxbench.harness.suite import Suite, read_suite

from .conftest import GOOD

Write = Callable[..., Path]


def suite_of(photographs: Path, *systems: dict[str, object], **more: object) -> Suite:
    document = {
        "suite": "small",
        "data": {"dataset": "folder", "path": str(photographs), "terms": {"people": "none"}},
        "generators": list(systems),
        "metrics": ["fd"],
        "instruments": ["spectrum"],
        **more,
    }
    return Suite.model_validate(document)


def command(program: Path, *, name: str = "mine", kind: str = "fully_synthetic", **more: object) -> dict[str, object]:
    own = {n: more.pop(n) for n in ("time_limit", "weights", "parameters", "seeds", "version") if n in more}
    described = {"argv": [sys.executable, program.name], "folder": str(program.parent), **more}
    return {"use": "command", "name": name, "version": "1", "kind": kind, "command": described, **own}


def run(suite: Suite, tmp_path: Path) -> RunResult:
    return fauxbench.run(suite, runs=tmp_path / "runs", workers=2)


def units(result: RunResult) -> dict[str, dict[str, object]]:
    lines = (result.folder / "records.jsonl").read_text().splitlines()
    return {record["unit"]: record for record in map(json.loads, lines)}


def failures(result: RunResult) -> list[dict[str, str]]:
    return [json.loads(line) for line in (result.folder / "failures.jsonl").read_text().splitlines()]


def systems(result: RunResult) -> dict[str, SystemRecord]:
    return {system.name: system for system in result.results.systems}


def test_a_command_is_measured_and_cached_until_its_files_change(
    photographs: Path, write_program: Write, tmp_path: Path
) -> None:
    program = write_program()
    suite = suite_of(photographs, command(program), command(program, name="other", parameters={"depth": 2}))
    first = run(suite, tmp_path)
    assert {s.status for s in first.results.systems} == {"ok"}
    assert any(row.system == "mine@1" and row.value is not None for row in first.results.rows)
    second = run(suite, tmp_path)
    assert all(record["cached"] for record in units(second).values())
    assert (first.folder / "results.json").read_bytes() == (second.folder / "results.json").read_bytes()
    program.write_text(program.read_text() + "\n# another\n")
    third = units(run(suite, tmp_path))
    (again,) = (unit for name, unit in third.items() if name.startswith("generate mine@1+"))  # changed code shows
    assert not again["cached"]
    assert third["real"]["cached"]


def test_answers_that_nobody_asked_for_are_recorded_and_change_no_number(
    photographs: Path, write_program: Write, tmp_path: Path
) -> None:
    clean = write_program(name="clean.py")
    noisy = write_program(
        f"{GOOD}\nif i.endswith('3'):\n    {GOOD}\n    print('chatter', flush=True)\n"
        "    say(type='artifact', id='unknown', file='x.png')\n"
        "if i.endswith('4'):\n    os.symlink('/etc/hostname', scratch / 'l.png')\n"
        "    say(type='artifact', id='another', file='l.png')",
        name="noisy.py",
    )
    suite = suite_of(photographs, command(clean, name="clean"), command(noisy, name="noisy"), n={"test": 12})
    result = run(suite, tmp_path)
    assert systems(result)["clean@1"].status == "ok"
    assert systems(result)["noisy@1"].status == "partial"
    messages = sorted(failure["message"] for failure in failures(result))
    assert len(messages) == sum(systems(result)["noisy@1"].failures.values()) == 4
    assert "a second answer to 'test-00003'; the first is kept" in messages
    assert "not JSON: 'chatter'; print to standard error" in messages
    assert any("a link leads to /etc/hostname" in message for message in messages)
    rows = {row.system: row for row in result.results.rows if row.metric == "fd[spectrum]" and row.role == "system"}
    assert rows["clean@1"].value == rows["noisy@1"].value
    assert (rows["noisy@1"].n, rows["noisy@1"].expected, rows["noisy@1"].failures) == (12, 12, {})


def test_bad_commands_fail_alone(photographs: Path, write_program: Write, tmp_path: Path) -> None:
    wrong = {
        "good": {},
        "greets-not": {"hello": "print('Loading')"},
        "crashes": {"generate": "raise SystemExit('no GPU')"},
        "hangs": {"generate": "time.sleep(60)"},
        "text": {"generate": "(scratch / 'a.png').write_text('x'); say(type='artifact', id=i, file='a.png')"},
    }
    programs = [
        command(write_program(**parts, name=f"{name}.py"), name=name, time_limit=4)  # type: ignore[arg-type]
        for name, parts in wrong.items()
    ]
    result = run(suite_of(photographs, *programs, n={"test": 6}), tmp_path)
    found = systems(result)
    assert found["good@1"].status == "ok"
    assert "the first answer of" in str(found["greets-not@1"].reason)
    assert found["crashes@1"].failures == {"crashed": 6}
    assert found["hangs@1"].failures == {"timeout": 6}
    assert found["text@1"].failures == {"invalid": 6}
    crash = next(one for one in failures(result) if one["kind"] == "crashed")
    assert crash["traceback"] == "no GPU"
    assert "greets-not@1" not in {r.get("unit") for r in units(result).values() if r["status"] == "ok"}


FIT = "(Path(order['weights']) / 'n.json').write_text(str(len(order['train'])))\nsay(type='fitted')"


def test_a_command_is_trained_saved_and_its_weights_can_be_handed_in(
    photographs: Path, write_program: Write, tmp_path: Path
) -> None:
    program = write_program("json.loads((Path(hello['weights']) / 'n.json').read_text())\n" + GOOD, fit=FIT)
    result = run(suite_of(photographs, command(program, fits=True, seeds=[1, 2])), tmp_path)
    assert systems(result)["mine@1"].status == "ok"
    assert [unit for unit in units(result) if unit.startswith("fit")] == ["fit mine@1 seed 1", "fit mine@1 seed 2"]
    pickler = write_program(fit="(Path(order['weights']) / 'n.pt').write_text('x'); say(type='fitted')", name="p.py")
    reason = systems(run(suite_of(photographs, command(pickler, fits=True, version=2)), tmp_path))["mine@2"].reason
    assert "save() wrote" in str(reason)
    assert "a pickle runs any code" in str(reason)


WEIGHED = """
def load(self, folder):
    from safetensors.numpy import load_file
    self.table = load_file(folder / "weights.safetensors")["table"].reshape(32, 32, 3)
def fit(self, task, context):
    self.table = np.full((32, 32, 3), 3, np.uint8)
def save(self, folder):
    from safetensors.numpy import save_file
    save_file({"table": self.table}, folder / "weights.safetensors")
def generate(self, requests, context):
    for r in requests:
        yield Artifact(request_id=r.id, media=ImageMedia(pixels=picture(r.seed) // 4 * 3 + self.table))
"""


def test_weights_handed_in_are_loaded_instead_of_training(
    photographs: Path, write_system: Callable[..., str], tmp_path: Path
) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    use = write_system("weighed", WEIGHED, fits=True)
    folder = tmp_path / "weights"
    folder.mkdir()
    save_file({"table": np.full((32, 32, 3), 9, np.uint8)}, folder / "weights.safetensors")
    handed = {"use": use, "version": "2", "weights": str(folder)}
    result = run(suite_of(photographs, {"use": use}, handed), tmp_path)
    assert {s.name: s.status for s in result.results.systems} == {"weighed@1": "ok", "weighed@2": "ok"}
    assert [unit for unit in units(result) if unit.startswith("fit")] == ["fit weighed@1 seed 0"]
    assert systems(result)["weighed@2"].trained_on is None
    assert systems(result)["weighed@1"].digest != systems(result)["weighed@2"].digest
    outputs = {name: record["output"] for name, record in units(result).items() if name.startswith("generate")}
    assert len(set(outputs.values())) == 2
    save_file({"table": np.full((32, 32, 3), 8, np.uint8)}, folder / "weights.safetensors")
    again = units(run(suite_of(photographs, handed), tmp_path))
    assert not again["generate weighed@2 seed 0"]["cached"]

    save_file({"table": np.zeros((8, 8, 3), np.uint8)}, folder / "weights.safetensors")
    found = systems(run(suite_of(photographs, handed), tmp_path))["weighed@2"]
    assert found.status == "failed"
    assert "do not fit 'weighed' with these parameters (ValueError: cannot reshape array" in str(found.reason)
    (folder / "weights.safetensors").write_bytes((folder / "weights.safetensors").read_bytes()[:-7])
    with pytest.raises(SuiteError, match=r"generators\.0: .*safetensors: 192 bytes of tensors are announced, 185"):
        run(suite_of(photographs, handed), tmp_path)
    (folder / "weights.safetensors").rename(folder / "weights.pt")
    with pytest.raises(SuiteError, match=r"weights\.pt: .*a pickle runs any code .*save_file"):
        run(suite_of(photographs, handed), tmp_path)


@pytest.fixture
def url() -> Iterator[str]:
    """A service that draws a picture for every seed."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seed = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["request"]["seed"]
            pixels = bytes((seed * 7 + i * 13) % 256 for i in range(16 * 16 * 3))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            import base64
            import io

            from PIL import Image

            file = io.BytesIO()
            Image.frombytes("RGB", (16, 16), pixels).save(file, "PNG")
            data = base64.b64encode(file.getvalue()).decode()
            self.wfile.write(json.dumps({"content_type": "image/png", "media": data}).encode())

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def service(url: str, version: str = "1") -> dict[str, object]:
    described = {"url": url, "retries": 0, "backoff": 0.01}
    return {"use": "http", "name": "cloud", "version": version, "kind": "fully_synthetic", "http": described}


def test_a_service_is_measured_and_cached_under_its_version(url: str, photographs: Path, tmp_path: Path) -> None:
    result = run(suite_of(photographs, service(url), n={"test": 6}), tmp_path)
    assert systems(result)["cloud@1"].status == "ok"
    assert all(
        one["cached"] for one in units(run(suite_of(photographs, service(url), n={"test": 6}), tmp_path)).values()
    )
    later = units(run(suite_of(photographs, service(url, "2"), n={"test": 6}), tmp_path))
    assert not later["generate cloud@2 seed 0"]["cached"]


def test_a_service_that_is_not_there_fails_and_is_asked_again_next_time(photographs: Path, tmp_path: Path) -> None:
    suite = suite_of(photographs, service("http://127.0.0.1:9/"), n={"test": 6})
    for _ in range(2):
        result = run(suite, tmp_path)
        assert "no connection to http://127.0.0.1:9/" in str(systems(result)["cloud@1"].reason)
        assert units(result)["generate cloud@1 seed 0"]["status"] == "failed"  # not kept


def test_real_people_do_not_leave_without_terms_and_consent(
    photographs: Path, write_program: Write, tmp_path: Path
) -> None:
    program = write_program("import shutil\nshutil.copy(order['target']['file'], scratch / (i + '.png'))\n"
                            "say(type='artifact', id=i, file=i + '.png')")  # fmt: skip
    swap = command(program, kind="partially_synthetic", uses=["target"], technique="swap")
    terms = {"people": "real", "permits": ["evaluate", "edit", "train"], "grant": "form 7"}
    data = {"dataset": "folder", "path": str(photographs), "terms": terms}
    consent = {"techniques": ["swap"], "purposes": ["evaluate"], "form": "f"}
    consent |= {"granted": "2020-01-01", "expires": "2099-01-01"}
    records = [{**consent, "person": f"p{n:02d}", "leave_machine": n % 2 == 0} for n in range(24)]
    (tmp_path / "consents.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    found = run(suite_of(photographs, swap, data=data), tmp_path)
    people = {one["request_id"]: one["message"] for one in failures(found)}
    refused = {message.split("'")[1] for message in people.values() if "that says leave_machine" in message}
    assert refused
    assert all(int(person[1:]) % 2 for person in refused)
    assert systems(found)["mine@1"].failures == {"refused": len(people)}
    for kind, more in (("augmented_real", {"uses": ["target"]}), ("fully_synthetic", {"fits": True})):
        with pytest.raises(fauxbench.InputError, match="must permit 'leave_machine'"):
            run(suite_of(photographs, command(program, kind=kind, **more), data=data), tmp_path)


SUITE = "suite: s\ndata: {dataset: studio}\ngenerators:\n  - dcgan\n  - "
WRONG = {
    "no command": ("{use: command, name: a, version: 1, kind: fully_synthetic}", "use 'command' needs command"),
    "no name": ("{use: http, http: {url: 'http://h/'}}", "use 'http' needs name, version, kind"),
    "no version": ("{use: http, name: a, kind: fully_synthetic, http: {url: 'http://h/'}}", "use 'http' needs version"),
    "a command for a name": ("{use: dcgan, command: {argv: [sh]}}", "command: only for use 'command'"),
    "http for a command": ("{use: command, http: {url: 'http://h/'}}", "http: only for use 'http'"),
    "a kind for a name": ("{use: dcgan, kind: fully_synthetic}", "kind: only for use folder, command, http"),
    "weights for http": ("{use: http, name: a, version: 1, kind: fully_synthetic, weights: w, http: {url: 'http://h'}}",
                         "weights: not for use 'http'"),
    "an unknown key": ("{use: command, name: a, version: 1, kind: fully_synthetic, command: {argv: [sh], file: [x]}}",
                       "unknown key 'generators.1.command.file'; did you mean 'files'?; legal: argv, attributes, env"),
    "argv as a word": ("{use: command, command: {argv: sh -c x}}", "generators.1.command.argv: expected a list; found"),
    "no argv": ("{use: command, command: {argv: []}}", "generators.1.command.argv: expected at least one entry"),
    "no heartbeat": ("{use: command, command: {argv: [sh], heartbeat: 0}}", "command.heartbeat: Input should be gr"),
    "an unknown modality": ("{use: command, command: {argv: [sh], modality: text}}", "Input should be 'image', 'vid"),
    "a bad address": ("{use: http, http: {url: 'h/x'}}", "generators.1.http.url: expected http://HOST"),
    "a password": ("{use: http, http: {url: 'http://a:b@h/'}}", "set `token` to a variable that holds it"),
    "a token itself": ("{use: http, http: {url: 'http://h/', token: 'sk-12 3'}}", "generators.1.http.token: String "),
    "training over http": ("{use: http, http: {url: 'http://h/', fits: true}}", "unknown key 'generators.1.http.fits'"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_wrong_suites_name_line_and_key(case: str, tmp_path: Path) -> None:
    text, words = WRONG[case]
    path = tmp_path / "mine.yaml"
    path.write_text(SUITE + text + "\n")
    with pytest.raises(SuiteError) as caught:
        read_suite(path)
    assert words in str(caught.value)
    assert "line 5" in str(caught.value)


def test_what_planning_finds_wrong(photographs: Path, write_program: Write, tmp_path: Path) -> None:
    program = write_program()
    for system, words in (
        (command(program, folder="nowhere"), r"generators\.0: command\.folder: expected a folder at .*nowhere"),
        (command(program, argv=["no-such-program"]), r"generators\.0: command\.argv: no program 'no-such-program'"),
        (command(program, files=["net.pt"]), r"generators\.0: files: net\.pt is not in"),
        (
            command(program, uses=["audio"]),
            "is given speech, and the real set holds pictures: render clips or sounds",
        ),
        (command(program, weights="w"), "has no training whose weights could be handed in"),
        (command(program, fits=True, weights="w"), "expected a folder of weights, found nothing there"),
        ({**service("http://h/"), "http": {"url": "http://h/", "token": "NO_SUCH_VARIABLE"}}, "holds no token; set it"),
    ):
        with pytest.raises(SuiteError, match=words):
            plan_suite(suite_of(photographs, system), tmp_path, tmp_path)
