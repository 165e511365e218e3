# ruff: noqa: E501 - a table of broken systems, one a line
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from fauxbench import Generator, Item, Output
from fauxbench.harness.cards import GeneratorCard
from fauxbench.harness.cli import main
from fauxbench.harness.connect.attach import build
from fauxbench.harness.connect.conformance import Bench, check
from fauxbench.harness.connect.findings import Finding
from fauxbench.harness.media.item import Kind, Modality
from fauxbench.harness.registry import GENERATORS, load_class

Write = Callable[..., str]

CARD = 'licence = "MIT"\nreference = "none"\n'
FAKE = "media=ImageMedia(pixels=rng_picture(r.seed, r.output))"
HEAD = """
def rng_picture(seed, output, rng=None):
    rng = rng or np.random.default_rng(seed)
    return rng.integers(0, 255, (output.height, output.width, 3), dtype=np.uint8)
"""


@pytest.fixture
def bench(write_system: Write, tmp_path: Path) -> Callable[..., Bench]:
    def make(body: str, *, kind: str = "fully_synthetic", fits: bool = False, target: bool = False) -> Bench:
        use = write_system("mine", body, kind=kind, fits=fits, uses='["target"]' if target else "[]")
        folder = Path(use.rpartition(":")[0]).parent
        (folder / "card.toml").write_text((folder / "card.toml").read_text() + CARD)
        source = (folder / "model.py").read_text()
        (folder / "model.py").write_text(source.replace("\nclass System", HEAD + "\nclass System", 1))
        part = GENERATORS.find(use, tmp_path)

        def built() -> Generator:
            made = load_class(part.spec, Generator)(part.card, {})
            assert isinstance(made, Generator)
            return made

        items = []
        for i in range(4):
            Image.fromarray(np.full((16, 16, 3), 40 * i, np.uint8)).save(tmp_path / f"t{i}.png")
            picture = {"modality": Modality.IMAGE, "kind": Kind.REAL, "group": "g", "location": tmp_path / f"t{i}.png"}
            items.append(Item(id=f"t{i}", **picture))  # type: ignore[arg-type]
        return Bench(
            card=part.card,
            build=built,
            train=tuple(items),
            targets=tuple(items),
            output=Output(width=16, height=16),
            scratch=tmp_path / "check",
            weights=tmp_path / "check" / "weights",
        )

    return make


def failed(bench: Bench) -> dict[str, Finding]:
    found = [one for one in check(bench) if isinstance(one, Finding)]
    assert all(one.mend for one in found if one.status == "failed")
    assert not any(one.mend for one in found if one.status != "failed")
    return {one.point: one for one in reversed(found) if one.status == "failed"}


GOOD = f"""
def generate(self, requests, context):
    for n, r in enumerate(requests):
        yield Artifact(request_id=r.id, {FAKE})
        context.progress((n + 1) / len(requests), "")
"""
LEARNER = """
def fit(self, task, context):
    self.level = int(np.mean([read_image(i.location).mean() for i in task.train]))
def save(self, folder):
    (folder / "level.json").write_text(str(self.level))
def load(self, folder):
    self.level = int((folder / "level.json").read_text())
def generate(self, requests, context):
    for r in requests:
        yield Artifact(request_id=r.id, media=ImageMedia(pixels=rng_picture(r.seed, r.output) // 4 * 3 + self.level // 4))
"""
EDITOR = """
def generate(self, requests, context):
    for r in requests:
        try:
            pixels = 255 - read_image(r.target.location)
        except Exception as error:
            yield Failure(request_id=r.id, kind="unreadable", message=str(error))
            continue
        mask = np.full(pixels.shape[:2], 255, np.uint8)
        yield Artifact(request_id=r.id, media=ImageMedia(pixels=pixels), masks=lambda: iter([mask]))
"""


def test_good_systems_pass(bench: Callable[..., Bench]) -> None:
    assert failed(bench(GOOD)) == {}


def test_a_good_learner_passes(bench: Callable[..., Bench]) -> None:
    assert failed(bench(LEARNER, fits=True)) == {}


@pytest.mark.parametrize("kind", ["partially_synthetic", "augmented_real"])
def test_a_good_editor_passes(kind: str, bench: Callable[..., Bench]) -> None:
    assert failed(bench(EDITOR, kind=kind, target=True)) == {}


def each(body: str) -> str:
    lines = "\n        ".join(body.splitlines())
    return f"def generate(self, requests, context):\n    for n, r in enumerate(requests):\n        {lines}"


