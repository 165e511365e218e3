import datetime
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import soundfile
from PIL import Image, PngImagePlugin

from fauxbench.harness.errors import InputError, MediaError
from fauxbench.harness.media.content import ImageMedia, SoundMedia, VideoMedia
from fauxbench.harness.media.encode import write_video
from fauxbench.harness.media.item import Item, Kind, Modality
from fauxbench.harness.media.mediaset import MediaSetWriter, Terms
from fauxbench.harness.media.read import read_frames
from fauxbench.harness.safeguards import keys as keys_module
from fauxbench.harness.safeguards.border import release
from fauxbench.harness.safeguards.credentials import Claim, sign
from fauxbench.harness.safeguards.inspecting import inspect
from fauxbench.harness.safeguards.keys import keys_folder, make_keys, own_keys, read_keys, renew_keys

ORIGIN = "0123456789abcdef" * 4
NOTHING = Claim(title="a", source_type="http://x/trainedAlgorithmicMedia", facts={}, created=True, watermark=None)
MADE = f"made by gan@2, run {ORIGIN}"


def picture(seed: int, size: int = 128) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:size, 0:size]
    wave = 128 + 50 * np.sin(x / rng.uniform(8, 20)) + 40 * np.cos(y / rng.uniform(8, 20))
    return np.clip(wave[..., None] + rng.normal(0, 4, (size, size, 3)), 0, 255).astype(np.uint8)


class Left(NamedTuple):
    """Two files that crossed the border."""

    file: Path
    other: Path


@pytest.fixture
def left(tmp_path: Path) -> Left:
    writer = MediaSetWriter(tmp_path / "set", name="s", origin="gan@2")
    for name in "ab":
        item = Item(id=name, modality=Modality.IMAGE, kind=Kind.FULLY_SYNTHETIC, group="gan@2")
        writer.add(item, ImageMedia(pixels=picture(ord(name))))
    release(writer.seal().items, tmp_path / "out", ["sub/a.png", "sub/b.png"], ORIGIN)
    return Left(tmp_path / "out" / "sub" / "a.png", tmp_path / "out" / "sub" / "b.png")


def test_a_whole_file(left: Left) -> None:
    found = inspect(left.file)
    assert found.findings == ()
    assert found.verdict == f"synthetic: fully synthetic, {MADE}"
    assert found.credentials.state == "trusted"
    assert found.sidecar is not None
    assert found.sidecar.intact
    assert found.xmp is not None
    assert json.loads(json.dumps(found.record()))["watermark"]["mark"]["run"] == "01234567"


def test_a_render_is_said_to_be_one(tmp_path: Path) -> None:
    writer = MediaSetWriter(tmp_path / "set", name="s", origin="studio", terms=Terms(people="rendered"))
    item = Item(id="a", modality=Modality.IMAGE, kind=Kind.REAL, group="studio", facts={"rendered": True})
    writer.add(item, ImageMedia(pixels=picture(7)))
    release(writer.seal().items, tmp_path / "out", ["a.png"], ORIGIN)
    found = inspect(tmp_path / "out" / "a.png")
    assert found.verdict == f"synthetic: rendered by studio, run {ORIGIN}"
    assert found.credentials.signer == "fauxbench"


def test_a_file_that_was_stripped_of_everything_but_its_pixels(left: Left, tmp_path: Path) -> None:
    bare = tmp_path / "bare.png"
    Image.fromarray(np.asarray(Image.open(left.file))).save(bare)
    found = inspect(bare)
    assert (found.credentials.state, found.xmp, found.sidecar, found.findings) == ("none", None, None, ())
    assert found.marked
    assert found.verdict == f"synthetic: fully synthetic, {MADE}"  # the key's folder remembers the names


def test_the_names_are_forgotten_with_the_ledger(left: Left, tmp_path: Path) -> None:
    Image.open(left.file).convert("RGB").save(tmp_path / "bare.jpg", quality=90)
    (keys_folder() / "known.jsonl").unlink()
    assert "a run that begins with 01234567" in inspect(tmp_path / "bare.jpg").verdict
    (keys_folder() / "known.jsonl").write_bytes(b"\xff{]\nnull\n")
    assert "a run that begins with 01234567" in inspect(tmp_path / "bare.jpg").verdict


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("jpeg.jpg", lambda image: image),
        ("half.png", lambda image: image.resize((128, 128), Image.Resampling.LANCZOS)),
        ("webp.webp", lambda image: image),
    ],
)
def test_a_file_that_was_encoded_anew(
    name: str, change: Callable[[Image.Image], Image.Image], left: Left, tmp_path: Path
) -> None:
    change(Image.open(left.file)).save(tmp_path / name, quality=80)
    found = inspect(tmp_path / name)
    assert found.credentials.state == "none"
    assert found.watermark is not None
    assert MADE in found.verdict


