import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from typer.testing import CliRunner

from fauxbench.harness.cli.data import app
from fauxbench.harness.datasets.layouts import read_layout
from fauxbench.harness.datasets.layouts.huggingface import LABELS
from fauxbench.harness.datasets.layouts.tree import scan
from fauxbench.harness.datasets.unpack import unpack
from fauxbench.harness.datasets.verify import verify
from fauxbench.harness.errors import InputError
from fauxbench.harness.media.item import Kind, Split


def picture(value: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.full((16, 16, 3), value, np.uint8)).save(out, format="PNG" if value % 2 else "JPEG")
    return out.getvalue()


def embedded(root: Path, split: str = "train", labels: tuple[Any, ...] = ("ai", "photo")) -> Path:
    """Write a table with pictures inside, as `datasets.save_to_disk` does: an Arrow stream with bytes and paths."""
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    rows = [{"bytes": picture(10 + k), "path": f"C:\\other\\{k}.jpg"} for k in range(len(labels))]
    table = pa.table({"image": pa.array(rows, image), "source": list(labels)})
    (root / split).mkdir(parents=True)
    place = str(root / split / "data-00000-of-00001.arrow")
    with pa.OSFile(place, "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=1)
    (root / split / "state.json").write_text('{"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}')
    return root


def test_polarity_is_the_users_and_nothing_is_read_without_it(tmp_path: Path) -> None:
    root = embedded(tmp_path / "set")
    with pytest.raises(InputError, match=r"nothing says which rows are fake.*Columns: image, source"):
        verify("huggingface", root)
    for text in ('{"label": "source"}', "[]", '{"label": "source", "fake": ["ai"], "real": ["ai"]}', "{"):
        (root / LABELS).write_text(text)
        with pytest.raises(InputError, match=LABELS):
            verify("huggingface", root)


def test_pictures_inside_tables_are_found_and_unpacked_byte_for_byte(tmp_path: Path) -> None:
    root = embedded(embedded(tmp_path / "set"), "test", ("photo", "ai", "ai"))
    labels = {"label": "source", "fake": ["ai"], "real": ["photo"]}
    (root / LABELS).write_text(json.dumps(labels))
    found = verify("huggingface", root).findings
    assert [(f.kind, f.path) for f in found][:1] == [("missing", "test/data-00000-of-00001.arrow#0")]
    assert len(found) == 5
    assert all("fauxbench data unpack" in f.message for f in found)
    done = unpack(root, tmp_path / "out")
    assert (done.files, done.tables) == (5, 2)
    report = verify("huggingface", tmp_path / "out", deep=True)
    assert {f.kind for f in report.findings} == {"duplicate"}, "of content alone: the two splits share two pictures"
    items = report.contents.items
    assert [(i.split, i.visual_fake, i.kind) for i in items] == [
        (Split.TEST, False, Kind.REAL),
        (Split.TEST, True, Kind.FULLY_SYNTHETIC),
        (Split.TEST, True, Kind.FULLY_SYNTHETIC),
        (Split.TRAIN, True, Kind.FULLY_SYNTHETIC),
        (Split.TRAIN, False, Kind.REAL),
    ]
    assert [(tmp_path / "out" / i.path).read_bytes() for i in items[:3]] == [picture(10 + k) for k in range(3)]
    assert {Path(i.path).suffix for i in items} == {".jpg", ".png"}, "by what the bytes are, not by the name"
    with pytest.raises(InputError, match="nothing is inside its tables"):
        unpack(tmp_path / "out", tmp_path / "again")


def test_values_that_the_user_did_not_speak_of_are_not_guessed(tmp_path: Path) -> None:
    root = tmp_path / "set"
    (root / "img").mkdir(parents=True)
    for k in range(3):
        (root / "img" / f"{k}.png").write_bytes(picture(2 * k + 1))
    pq.write_table(pa.table({"file": [f"img/{k}.png" for k in range(3)], "y": [0, 1, 2]}), root / "train.parquet")
    (root / LABELS).write_text(
        '{"label": "y", "fake": [0], "real": [1], "media": "file", "kind": "partially_synthetic"}'
    )
    contents = read_layout("huggingface", scan(root))
    assert [(i.path, i.visual_fake, i.kind) for i in contents.items] == [
        ("img/0.png", True, Kind.PARTIALLY_SYNTHETIC),
        ("img/1.png", False, Kind.REAL),
    ]
    assert [(f.kind, f.path) for f in contents.findings if f.kind == "malformed"] == [("malformed", "train.parquet#2")]
    assert "label '0': 1 rows read as fake" in contents.notes
    (root / LABELS).write_text('{"label": "z", "fake": [0], "real": [1], "media": "file"}')
    with pytest.raises(InputError, match="no column 'z'; it has file, y"):
        read_layout("huggingface", scan(root))


def test_fixture_labels_have_names(written: Callable[..., Any]) -> None:
    root, _ = written("huggingface")
    items = verify("huggingface", root).contents.items
    assert {i.group for i in items if i.visual_fake} == {"label-fake"}
    assert {i.clusters["identity"] for i in items} == {f"person {k}" for k in range(6)}


def test_the_command_unpacks_with_what_the_user_says(tmp_path: Path) -> None:
    root = embedded(tmp_path / "set")
    told = ["unpack", str(root), "--out", str(tmp_path / "out"), "--label", "source", "--fake", "ai", "--json"]
    done = CliRunner().invoke(app, [*told, "--real", "photo"])
    assert json.loads(done.output)["files"] == 2
    assert len(verify("huggingface", tmp_path / "out").contents.items) == 2
