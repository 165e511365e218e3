import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from fauxbench.harness.media.content import FileMedia, VideoMedia
from fauxbench.harness.media.encode import write_video
from fauxbench.harness.media.images import read_image
from fauxbench.harness.media.item import Item, Kind, Modality
from fauxbench.harness.media.mediaset import MediaSet, MediaSetWriter
from fauxbench.harness.media.read import content_of, frame_rate, read_frames, read_sound
from fauxbench.harness.safeguards.border import release, suffix_of
from fauxbench.harness.safeguards.credentials import read_credentials
from fauxbench.harness.safeguards.keys import own_keys
from fauxbench.harness.safeguards.ledger import look_up
from fauxbench.harness.safeguards.marking import mark_of, payload_text, rate_of
from fauxbench.harness.safeguards.watermark import find_in_frames, find_in_picture, find_in_sound
from fauxbench.harness.safeguards.xmp import read_xmp

IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
ORIGIN = "0123456789abcdef" * 4


def picture(seed: int = 0, size: int = 96) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:size, 0:size]
    wave = 128 + 50 * np.sin(x / rng.uniform(5, 12)) + 40 * np.cos(y / rng.uniform(6, 15))
    return np.clip(wave[..., None] + rng.normal(0, 5, (size, size, 3)), 0, 255).astype(np.uint8)


def hum(seconds: float = 1.0, rate: int = 16_000) -> np.ndarray:
    time = np.arange(int(seconds * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * 220 * time)).astype(np.float32)


def write_file(path: Path) -> None:
    if path.suffix in {".mp4", ".mov", ".avi", ".mkv"}:
        frames = [picture(3), picture(4), picture(5)]
        write_video(
            path, VideoMedia(frames=lambda: iter(frames), fps=12.5, sound=hum(0.24, 44_100), sample_rate=44_100)
        )
    elif path.suffix in {".wav", ".flac", ".ogg"}:
        soundfile.write(path, np.stack([hum(1, 22_050), 0.5 * hum(1, 22_050)], axis=1), 22_050)
    else:
        Image.fromarray(picture()).save(path)


@pytest.fixture
def set_of(tmp_path: Path) -> Callable[..., MediaSet]:
    def made(suffix: str, kind: Kind = Kind.FULLY_SYNTHETIC, **more: Any) -> MediaSet:
        file = tmp_path / f"master{suffix}"
        if not file.exists():
            write_file(file)
        modality = {".mp4": "video", ".mov": "video", ".avi": "video", ".mkv": "video"}.get(suffix, "image")
        modality = "audio" if suffix in {".wav", ".flac", ".ogg"} else modality
        writer = MediaSetWriter(tmp_path / f"set{suffix}-{kind}", name="s", origin="x@1", modality=Modality(modality))
        writer.add(Item(id="a", modality=Modality(modality), kind=kind, group="x@1", **more), FileMedia(path=file))
        return writer.seal()

    return made


FORMS = {
    ".png": ".png",
    ".jpg": ".jpg",
    ".webp": ".webp",
    ".bmp": ".png",
    ".tif": ".png",
    ".gif": ".png",
    ".mp4": ".mp4",
    ".mov": ".mov",
    ".mkv": ".mp4",
    ".wav": ".wav",
    ".flac": ".flac",
    ".ogg": ".wav",
}