def test_a_small_crop_is_not_called_real(left: Left, tmp_path: Path) -> None:
    Image.open(left.file).crop((100, 100, 140, 140)).save(tmp_path / "crop.png")
    found = inspect(tmp_path / "crop.png")
    assert "no mark found" in found.verdict
    assert "at most once in 500,000" in found.verdict
    assert "does not say that the file is real" in found.verdict


def test_one_byte_that_was_added(left: Left) -> None:
    left.file.write_bytes(left.file.read_bytes() + b"\0")
    found = inspect(left.file)
    assert found.credentials.state == "invalid"
    assert any("the signature does not hold (assertion.dataHash.mismatch)" in one for one in found.findings)
    assert any("its bytes differ; what it shows or sounds like is the same" in one for one in found.findings)
    assert MADE in found.verdict  # the watermark remains


def chunks(path: Path) -> list[tuple[bytes, bytes]]:
    data, at, found = path.read_bytes(), 8, []
    while at < len(data):
        size = int.from_bytes(data[at : at + 4])
        found.append((data[at + 4 : at + 8], data[at : at + 12 + size]))
        at += 12 + size
    return found


def test_the_manifest_of_another_file(left: Left, tmp_path: Path) -> None:
    theirs = [whole for name, whole in chunks(left.other) if name == b"caBX"]
    mine = [whole for name, whole in chunks(left.file) if name != b"caBX"]
    mixed = tmp_path / "mixed.png"
    mixed.write_bytes(left.file.read_bytes()[:8] + mine[0] + theirs[0] + b"".join(mine[1:]))
    found = inspect(mixed)
    assert found.credentials.state == "invalid"
    assert "assertion.dataHash.mismatch" in found.findings[0]
    assert MADE in found.verdict


def test_a_file_signed_anew_by_a_stranger(left: Left, tmp_path: Path) -> None:
    make_keys(tmp_path / "stranger")
    stranger = read_keys(tmp_path / "stranger")
    bare, forged = tmp_path / "bare.png", tmp_path / "forged.png"
    Image.fromarray(picture(9)).save(bare)
    facts = {"generator": "camera", "made_by": "nobody", "watermark": "x"}
    claim = Claim(title="a", source_type="http://x/trainedAlgorithmicMedia", facts=facts, created=True, watermark="x")
    sign(bare, forged, claim, stranger)
    found = inspect(forged)
    assert found.credentials.state == "valid"
    assert found.credentials.problems == ("signingCredential.untrusted",)
    assert "whom this machine does not know" in found.findings[0]
    assert "gan@2" not in found.verdict
    assert "camera" not in found.verdict  # what a stranger says of us is not repeated
    trusted = inspect(forged, [stranger.folder / "authority.pem"])
    assert (trusted.credentials.state, trusted.findings) == ("trusted", ())

    sign(left.file, tmp_path / "again.png", claim, own_keys())  # our key, but the words do not fit the watermark
    assert "speak of another watermark" in inspect(tmp_path / "again.png").findings[0]


def test_a_certificate_in_our_name_that_our_authority_never_gave(left: Left, tmp_path: Path) -> None:
    make_keys(tmp_path / "stranger")
    stranger, own = read_keys(tmp_path / "stranger"), own_keys()
    leaf = stranger.chain[: stranger.chain.index(b"-----END CERTIFICATE-----") + 26]
    (tmp_path / "stranger" / "signing.pem").write_bytes(leaf + own.authority)
    forger = read_keys(tmp_path / "stranger")
    Image.fromarray(picture(9)).save(tmp_path / "bare.png")
    sign(tmp_path / "bare.png", tmp_path / "forged.png", NOTHING, forger)
    assert inspect(tmp_path / "forged.png").credentials.state != "trusted"


