"""The examples of docs/connect.md, taken out of it and run."""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

import fauxbench
from fauxbench.harness.cli import main
from fauxbench.harness.suite import Suite

DOCUMENT = Path(__file__).parents[2] / "docs" / "connect.md"
BLOCK = re.compile(r"^```(?:python|toml|yaml)\n# (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES: dict[str, str] = dict(BLOCK.findall(DOCUMENT.read_text(encoding="utf-8")))


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def examples(tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "examples"
    (folder / "outputs").mkdir(parents=True)
    for name, text in EXAMPLES.items():
        (folder / name).write_text(text.replace("8008", str(port)).replace("python3", sys.executable))
    rng = np.random.default_rng(5)
    for i in range(12):
        Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(folder / "outputs" / f"{i}.png")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def server(examples: Path, port: int) -> Iterator[None]:
    with subprocess.Popen([sys.executable, "server.py"], cwd=examples, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port)
            yield
        finally:
            process.kill()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(port)


def test_each_connector_has_an_example_of_twenty_lines() -> None:
    assert {"blobs.py", "blobs.toml", "folder.yaml", "wrapper.py", "command.yaml", "server.py", "http.yaml"} <= set(
        EXAMPLES
    )
    assert all(len(text.splitlines()) <= 21 for text in EXAMPLES.values())


@pytest.mark.usefixtures("server")
def test_a_suite_of_all_four_runs(examples: Path, photographs: Path, tmp_path: Path) -> None:
    described = [yaml.safe_load((examples / name).read_text()) for name in ("folder.yaml", "command.yaml", "http.yaml")]
    document = {
        "suite": "mine",
        "data": {"dataset": "folder", "path": str(photographs), "size": 64, "terms": {"people": "none"}},
        "generators": [{"use": "blobs.py:Blobs"}, *described],
        "metrics": ["fd"],
        "instruments": ["spectrum"],
        "n": {"test": 10},
    }
    result = fauxbench.run(Suite.model_validate(document), runs=tmp_path / "runs", workers=2)
    found = {system.name: (system.status, system.reason, system.failures) for system in result.results.systems}
    names = ["blobs@1", "my-diffusion@2", "my-noise@1", "my-service@3"]
    assert found == {name: ("ok", None, {}) for name in names}
    rows = {
        row.system: row.value for row in result.results.rows if row.metric == "fd[spectrum]" and row.role == "system"
    }
    assert sorted(rows) == names
    assert all(value is not None for value in rows.values())


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("spec", ["blobs.py:Blobs", "command.yaml", "http.yaml", "outputs"])
def test_each_passes_the_check(
    spec: str, examples: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["fauxbench", "check-generator", spec, "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    document = json.loads(capsys.readouterr().out)
    assert (ended.value.code or 0, document["failed"]) == (0, 0), document


STUBS = {
    "diffusers.py": """
from types import SimpleNamespace
from PIL import Image
class DiffusionPipeline:
    @classmethod
    def from_pretrained(cls, path, use_safetensors):
        assert use_safetensors and path == "network.pkl"
        return cls()
    def set_progress_bar_config(self, disable):
        assert disable
    def __call__(self, prompt, generator, width, height):
        level = generator.initial_seed() % 255
        return SimpleNamespace(images=[Image.new("RGB", (width or 8, height or 8), (level, 0, 0))])
""",
    "dnnlib.py": "from types import SimpleNamespace\nutil = SimpleNamespace(open_url=lambda path: open(path, 'rb'))\n",
    "legacy.py": """
import torch
class Network:
    z_dim, c_dim = 7, 0
    def eval(self):
        return self
    def __call__(self, z, c, noise_mode):
        assert (z.shape, c.shape, noise_mode) == ((1, 7), (1, 0), "const")
        return z.mean().expand(1, 3, 8, 8) * 3
def load_network_pkl(file):
    return {"G_ema": Network()}
""",
}


@pytest.mark.parametrize("name", ["diffusers", "stylegan"])
def test_the_wrapper_takes_another_picture(
    name: str, examples: Path, photographs: Path, tmp_path: Path, write_stubs: Callable[[Path], None]
) -> None:
    """Stand-ins for the libraries: what is tested is that the pieces of the page fit together."""
    write_stubs(examples)
    start = EXAMPLES["wrapper.py"].index("def picture"), EXAMPLES["wrapper.py"].index("for line in")
    wrapper = EXAMPLES["wrapper.py"][: start[0]] + EXAMPLES[f"{name}_picture.py"] + EXAMPLES["wrapper.py"][start[1] :]
    (examples / "stylegan_wrapper.py").write_text(wrapper)
    document = {
        "suite": "mine",
        "data": {"dataset": "folder", "path": str(photographs), "terms": {"people": "none"}},
        "generators": [yaml.safe_load((examples / "stylegan.yaml").read_text())],
        "metrics": ["fd"],
        "instruments": ["spectrum"],
        "n": {"test": 6},
    }
    result = fauxbench.run(Suite.model_validate(document), runs=tmp_path / "runs", workers=1)
    failures = (result.folder / "failures.jsonl").read_text()
    assert [system.status for system in result.results.systems] == ["ok"], failures


@pytest.fixture
def write_stubs() -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        for name, text in STUBS.items():
            (folder / name).write_text(text)
        (folder / "network.pkl").write_bytes(b"weights")

    return write
