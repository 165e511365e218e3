import json
from pathlib import Path

import pytest

from fauxbench.harness.datasets.manifest import Output, read_manifest
from fauxbench.harness.errors import InputError
from fauxbench.harness.media.item import Split


def manifest(tmp_path: Path, text: str | bytes, suffix: str = "csv") -> Path:
    path = tmp_path / f"manifest.{suffix}"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_csv_and_jsonl_say_the_same(tmp_path: Path) -> None:
    wanted = [
        Output("a b.png", "one", Split.TRAIN, 3, "p/1.png", "de"),
        Output("sub/ü.png", "sub/ü.png", None, None, None, None),
    ]
    text = "file,id,split,seed,target,language\r\na b.png,one,train,3,p/1.png,de\r\nsub/ü.png,,,,,\r\n"
    assert read_manifest(manifest(tmp_path, text)) == wanted
    first = {"file": "a b.png", "id": "one", "split": "train", "seed": 3, "target": "p/1.png", "language": "de"}
    text = json.dumps(first) + "\n\n" + json.dumps({"file": "sub/ü.png", "seed": None}) + "\n"
    assert read_manifest(manifest(tmp_path, text, "jsonl")) == wanted


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbffile,id\na.png,x\n",  # as a spreadsheet writes it
        b"file,id\n\na.png,x\n\n",
        b'file,id\n"a.png","x"\n',
        b"id,file\nx,a.png",
    ],
)
def test_forms_of_csv(text: bytes, tmp_path: Path) -> None:
    assert [(o.file, o.id) for o in read_manifest(manifest(tmp_path, text))] == [("a.png", "x")]


def test_names_with_odd_characters(tmp_path: Path) -> None:
    names = ["a,b.png", 'a"b.png', "a\u2028b.png", "a\x85b.png", " a .png"]
    quoted = "".join('"' + name.replace('"', '""') + '"\n' for name in names)
    assert [o.file for o in read_manifest(manifest(tmp_path, "file\n" + quoted))] == names
    lines = "".join(json.dumps({"file": name}, ensure_ascii=False) + "\n" for name in names)
    assert [o.file for o in read_manifest(manifest(tmp_path, lines, "jsonl"))] == names


WRONG_CSV = {
    "empty": ("", "empty; expected the columns file"),
    "only a header": ("file,id\n", "empty; expected the columns file"),
    "no column file": ("name\na.png\n", "line 2: unknown column ['name']; legal: file, id, split"),
    "no file": ("file,id\na.png,x\n,y\n", "line 3: file must be a path inside the folder, found ''"),
    "semicolons": ("file;id\na.png;x\n", "line 2: unknown column ['file;id']"),
    "too many fields": ("file\na.png,b\n", "line 2: 2 fields under the columns file"),
    "a column twice": ("file,file\na.png,b.png\n", "line 2: 2 fields under the columns file, file"),
    "an absolute path": ("file\n/etc/passwd\n", "found '/etc/passwd'"),
    "a path that leads out": ("file\na/../../b.png\n", "found 'a/../../b.png'"),
    "an unknown split": ("file,split\na.png,val\n", "line 2: split: found 'val', legal: train, validation, test"),
    "a seed of words": ("file,seed\na.png,one\n", "line 2: seed: expected an integer, found 'one'"),
    "a seed with a point": ("file,seed\na.png,1.5\n", "expected an integer, found '1.5'"),
    "an id twice": ("file,id\na.png,x\nb.png,x\n", "line 3: id 'x' is given twice"),
    "a file twice": ("file\na.png\na.png\n", "line 3: id 'a.png' is given twice"),
    "an open quote": ('file\n"a.png\n', "not CSV"),
    "binary": (b"\x89PNG\xff\xfe", "cannot be read"),
}
WRONG_JSONL = {
    "not JSON": ('{"file": "a.png"}\n{file}\n', "line 2: not JSON"),
    "a list": ('["a.png"]\n', "line 1: expected an object with the key file, found ['a.png']"),
    "a number": ("3\n", "line 1: expected an object"),
    "an unknown key": ('{"file": "a.png", "path": "b"}\n', "unknown column ['path']"),
    "a file that is a number": ('{"file": 3}\n', "file: expected a text, found 3"),
    "a file that is a list": ('{"file": ["a"]}\n', "file: expected a text"),
    "a seed that is a list": ('{"file": "a.png", "seed": [1]}\n', "seed: expected an integer, found [1]"),
    "a seed with a point": ('{"file": "a.png", "seed": 1.5}\n', "seed: expected an integer, found 1.5"),
    "a seed that is true": ('{"file": "a.png", "seed": true}\n', "seed: expected an integer, found True"),
    "a split that is a number": ('{"file": "a.png", "split": 1}\n', "split: expected a text, found 1"),
    "blank": ("\n\n", "empty"),
}
WRONG = {("csv", name): case for name, case in WRONG_CSV.items()} | {
    ("jsonl", name): case for name, case in WRONG_JSONL.items()
}


@pytest.mark.parametrize("case", WRONG)
def test_a_defect_is_one_message_with_file_and_line(case: tuple[str, str], tmp_path: Path) -> None:
    text, words = WRONG[case]
    path = manifest(tmp_path, text, case[0])
    with pytest.raises(InputError) as caught:
        read_manifest(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


def test_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_manifest(tmp_path / "gone.csv")
    with pytest.raises(InputError, match="cannot be read"):
        read_manifest(tmp_path)