def test_a_camera_is_not_synthetic(tmp_path: Path) -> None:
    keys = own_keys()
    Image.fromarray(picture(9)).save(tmp_path / "bare.png")
    kind = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
    claim = Claim(title="a", source_type=kind, facts={}, created=True, watermark=None)
    sign(tmp_path / "bare.png", tmp_path / "photo.png", claim, keys)
    found = inspect(tmp_path / "photo.png")
    assert found.credentials.state == "trusted"
    assert not found.marked


def test_an_expired_certificate_does_not_sign(tmp_path: Path) -> None:
    make_keys(tmp_path / "old", datetime.datetime.now(tz=datetime.UTC) - datetime.timedelta(days=365 * 11))
    Image.fromarray(picture(9)).save(tmp_path / "bare.png")
    with pytest.raises(MediaError, match="the certificate was not valid at time of signing"):
        sign(tmp_path / "bare.png", tmp_path / "old.png", NOTHING, read_keys(tmp_path / "old"))
    assert not (tmp_path / "old.png").exists()


@pytest.mark.slow
def test_a_certificate_that_expired_since_is_said(tmp_path: Path) -> None:
    now = datetime.datetime.now(tz=datetime.UTC)
    make_keys(tmp_path / "old", now - datetime.timedelta(days=365 * 10) + datetime.timedelta(seconds=8))
    Image.fromarray(picture(9)).save(tmp_path / "bare.png")
    sign(tmp_path / "bare.png", tmp_path / "old.png", NOTHING, read_keys(tmp_path / "old"))
    time.sleep(
        max(0.0, (read_keys(tmp_path / "old").ends - datetime.datetime.now(tz=datetime.UTC)).total_seconds()) + 2
    )
    found = inspect(tmp_path / "old.png", [tmp_path / "old" / "authority.pem"])
    assert found.credentials.state == "invalid"
    assert "signingCredential.expired" in found.findings[0]


def test_after_renewing_old_files_are_still_trusted(left: Left) -> None:
    renew_keys(keys_folder())
    assert inspect(left.file).credentials.state == "trusted"


def test_files_from_elsewhere(tmp_path: Path) -> None:
    own_keys()
    for seed in range(3):
        Image.fromarray(picture(seed)).save(tmp_path / "p.png")
        found = inspect(tmp_path / "p.png")
        assert (found.marked, found.findings, found.credentials.state) == (False, (), "none")
        told = {"found": False, "not_searched": None, "too_small": None, "false_positive_rate": 2e-6}
        assert found.record()["watermark"] == told


def test_a_picture_too_small_for_a_watermark_is_said_to_be_one(tmp_path: Path) -> None:
    own_keys()
    Image.fromarray(picture(1, 24)).save(tmp_path / "p.png")
    found = inspect(tmp_path / "p.png")
    assert "a picture of 24x24 has no room for a watermark" in found.verdict
    assert "does not say that the file is real" in found.verdict
    Image.fromarray(picture(1, 32)).save(tmp_path / "p.png")
    assert inspect(tmp_path / "p.png").too_small is None


