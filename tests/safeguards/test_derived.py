import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from fauxbench.harness.errors import InputError, IntegrityError
from fauxbench.harness.media.content import ImageMedia, SoundMedia
from fauxbench.harness.media.images import read_image
from fauxbench.harness.media.item import Item, Kind, Modality
from fauxbench.harness.media.mediaset import MediaSet, MediaSetWriter
from fauxbench.harness.media.read import content_of
from fauxbench.harness.safeguards.border import release
from fauxbench.harness.safeguards.credentials import Claim, library, sign
from fauxbench.harness.safeguards.derived import Descent
from fauxbench.harness.safeguards.inspecting import inspect
from fauxbench.harness.safeguards.keys import make_keys, own_keys, read_keys

ORIGIN = "0123456789abcdef" * 4
TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


def picture(seed: int = 0, size: int = 96) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:size, 0:size]
    wave = 128 + 50 * np.sin(x / rng.uniform(5, 12)) + 40 * np.cos(y / rng.uniform(6, 15))
    return np.asarray(np.clip(wave[..., None] + rng.normal(0, 4, (size, size, 3)), 0, 255), np.uint8)


def made(folder: Path, kind: Kind = Kind.FULLY_SYNTHETIC, **facts: bool) -> MediaSet:
    writer = MediaSetWriter(folder, name="s", origin="gan@2")
    item = Item(id="a", modality=Modality.IMAGE, kind=kind, group="gan@2", facts=facts)
    writer.add(item, ImageMedia(pixels=picture()))
    return writer.seal()


@pytest.fixture
def left(tmp_path: Path) -> Path:
    release(made(tmp_path / "set").items, tmp_path / "out", ["a.png"], ORIGIN)
    return tmp_path / "out" / "a.png"


def stripped(left: Path, target: Path, tmp_path: Path) -> Path:
    """Write the pixels of a marked file and nothing else, where no row speaks of them."""
    target.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(read_image(left)).save(target)
    return target


def cut(source: Path, tmp_path: Path) -> Path | None:
    """Do what verbs do: cut a piece out of a file, marked if the file is synthetic."""
    descent = Descent("a verb", tmp_path / "store")
    parent = descent.parent(source)
    if parent is None:
        return None
    pixels = np.asarray(Image.fromarray(read_image(source)[20:60, 30:70]).resize((64, 64)))
    descent.write(ImageMedia(pixels=pixels), parent, tmp_path / "cut", "sub/piece.png")
    descent.finish()
    return tmp_path / "cut" / "sub" / "piece.png"


@pytest.mark.parametrize(
    "how", ["as it left", "watermark alone", "watermark, names forgotten", "row alone", "a master"]
)
def test_a_piece_of_a_synthetic_file_carries_its_mark_and_names_it(how: str, left: Path, tmp_path: Path) -> None:
    source = left
    if how.startswith("watermark"):
        source = stripped(left, tmp_path / "elsewhere" / "b.png", tmp_path)
        if how.endswith("forgotten"):
            (tmp_path / "keys" / "known.jsonl").unlink()
    elif how == "row alone":
        (tmp_path / "keys").rename(tmp_path / "lost")
        make_keys(tmp_path / "keys")
        left.write_bytes(stripped(left, tmp_path / "plain.png", tmp_path).read_bytes())
    elif how == "a master":
        source = tmp_path / "set" / "media" / "a.png"
    piece = cut(source, tmp_path)
    assert piece is not None
    found = inspect(piece)
    assert (found.credentials.state, found.findings) == ("trusted", ())
    assert found.watermark is not None
    assert found.watermark.mark is not None
    assert found.watermark.mark.kind is Kind.FULLY_SYNTHETIC
    assert found.credentials.source_type == TRAINED
    assert found.credentials.facts is not None
    assert found.credentials.facts["derived_by"] == "a verb"
    assert found.credentials.facts["parent"] == content_of(source, Modality.IMAGE)[0]
    assert found.sidecar is not None
    facts = found.credentials.facts
    assert found.sidecar.row["parents"] == {facts["item"]: facts["parent"]}
    if how in {"as it left", "watermark alone"}:
        assert found.verdict == f"synthetic: fully synthetic, made by gan@2, run {ORIGIN}"
        assert found.watermark.mark == inspect(left).watermark.mark  # type: ignore[union-attr]


