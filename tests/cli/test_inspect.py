import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fauxbench.harness.media.item import Item, Kind, Modality
from fauxbench.harness.safeguards.border import release_picture


def test_the_verb(call: Callable[..., Any], tmp_path: Path) -> None:
    y, x = np.mgrid[0:64, 0:64]
    pixels = np.repeat((x * 2 + y)[:, :, None], 3, axis=2).astype(np.uint8)
    item = Item(id="a", modality=Modality.IMAGE, kind=Kind.FULLY_SYNTHETIC, group="gan@2")
    release_picture(pixels, tmp_path / "grid.png", [item], "a" * 64)
    said = call("inspect", tmp_path / "grid.png")
    assert said.code == 0
    assert "synthetic: fully synthetic, made by gan@2" in said.out
    assert "credentials  trusted" in said.out
    assert "this very file" in said.out

    Image.fromarray(pixels).save(tmp_path / "plain.png")
    said = call("inspect", tmp_path / "plain.png", "--json")
    assert said.code == 0
    record = json.loads(said.out)
    assert (record["marked"], record["credentials"]["state"]) == (False, "none")

    data = bytearray((tmp_path / "grid.png").read_bytes())
    data[-1] ^= 1
    (tmp_path / "grid.png").write_bytes(data)
    said = call("inspect", tmp_path / "grid.png")
    assert said.code == 1
    assert "wrong        the signature does not hold" in said.out

    (tmp_path / "a.txt").write_text("hello")
    for wrong in ("a.txt", "gone.png"):
        said = call("inspect", tmp_path / wrong)
        assert said.code == 2
        assert said.err.count("\n") == 1


def test_what_a_render_stands_for_does_not_contradict_what_it_is(call: Callable[..., Any], tmp_path: Path) -> None:
    y, x = np.mgrid[0:64, 0:64]
    pixels = np.repeat((x * 2 + y)[:, :, None], 3, axis=2).astype(np.uint8)
    item = Item(id="a", modality=Modality.IMAGE, kind=Kind.REAL, group="studio", facts={"rendered": True})
    release_picture(pixels, tmp_path / "a.png", [item], "a" * 64)
    lines = call("inspect", tmp_path / "a.png").out.splitlines()
    (watermark,) = (line for line in lines if line.startswith("watermark "))
    (signed,) = (line for line in lines if line.startswith("credentials "))
    assert "stands for real in its set;" in watermark
    assert signed.endswith("trusted, signed by fauxbench")