ONE = f"Artifact(request_id=r.id, {FAKE})"
# what is broken -> (code, more for the bench, the points that must fail, words of the first)
BROKEN: dict[str, tuple[str, dict[str, object], set[str], str]] = {
    "raises": (each("raise ValueError('half way')"), {}, {"answers"}, "raised ValueError: half way; not answered: check-0"),
    "answers twice": (each(f"yield {ONE}\nyield {ONE}"), {}, {"answers"}, "answered more than once: check-0"),
    "answers too few": (each(f"if n < 2: yield {ONE}"), {}, {"answers"}, "not answered: check-2, check-3"),
    "answers something else": (each(f"yield {ONE}\nyield 'x'"), {}, {"answers"}, "4 answers to nothing that was asked (str"),
    "fails": (each("yield Failure(request_id=r.id, kind='error', message='no')"), {}, {"answers"}, "check-0: error: no"),
    "floats": (each(ONE.join(["yield ", ""]).replace("rng_picture(r.seed, r.output)", "rng_picture(r.seed, r.output) / 255.")),
               {}, {"media"}, "expected uint8 in 0..255, found float64"),
    "another size": (each("yield " + ONE.replace("r.output", "type(r.output)(width=8, height=8)")), {}, {"media"}, "8 x 8"),
    "a global seed": (each("yield " + ONE.replace("r.output", "r.output, np.random.RandomState(np.random.randint(99)) and "
                      "np.random.default_rng(np.random.randint(9999))")), {}, {"seeds", "save and load", "order"},
                      "different: check-0"),
    "one picture for all": (each("yield " + ONE.replace("r.seed", "0")), {}, {"seeds"}, "1 different among 4"),
    "a place in the batch": (each("yield " + ONE.replace("r.seed", "r.seed + n")), {}, {"order"}, "different: check-0"),
    "raises on none": ("def generate(self, requests, context):\n    requests[0]\n    for r in requests: yield " + ONE,
                       {}, {"nothing asked"}, "raised IndexError"),
    "raises on an odd size": (each(f"assert r.output.width % 2 == 0\nyield {ONE}"), {}, {"failures"}, "raised AssertionError"),
    "raises on a bad target": (each("p = read_image(r.target.location)\nm = np.zeros(p.shape[:2], np.uint8)\n"
                                    "yield Artifact(request_id=r.id, media=ImageMedia(pixels=p), masks=lambda: iter([m]))"),
                               {"kind": "partially_synthetic", "target": True}, {"failures"}, "raised MediaError"),
    "no masks": (EDITOR.replace(", masks=lambda: iter([mask])", ""), {"kind": "partially_synthetic", "target": True},
                 {"kind"}, "check-0: no masks"),
    "masks of another size": (EDITOR.replace("pixels.shape[:2]", "(4, 4)"), {"kind": "partially_synthetic", "target": True},
                              {"kind"}, "check-0: uint8 (4, 4)"),
    "ignores its target": (EDITOR.replace("255 - read_image(r.target.location)", "read_image(r.target.location) * 0"),
                           {"kind": "augmented_real", "target": True}, {"seeds"}, "1 different among 4"),
    "progress in per cent": (GOOD.replace("(n + 1) / len(requests)", "100 * n"), {}, {"progress"}, "outside: 100, 200, 300"),
    "a pickle": (LEARNER.replace("level.json", "level.pkl"), {"fits": True}, {"fit"}, "a pickle runs any code"),
    "saves nothing": (LEARNER.replace("(folder / \"level.json\").write_text(str(self.level))", "pass"), {"fits": True}, {"fit"},
                      "save() wrote nothing"),
    "does not train": (LEARNER.replace("self.level = int(np.mean", "raise MemoryError('no')\n    self.level = int(np.mean"),
                       {"fits": True}, {"fit"}, "MemoryError: no"),
    "forgets what it learned": (LEARNER.replace("int((folder / \"level.json\").read_text())", "0"), {"fits": True},
                                {"save and load"}, "different: check-0"),
    "does not build": ("def __init__(self):\n    pass\n" + GOOD.strip("\n"), {}, {"builds"}, "TypeError"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_each_point_is_found_broken(case: str, bench: Callable[..., Bench]) -> None:
    body, more, points, words = BROKEN[case]
    found = failed(bench(body, **more))
    assert set(found) == points, found
    assert any(words in one.found for one in found.values())


def test_a_bare_card_is_told_what_is_missing(bench: Callable[..., Bench]) -> None:
    one = bench(GOOD)
    bare = {"name": "x", "version": "1", "title": " ", "technique": "unknown", "kind": "augmented_real", "licence": ""}
    bare["parameters"] = {"a": {"default": 1, "description": ""}}  # type: ignore[assignment]
    object.__setattr__(one, "card", GeneratorCard.model_validate(bare))
    found = failed(one)["card"].found
    assert found.startswith(
        "missing: title, licence, reference, technique, parameters.a.description, uses (a augmented"
    )


def test_a_command_passes_the_same_points(write_program: Callable[..., Path], bench: Callable[..., Bench]) -> None:
    program = write_program(
        "o = order['output']\n"
        "say(type='artifact', id=i, file=picture(scratch / (i + '.ppm'), order['seed'], (o['width'], o['height'])))"
    )
    one = bench(GOOD)
    described = {"argv": [sys.executable, str(program)], "folder": str(program.parent)}
    object.__setattr__(one, "build", lambda: build("command", described, one.card, {}))
    assert failed(one) == {}


# The verb


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["fauxbench", *map(str, words)])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        return code, *capsys.readouterr()

    return run


Call = Callable[..., tuple[int, str, str]]


def test_a_class_in_a_file(call: Call, write_system: Write) -> None:
    body = "def generate(self, requests, context):\n    yield from map(good, requests)"
    code, out, _ = call("check-generator", write_system("small", body))
    assert code == 1
    assert "FAILED  media          64 x 64: 32 x 32\n" in out
    assert "mend: read request.output.width and .height" in out
    assert "small@1: " in out.splitlines()[-1]
    code, out, _ = call("check-generator", write_system("small", body), "--json")
    document = json.loads(out)
    assert code == 1
    assert document["failed"] == sum(one["status"] == "failed" for one in document["points"]) > 0
    assert set(document["points"][0]) == {"point", "status", "expected", "found", "mend"}


def test_hangs_crashes_and_litter_are_findings(call: Call, write_system: Write) -> None:
    def points(body: str, *words: object) -> dict[str, dict[str, str]]:
        code, out, _ = call("check-generator", write_system("bad", body), "--json", *words)
        assert code == 1
        return {one["point"]: one for one in json.loads(out)["points"] if one["status"] == "failed"}

    assert points("def generate(self, requests, context):\n    time.sleep(60)", "--time-limit", 8)["time"]["found"] == (
        "no end of 'answers'"
    )
    died = points("def generate(self, requests, context):\n    os.write(2, b'out of luck')\n    os._exit(7)")["time"]
    assert died["found"] == "it died with exit status 7 while looking at 'answers': out of luck"
    litter = (
        "def generate(self, requests, context):\n    open('debug.log', 'w').close()\n    yield from map(good, requests)"
    )
    assert points(litter)["tidy"]["found"] == "debug.log"


def test_a_description_in_yaml(call: Call, write_program: Callable[..., Path], tmp_path: Path) -> None:
    program = write_program()
    described = {"argv": [sys.executable, program.name], "folder": "program", "technique": "noise", "licence": "MIT"}
    document = {"use": "command", "name": "mine", "version": "1", "kind": "fully_synthetic"}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({**document, "command": {**described, "reference": "none"}}))
    code, out, err = call("check-generator", path)
    assert (code, err) == (1, "")
    assert "FAILED  media          64 x 64: 16 x 12" in out  # the program draws at one size
    assert out.splitlines()[-1] == "mine@1: 14 passed, 1 failed, 3 skipped", out
    path.write_text("use: command\nname: mine\ncomand: {}\n")
    code, out, err = call("check-generator", path)
    assert (code, out) == (2, "")
    assert "line 3: unknown key 'comand'; did you mean 'command'?; legal: command, http, kind" in err


def test_a_folder_of_outputs(call: Call, photographs: Path, tmp_path: Path) -> None:
    assert call("check-generator", photographs)[0] == 0
    (photographs / "p00" / "copy.png").write_bytes((photographs / "p01" / "0.png").read_bytes())
    (photographs / "p00" / "broken.png").write_text("no")
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(photographs / "p00" / "small.png")
    code, out, _ = call("check-generator", photographs, "--json")
    assert code == 1
    found = {one["point"]: one["found"] for one in json.loads(out)["points"] if one["status"] == "failed"}
    assert set(found) == {"readable", "distinct", "size"}
    assert "broken.png" in found["readable"]
    assert call("check-generator", photographs, "--set", "a=1")[0] == 2
    code, _, err = call("check-generator", "environment", "--weights", tmp_path)
    assert code == 2
    assert "has no training whose weights could be handed in" in err