@pytest.mark.parametrize("suffix", FORMS)
def test_every_form_carries_all_marks(suffix: str, set_of: Callable[..., MediaSet], tmp_path: Path) -> None:
    media = set_of(suffix)
    (item,) = media.items
    assert suffix_of(item) == FORMS[suffix]
    name = f"sub/a{suffix_of(item)}"
    (row,) = release(media.items, tmp_path / "out", [name], ORIGIN)
    file = tmp_path / "out" / name
    keys = own_keys()
    expected = mark_of("a", "x@1", Kind.FULLY_SYNTHETIC, ORIGIN)

    found = read_credentials(file, [keys.authority])
    assert (found.state, found.problems) == ("trusted", ())
    assert found.source_type == IPTC + "trainedAlgorithmicMedia"
    assert found.facts is not None
    assert (found.facts["made_by"], found.facts["generator"], found.facts["master"]) == (ORIGIN, "x@1", item.content)
    assert read_xmp(file) == (None if file.suffix == ".flac" else IPTC + "trainedAlgorithmicMedia")
    assert row["content"] == content_of(file, item.modality)[0]
    assert row["marks"]["watermark"]["payload"] == found.facts["watermark"] == payload_text(expected)
    mark = None
    if item.modality is Modality.IMAGE:
        mark = find_in_picture(read_image(file), keys.watermark)
    elif item.modality is Modality.VIDEO:
        mark = find_in_frames(read_frames(file), keys.watermark)
    if item.modality is Modality.AUDIO:  # a clip of a quarter of a second is too short to hear it through AAC
        rate = rate_of(file)
        heard = find_in_sound(read_sound(file, rate), rate, keys.watermark)
        assert heard is not None
        assert heard.mark == expected
    assert item.modality is Modality.AUDIO or (mark is not None and mark.mark == expected)
    assert look_up(keys.folder, expected) == {
        "run": "01234567",
        "generator": expected.generator,
        "made_by": ORIGIN,
        "name": "x@1",
    }
    assert sorted(path.name for path in (tmp_path / "out").rglob("*")) == sorted([file.name, "sub", "provenance.jsonl"])


@pytest.mark.parametrize("suffix", FORMS)
def test_real_files_leave_byte_for_byte(suffix: str, set_of: Callable[..., MediaSet], tmp_path: Path) -> None:
    media = set_of(suffix, Kind.REAL)
    assert suffix_of(media.items[0]) == suffix
    (row,) = release(media.items, tmp_path / "out", [f"a{suffix}"], ORIGIN)
    assert (tmp_path / "out" / f"a{suffix}").read_bytes() == (tmp_path / f"master{suffix}").read_bytes()
    assert row["marks"] is None
    assert row["content"] == row["master"] == media.items[0].content
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".mp4", ".wav"])
def test_what_left_once_leaves_again_as_it_is(suffix: str, set_of: Callable[..., MediaSet], tmp_path: Path) -> None:
    media = set_of(suffix)
    (first,) = release(media.items, tmp_path / "out", [f"a{suffix}"], ORIGIN)
    writer = MediaSetWriter(tmp_path / "again", name="s", origin="x@1", roots={"out": tmp_path / "out"})
    writer.refer(
        Item(id="b", modality=media.items[0].modality, kind=Kind.FULLY_SYNTHETIC, group="x@1"),
        root="out",
        path=f"a{suffix}",
    )
    (second,) = release(writer.seal().items, tmp_path / "twice", [f"a{suffix}"], "other")
    assert (tmp_path / "twice" / f"a{suffix}").read_bytes() == (tmp_path / "out" / f"a{suffix}").read_bytes()
    assert (second["content"], second["marks"]) == (first["content"], first["marks"])


def test_the_content_that_leaves_is_always_the_same(set_of: Callable[..., MediaSet], tmp_path: Path) -> None:
    rows = [release(set_of(".png").items, tmp_path / name, ["a.png"], ORIGIN)[0] for name in "ab"]
    assert rows[0]["content"] == rows[1]["content"]
    assert rows[0]["sha256"] != rows[1]["sha256"]  # a signature is new every time