def test_the_manifest_says_opened_and_edited_with_the_parent(left: Path, tmp_path: Path) -> None:
    import json

    piece = cut(left, tmp_path)
    assert piece is not None
    with piece.open("rb") as file, library().Reader("image/png", file) as reader:
        told = json.loads(reader.json())
    manifest = told["manifests"][told["active_manifest"]]
    (parent,) = manifest["ingredients"]
    assert (parent["relationship"], parent["title"]) == ("parentOf", "a")
    assert parent["instance_id"] == f"sha256:{content_of(left, Modality.IMAGE)[0]}"
    (actions,) = (one["data"]["actions"] for one in manifest["assertions"] if one["label"].startswith("c2pa.actions"))
    assert [one["action"] for one in actions] == ["c2pa.opened", "c2pa.edited", "c2pa.watermarked"]


def test_somebody_elses_signed_synthetic_file(tmp_path: Path) -> None:
    Image.fromarray(picture()).save(tmp_path / "plain.png")
    make_keys(tmp_path / "theirs")
    claim = Claim(title="a", source_type=TRAINED, facts={}, created=True, watermark=None)
    sign(tmp_path / "plain.png", tmp_path / "signed.png", claim, read_keys(tmp_path / "theirs"))
    piece = cut(tmp_path / "signed.png", tmp_path)
    assert piece is not None
    found = inspect(piece)
    assert found.credentials.source_type == TRAINED
    assert found.verdict.startswith("synthetic: fully synthetic, made by unknown")


@pytest.mark.parametrize(
    ("kind", "facts", "term"),
    [
        (Kind.REAL, {"rendered": True}, "algorithmicMedia"),
        (Kind.PARTIALLY_SYNTHETIC, {}, "compositeWithTrainedAlgorithmicMedia"),
        (Kind.AUGMENTED_REAL, {}, "algorithmicallyEnhanced"),
    ],
)
def test_the_kind_is_the_parents(kind: Kind, facts: dict[str, bool], term: str, tmp_path: Path) -> None:
    made(tmp_path / "set", kind, **facts)
    piece = cut(tmp_path / "set" / "media" / "a.png", tmp_path)
    assert piece is not None
    found = inspect(piece)
    assert str(found.credentials.source_type).endswith("/" + term)
    assert found.watermark is not None
    assert found.watermark.mark is not None
    assert found.watermark.mark.kind is kind


def test_what_is_real_stays_unmarked(tmp_path: Path) -> None:
    own_keys()
    Image.fromarray(picture()).save(tmp_path / "a.png")
    assert cut(tmp_path / "a.png", tmp_path) is None
    made(tmp_path / "set", Kind.REAL)
    assert cut(tmp_path / "set" / "media" / "a.png", tmp_path) is None


def test_what_nobody_can_say_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "store" / "checkpoints" / "fit" / "pictures"
    place.mkdir(parents=True)
    Image.fromarray(picture()).save(place / "a.png")
    with pytest.raises(InputError, match="lies in the store and belongs to no set"):
        cut(place / "a.png", tmp_path)
    made(tmp_path / "set")
    with (tmp_path / "set" / "items.jsonl").open("a") as file:
        file.write("{}\n")
    with pytest.raises(IntegrityError):
        cut(tmp_path / "set" / "media" / "a.png", tmp_path)


def test_no_piece_without_keys_to_mark_it(left: Path, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "keys")
    (tmp_path / "keys").mkdir(mode=0o755)
    with pytest.raises(InputError, match=r"others can get at the keys|is missing"):
        cut(tmp_path / "set" / "media" / "a.png", tmp_path)
    assert not (tmp_path / "cut" / "sub" / "piece.png").exists()


def test_sounds(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    heard = (0.2 * np.sin(np.arange(32_000) / 9) + rng.normal(0, 0.02, 32_000)).astype(np.float32)
    writer = MediaSetWriter(tmp_path / "set", name="s", origin="tts@1", modality=Modality.AUDIO)
    item = Item(id="a", modality=Modality.AUDIO, kind=Kind.FULLY_SYNTHETIC, group="tts@1")
    writer.add(item, SoundMedia(sound=heard, sample_rate=16_000))
    release(writer.seal().items, tmp_path / "out", ["a.wav"], ORIGIN)
    sound, rate = soundfile.read(tmp_path / "out" / "a.wav", dtype="float32")
    soundfile.write(tmp_path / "plain.wav", sound, rate)
    descent = Descent("a verb")
    parent = descent.parent(tmp_path / "plain.wav")
    assert parent is not None
    descent.write(SoundMedia(sound=sound[::2].copy(), sample_rate=8_000), parent, tmp_path / "cut", "b.wav")
    descent.finish()
    found = inspect(tmp_path / "cut" / "b.wav")
    assert (found.credentials.state, found.findings) == ("trusted", ())
    assert found.watermark is not None
