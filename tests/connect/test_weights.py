import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from fauxbench import InputError
from fauxbench.harness.connect.weights import check_handed_in, digest_of_weights


@pytest.fixture
def good(tmp_path: Path) -> Path:
    folder = tmp_path / "weights"
    folder.mkdir()
    save_file(
        {"a": np.ones((3, 4), np.float32), "b": np.zeros(5, np.int64)}, folder / "weights.safetensors", {"k": "v"}
    )
    (folder / "config.json").write_text('{"side": 32}')
    return folder


def test_a_folder_as_save_writes_it(good: Path) -> None:
    first = check_handed_in(good)
    assert first == digest_of_weights(good)
    (good / "config.json").write_text('{"side": 64}')
    assert check_handed_in(good) != first


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".bin", ".pkl", ".ckpt", ".PTH", ".npy"])
def test_a_pickle_is_refused_with_the_way_out_and_never_loaded(suffix: str, tmp_path: Path) -> None:
    marker = tmp_path / "loaded"

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (Path(marker),))  # type: ignore[return-value]

    folder = tmp_path / "weights"
    folder.mkdir()
    file = folder / f"model{suffix}"
    file.write_bytes(pickle.dumps(Trap()))
    for handed in (folder, file):
        with pytest.raises(InputError, match=r"a pickle runs any code .*safetensors\.torch\.save_file"):
            check_handed_in(handed)
    assert not marker.exists()


@pytest.mark.parametrize("start", [0x80, 0x3C])
def test_a_header_whose_length_begins_like_another_file_is_read(start: int, tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    for filling in range(600):
        save_file({"a": np.ones(3, np.float32)}, file, {"k": "v" * filling})
        if file.read_bytes()[0] == start:
            break
    else:
        padded = json.dumps({"a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}}).ljust(0x100 + start).encode()
        file.write_bytes(len(padded).to_bytes(8, "little") + padded + b"1234")
    assert file.read_bytes()[0] == start
    check_handed_in(tmp_path)


def test_a_pickle_beside_good_weights_is_refused(good: Path) -> None:
    (good / "optimiser.pt").write_bytes(b"x")
    with pytest.raises(InputError, match=r"optimiser\.pt: weights are kept as \.safetensors and \.json only; a pickle"):
        check_handed_in(good)


def _header(document: object, data: bytes = b"") -> bytes:
    head = json.dumps(document).encode()
    return len(head).to_bytes(8, "little") + head + data


TENSOR = {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}
DAMAGED = {
    "a pickle by another name": (pickle.dumps({"a": 1}), "named .safetensors, but a pickle"),
    "a zip by another name": (b"PK\x03\x04" + b"\0" * 40, "named .safetensors, but a pickle"),
    "an HTML page": (b"<!DOCTYPE html><html>not found</html>", "begins like an HTML page"),
    "empty": (b"", "0 bytes"),
    "four bytes": (b"\1\0\0\0", "damaged or cut off"),
    "zeros": (b"\0" * 64, "header cannot be read"),
    "a header that is cut off": (_header({"a": TENSOR}, b"1234")[:20], "damaged or cut off"),
    "a header that is no object": (_header([1], b""), "header cannot be read"),
    "no offsets": (_header({"a": {"shape": [4]}}, b"1234"), "header cannot be read"),
    "tensors cut off": (_header({"a": TENSOR}, b"12"), "4 bytes of tensors are announced, 2 are there"),
    "more than tensors": (_header({"a": TENSOR}, b"123456"), "4 bytes of tensors are announced, 6 are there"),
    "a gap": (_header({"a": TENSOR, "b": {**TENSOR, "data_offsets": [6, 8]}}, b"12345678"), "leave a gap at byte 4"),
    "an overlap": (_header({"a": TENSOR, "b": {**TENSOR, "data_offsets": [2, 8]}}, b"12345678"), "overlap"),
    "backwards": (_header({"a": {**TENSOR, "data_offsets": [0, -4]}}, b"1234"), "overlap"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damaged_weights_are_named_before_anything_loads_them(case: str, good: Path) -> None:
    data, words = DAMAGED[case]
    (good / "weights.safetensors").write_bytes(data)
    with pytest.raises(InputError, match=r"weights\.safetensors: ") as caught:
        check_handed_in(good)
    assert words in str(caught.value)


def test_other_things_handed_in(good: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found nothing there"):
        check_handed_in(tmp_path / "gone")
    with pytest.raises(InputError, match=r"give that"):
        check_handed_in(good / "weights.safetensors")
    (good / "config.json").write_text("{")
    with pytest.raises(InputError, match=r"config\.json: not JSON"):
        check_handed_in(good)
    (good / "config.json").unlink()
    (good / "README.md").write_text("hello")
    with pytest.raises(InputError, match=r"README\.md: weights are kept as"):
        check_handed_in(good)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no \.safetensors in it"):
        check_handed_in(tmp_path / "empty")