@pytest.mark.parametrize(
    ("kind", "more", "expected", "made"),
    [
        (Kind.FULLY_SYNTHETIC, {}, "trainedAlgorithmicMedia", "c2pa.created"),
        (Kind.PARTIALLY_SYNTHETIC, {"sources": ("p1", "p2")}, "compositeWithTrainedAlgorithmicMedia", "c2pa.opened"),
        (Kind.PARTIALLY_SYNTHETIC, {}, "compositeWithTrainedAlgorithmicMedia", "c2pa.created"),
        (Kind.AUGMENTED_REAL, {"sources": ("p1",)}, "algorithmicallyEnhanced", "c2pa.opened"),
        (Kind.REAL, {"facts": {"rendered": True}}, "algorithmicMedia", "c2pa.created"),
    ],
)
def test_what_the_manifest_says(
    kind: Kind, more: dict[str, Any], expected: str, made: str, set_of: Callable[..., MediaSet], tmp_path: Path
) -> None:
    import c2pa

    media = set_of(".png", kind, **more)
    parent = Item(id="p1", modality=Modality.IMAGE, kind=Kind.REAL, group="r", path="x.JPG", content="c" * 64)
    release(media.items, tmp_path / "out", ["a.png"], ORIGIN, {"p1": parent})
    file = tmp_path / "out" / "a.png"
    assert read_credentials(file, [own_keys().authority]).source_type == read_xmp(file) == IPTC + expected
    with c2pa.Reader(str(file)) as reader:
        manifest = json.loads(reader.json())
    manifest = manifest["manifests"][manifest["active_manifest"]]
    actions = manifest["assertions"][[a["label"] for a in manifest["assertions"]].index("c2pa.actions.v2")]
    assert actions["data"]["actions"][0]["action"] == made
    known = [(one["title"], one["relationship"]) for one in manifest.get("ingredients", ())]
    relations = ("parentOf", "componentOf")
    assert known == list(zip(more.get("sources", ()), relations, strict=False))
    if known:
        first = manifest["ingredients"][0]
        assert (first["instance_id"], first["format"]) == ("sha256:" + "c" * 64, "image/jpeg")
    assert "thumbnail" not in json.dumps(manifest)
    assert file.stat().st_size < (tmp_path / "master.png").stat().st_size * 2 + 6000


def test_a_jpeg_keeps_its_tables(set_of: Callable[..., MediaSet], tmp_path: Path) -> None:
    master = tmp_path / "master.jpg"
    Image.fromarray(picture()).save(master, quality=71, subsampling=2)
    release(set_of(".jpg").items, tmp_path / "out", ["a.jpg"], ORIGIN)
    with Image.open(master) as before, Image.open(tmp_path / "out" / "a.jpg") as after:
        assert before.quantization == after.quantization  # type: ignore[attr-defined]
        assert before.layer == after.layer  # type: ignore[attr-defined]


def test_sounds_keep_rate_and_channels_and_clips_their_frames(set_of: Callable[..., MediaSet], tmp_path: Path) -> None:
    release(set_of(".wav").items, tmp_path / "out", ["a.wav"], ORIGIN)
    before, rate = soundfile.read(tmp_path / "master.wav")
    after, same = soundfile.read(tmp_path / "out" / "a.wav")
    assert (before.shape, rate) == (after.shape, same)
    assert np.abs(before - after).max() < 0.1

    release(set_of(".mp4").items, tmp_path / "out", ["a.mp4"], ORIGIN)
    clip, master = tmp_path / "out" / "a.mp4", tmp_path / "master.mp4"
    assert frame_rate(clip) == frame_rate(master) == 12.5
    shown = list(zip(read_frames(clip), read_frames(master), strict=True))
    assert len(shown) == 3
    assert all(np.abs(a.astype(int) - b).mean() < 6 for a, b in shown)
    assert abs(len(read_sound(clip)) - len(read_sound(master))) < 2_000


@pytest.mark.parametrize("size", [1, 8, 31])
def test_a_picture_too_small_for_a_watermark_is_signed_all_the_same(
    size: int, set_of: Callable[..., MediaSet], tmp_path: Path
) -> None:
    Image.fromarray(picture(size=size)).save(tmp_path / "master.png")
    (row,) = release(set_of(".png").items, tmp_path / "out", ["a.png"], ORIGIN)
    assert row["marks"] == {"watermark": None, "credentials": "c2pa", "xmp": True}
    assert row["content"] == row["master"]
    found = read_credentials(tmp_path / "out" / "a.png", [own_keys().authority])
    assert found.state == "trusted"
    assert found.facts is not None
    assert found.facts["watermark"] is None