def test_another_users_mark_is_not_ours(left: Left, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_keys(tmp_path / "mine")
    monkeypatch.setenv("FAUXBENCH_KEYS", str(tmp_path / "mine"))
    found = inspect(left.file)
    assert found.watermark is None
    assert found.credentials.state == "valid"
    assert found.marked  # their signature says so


def test_without_keys_no_watermark_is_looked_for(left: Left, tmp_path: Path) -> None:
    shutil.rmtree(keys_folder())
    Image.fromarray(picture(1)).save(tmp_path / "p.png")
    assert "no watermark was looked for: there is no key in" in inspect(tmp_path / "p.png").verdict
    assert not keys_folder().exists()  # looking makes none
    assert inspect(left.file).marked


def test_a_truncated_file(left: Left) -> None:
    data = left.file.read_bytes()
    for length in (len(data) // 2, 2000, 40, 9, 1, 0):
        left.file.write_bytes(data[:length])
        found = inspect(left.file)
        assert "cannot be decoded" in found.findings[0]
        assert found.watermark is None
        assert found.credentials.state in {"invalid", "unreadable", "none"}
        assert "after signing" not in " ".join(found.findings) or found.credentials.state == "invalid"


def test_a_file_that_is_no_picture_is_not_said_to_have_been_signed(tmp_path: Path) -> None:
    own_keys()
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n0123")
    found = inspect(tmp_path / "broken.png")
    assert found.verdict == "cannot be read as a picture; no mark found"
    assert found.credentials.state == "unreadable"
    (finding,) = found.findings
    assert finding.startswith("the file cannot be decoded: ")


def test_files_that_are_none(tmp_path: Path) -> None:
    own_keys()
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(InputError, match="neither a picture, a clip nor a sound"):
        inspect(tmp_path / "a.txt")
    with pytest.raises(InputError, match="no such file"):
        inspect(tmp_path / "gone.png")
    with pytest.raises(InputError, match="a folder; give one file"):
        inspect(tmp_path)
    for name in ("text.png", "text.mp4", "text.wav"):
        (tmp_path / name).write_text('<x Iptc4xmpExt:DigitalSourceType="http://x/trainedAlgorithmicMedia"/>')
        found = inspect(tmp_path / name)
        assert not found.marked
        assert "cannot be decoded" in found.findings[0]
    (tmp_path / "p.png").write_bytes(b"")
    for authority, words in ((tmp_path / "gone", "cannot be read"), (tmp_path / "a.txt", "not a certificate")):
        with pytest.raises(InputError, match=words):
            inspect(tmp_path / "p.png", [authority])


def test_xmp_alone_is_no_proof(tmp_path: Path) -> None:
    own_keys()
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", '<a Iptc4xmpExt:DigitalSourceType="http://x/trainedAlgorithmicMedia"/>')
    Image.fromarray(picture(1)).save(tmp_path / "p.png", pnginfo=info)
    found = inspect(tmp_path / "p.png")
    assert found.xmp == "http://x/trainedAlgorithmicMedia"
    assert not found.marked


def test_a_damaged_sidecar_is_none(left: Left) -> None:
    (left.file.parent.parent / "provenance.jsonl").write_bytes(b"\xff\n[1]\n{")
    found = inspect(left.file)
    assert found.sidecar is None
    assert MADE in found.verdict


def test_clips_and_sounds(tmp_path: Path) -> None:
    frames = [picture(seed, 128) for seed in (1, 2)]
    writer = MediaSetWriter(tmp_path / "set", name="s", origin="gan@2", modality=Modality.VIDEO)
    item = Item(id="a", modality=Modality.VIDEO, kind=Kind.PARTIALLY_SYNTHETIC, group="gan@2", sources=("r",))
    writer.add(item, VideoMedia(frames=lambda: iter(frames), fps=10.0))
    release(writer.seal().items, tmp_path / "out", ["a.mp4"], ORIGIN)
    found = inspect(tmp_path / "out" / "a.mp4")
    assert found.verdict == f"synthetic: partially synthetic, {MADE}"
    assert found.findings == ()
    again = tmp_path / "again.mp4"
    write_video(again, VideoMedia(frames=lambda: read_frames(tmp_path / "out" / "a.mp4"), fps=10.0))
    found = inspect(again)
    assert (found.credentials.state, found.xmp) == ("none", None)
    assert MADE in found.verdict
    hum = np.sin(np.arange(16_000) / 12).astype(np.float32) / 3
    writer = MediaSetWriter(tmp_path / "sounds", name="s", origin="gan@2", modality=Modality.AUDIO)
    item = Item(id="a", modality=Modality.AUDIO, kind=Kind.FULLY_SYNTHETIC, group="gan@2")
    writer.add(item, SoundMedia(sound=hum))
    release(writer.seal().items, tmp_path / "out", ["s.wav"], ORIGIN)
    soundfile.write(tmp_path / "bare.wav", soundfile.read(tmp_path / "out" / "s.wav")[0], 16_000)
    assert inspect(tmp_path / "bare.wav").verdict == f"synthetic: fully synthetic, {MADE}"
    soundfile.write(tmp_path / "a.wav", np.zeros(4000), 16_000)
    assert not inspect(tmp_path / "a.wav").marked


def test_keys_that_others_can_read_are_refused(left: Left) -> None:
    keys_folder().chmod(0o755)
    with pytest.raises(InputError, match="others can get at the keys"):
        inspect(left.file)
    assert keys_module.FILES
