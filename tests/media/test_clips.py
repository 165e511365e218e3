import errno
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fauxbench.harness.errors import MediaError
from fauxbench.harness.media.clips import open_clip
from fauxbench.harness.media.content import FileMedia, ImageMedia, Picture, Sound, SoundMedia, VideoMedia
from fauxbench.harness.media.encode import write_media, write_video
from fauxbench.harness.media.item import Modality
from fauxbench.harness.media.read import (
    DIGEST_RATE,
    content_of,
    frame_rate,
    has_sound,
    modality_of,
    read_frames,
    read_sound,
)


def moving(height: int = 64, width: int = 64, count: int = 5) -> Callable[[], Iterator[Picture]]:
    y, x = np.mgrid[0:height, 0:width]
    return lambda: (np.stack([x + 20 * i, y * 2, x + y], axis=2).clip(0, 255).astype(np.uint8) for i in range(count))


def tone(seconds: float = 1.0, rate: int = 16_000) -> Sound:
    """Return silence and then, from the middle on, a tone."""
    times = np.arange(int(seconds * rate)) / rate
    return (0.4 * np.sin(2 * np.pi * 440 * times) * (times >= seconds / 2)).astype(np.float32)


def test_a_clip_comes_back(tmp_path: Path) -> None:
    path, content, facts = write_media(tmp_path, "a", VideoMedia(frames=moving(), fps=25))
    assert path == tmp_path / "a.mp4"
    assert facts == {"width": 64, "height": 64, "fps": 25.0, "seconds": 0.2}
    frames = list(read_frames(path))
    assert [frame.shape for frame in frames] == [(64, 64, 3)] * 5
    for frame, wanted in zip(frames, moving()(), strict=True):
        assert np.abs(frame.astype(int) - wanted).mean() < 4
    assert not has_sound(path)
    assert frame_rate(path) == 25
    assert content == content_of(path, Modality.VIDEO)[0]


def test_the_same_clip_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_media(tmp_path, name, VideoMedia(frames=moving(), fps=25, sound=tone(0.2)))
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_the_same_clip_gives_the_same_bytes_whatever_memory_held_before(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:240, 0:426]
    waves = [np.stack([128 + 60 * np.sin((x + 3 * i) / 20), y * 0.7, (x + y) * 0.4], 2) for i in range(8)]
    frames = [np.clip(wave + rng.normal(0, 3, wave.shape), 0, 255).astype(np.uint8) for wave in waves]

    def littered() -> Iterator[Picture]:
        for frame in frames:
            left = [rng.integers(0, 255, int(rng.integers(1_000, 900_000)), dtype=np.uint8) for _ in range(3)]
            del left
            yield frame

    written = set()
    for _ in range(4):
        write_video(tmp_path / "a.mp4", VideoMedia(frames=littered, fps=25))
        written.add((tmp_path / "a.mp4").read_bytes())
    assert len(written) == 1


def test_sound_stays_in_step_with_the_picture(tmp_path: Path) -> None:
    path, _, _ = write_media(tmp_path, "a", VideoMedia(frames=moving(count=25), fps=25, sound=tone()))
    found = read_sound(path)
    assert abs(len(found) - 16_000) <= 1024  # the last AAC frame is filled up
    onset = int(np.argmax(np.abs(found) > 0.1))
    assert abs(onset - 8_000) < 80  # 5 ms; the encoder's own delay is 64 ms
    assert np.corrcoef(found[9_000:15_000], tone()[9_000:15_000])[0, 1] > 0.99


def test_odd_sizes_and_rates(tmp_path: Path) -> None:
    path, _, facts = write_media(tmp_path, "a", VideoMedia(frames=moving(31, 33), fps=29.97))
    assert (facts["width"], facts["height"]) == (33, 31)
    assert facts["fps"] == pytest.approx(29.97)
    assert next(read_frames(path)).shape == (31, 33, 3)


def test_a_sound_comes_back(tmp_path: Path) -> None:
    path, content, facts = write_media(tmp_path, "a", SoundMedia(sound=tone()))
    assert facts == {"seconds": 1.0}
    found = read_sound(path)
    assert found.dtype == np.float32
    assert found.shape == (16_000,)
    assert np.abs(found - tone()).max() < 1 / 16_000
    assert content == content_of(path, Modality.AUDIO)[0]
    assert len(read_sound(path, rate=8_000)) == 8_000


def test_sound_is_read_as_mono_at_any_rate(tmp_path: Path) -> None:
    import soundfile

    both = np.stack([tone(rate=44_100), tone(rate=44_100)], axis=1)
    soundfile.write(tmp_path / "a.flac", both, 44_100)
    found = read_sound(tmp_path / "a.flac")
    assert len(found) == pytest.approx(DIGEST_RATE, abs=2)
    assert np.abs(found[9_000:15_000] - tone()[9_000:15_000]).max() < 0.02


def test_loud_sound_is_clipped(tmp_path: Path) -> None:
    path, _, _ = write_media(tmp_path, "a", SoundMedia(sound=np.array([2.0, -3.0, 0.0] * 100, dtype=np.float32)))
    assert np.abs(read_sound(path)).max() == pytest.approx(1, abs=1e-4)


def changing() -> Iterator[Picture]:
    yield np.zeros((64, 64, 3), np.uint8)
    yield np.zeros((32, 32, 3), np.uint8)


def failing() -> Iterator[Picture]:
    yield np.zeros((64, 64, 3), np.uint8)
    raise RuntimeError("out of luck")


NAN = np.array([0.0, np.nan], dtype=np.float32)
WRONG: dict[str, tuple[object, str]] = {
    "no frames": (VideoMedia(frames=lambda: iter(()), fps=25), "a clip without frames"),
    "frames that change size": (VideoMedia(frames=changing, fps=25), "frame 1: (32, 32, 3), but the first was"),
    "frames that raise": (VideoMedia(frames=failing, fps=25), "frames() raised RuntimeError: out of luck"),
    "a list of frames": (VideoMedia(frames=list(moving()()), fps=25), "frames() raised TypeError"),  # type: ignore[arg-type]
    "frames of floats": (VideoMedia(frames=lambda: iter([np.zeros((8, 8, 3))]), fps=25), "frame 0: expected uint8"),  # type: ignore[arg-type]
    "no rate": (VideoMedia(frames=moving(), fps=0), "frames per second, found 0"),
    "a rate of NaN": (VideoMedia(frames=moving(), fps=float("nan")), "frames per second, found nan"),
    "a rate of text": (VideoMedia(frames=moving(), fps="25"), "frames per second, found '25'"),  # type: ignore[arg-type]
    "a clip whose sound is NaN": (VideoMedia(frames=moving(), fps=25, sound=NAN), "NaN"),
    "a clip whose sound is empty": (VideoMedia(frames=moving(), fps=25, sound=NAN[:0]), "without samples"),
    "a rate that AAC does not know": (VideoMedia(frames=moving(), fps=25, sound=tone(), sample_rate=12_345), "encoded"),
    "a sound of NaN": (SoundMedia(sound=NAN), "NaN"),
    "a sound without samples": (SoundMedia(sound=NAN[:0]), "without samples"),
    "a sound of two channels": (SoundMedia(sound=np.zeros((5, 2), np.float32)), "(5, 2)"),
    "a sound of integers": (SoundMedia(sound=np.zeros(5, np.int16)), "(5,)"),  # type: ignore[arg-type]
    "a sound at no rate": (SoundMedia(sound=tone(), sample_rate=0), "sample rate"),
    "a picture of floats": (ImageMedia(pixels=np.zeros((4, 4, 3))), "uint8"),
    "a path as text": (FileMedia(path="a.png"), "expected a pathlib.Path, found 'a.png'"),  # type: ignore[arg-type]
    "a file that is not there": (FileMedia(path=Path("/nowhere/a.png")), "no such file"),
    "a file of another kind": (FileMedia(path=Path("a.txt")), "not a picture, clip or sound"),
    "something else": (object(), "found object"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_media_are_one_error_and_leave_no_file(case: str, tmp_path: Path) -> None:
    media, words = WRONG[case]
    with pytest.raises(MediaError) as caught:
        write_media(tmp_path, "a", media)
    assert words in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("media", [SoundMedia(sound=tone()), VideoMedia(frames=moving(), fps=25)])
def test_a_full_disk_is_not_the_fault_of_the_media(media: object, tmp_path: Path) -> None:
    (tmp_path / "a.wav").symlink_to("/dev/full")
    (tmp_path / "a.mp4").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as caught:
        write_media(tmp_path, "a", media)
    assert caught.value.errno == errno.ENOSPC


def test_a_full_disk_inside_the_frames_is_not_either(tmp_path: Path) -> None:
    def full() -> Iterator[Picture]:
        raise OSError(errno.ENOSPC, "No space left on device")
        yield

    with pytest.raises(OSError, match="No space left"):
        write_media(tmp_path, "a", VideoMedia(frames=full, fps=25))


def test_a_finished_file_is_kept_byte_for_byte(tmp_path: Path) -> None:
    made, out = tmp_path / "made.JPG", tmp_path / "out"
    out.mkdir()
    Image.fromarray(next(moving()())).save(made, format="JPEG")
    path, content, facts = write_media(out, "a", FileMedia(path=made))
    assert path == out / "a.jpg"
    assert path.read_bytes() == made.read_bytes()
    assert facts == {"width": 64, "height": 64}
    assert content == content_of(made, Modality.IMAGE)[0]


@pytest.mark.parametrize("name", ["a.mp4", "a.wav", "gone.mp4"])
@pytest.mark.parametrize("read", [lambda p: list(read_frames(p)), read_sound, has_sound, frame_rate])
def test_files_that_are_no_media(name: str, read: Callable[[Path], object], tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("hello" * 100)
    (tmp_path / "a.wav").write_bytes(b"")
    with pytest.raises(MediaError, match=name):
        read(tmp_path / name)


def test_a_clip_cut_short_gives_an_error_or_fewer_frames(tmp_path: Path) -> None:
    path, _, _ = write_media(tmp_path, "a", VideoMedia(frames=moving(count=20), fps=25))
    data = path.read_bytes()
    for share in (0.1, 0.5, 0.9):
        path.write_bytes(data[: int(len(data) * share)])
        try:
            assert len(list(read_frames(path))) < 20
        except MediaError as error:
            assert str(path) in str(error)  # noqa: PT017


def test_the_other_stream_is_missing(tmp_path: Path) -> None:
    clip, _, _ = write_media(tmp_path, "a", VideoMedia(frames=moving(), fps=25))
    sound, _, _ = write_media(tmp_path, "b", SoundMedia(sound=tone()))
    with pytest.raises(MediaError, match="no sound stream"):
        read_sound(clip)
    with pytest.raises(MediaError, match="no video stream"):
        next(read_frames(sound))


def test_the_digest_of_a_clip_hears_its_sound(tmp_path: Path) -> None:
    digests = set()
    for name, sound in (("a", None), ("b", tone(0.2)), ("c", tone(0.2) * 0.5)):
        digests.add(write_media(tmp_path, name, VideoMedia(frames=moving(), fps=25, sound=sound))[1])
    assert len(digests) == 3


@pytest.mark.parametrize(
    ("name", "modality"),
    [("a.PNG", Modality.IMAGE), ("a.Mp4", Modality.VIDEO), ("a.flac", Modality.AUDIO), ("a.txt", None), ("png", None)],
)
def test_what_a_suffix_means(name: str, modality: Modality | None) -> None:
    assert modality_of(Path(name)) is modality


def test_tags_that_are_not_unicode_do_not_matter(tmp_path: Path) -> None:
    import av

    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "ABCDEFGH"
        stream = container.add_stream("libx264", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for pixels in moving()():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    before = content_of(path, Modality.VIDEO)
    data = path.read_bytes()
    assert b"ABCDEFGH" in data
    path.write_bytes(data.replace(b"ABCDEFGH", b"ABC\xf1EFGH"))
    assert content_of(path, Modality.VIDEO) == before
    assert not has_sound(path)
    assert frame_rate(path) == 25


@pytest.mark.parametrize("media", [VideoMedia(frames=moving(), fps=25, sound=tone(0.2)), SoundMedia(sound=tone(0.2))])
def test_damaged_files_raise_nothing_but_media_errors(media: VideoMedia | SoundMedia, tmp_path: Path) -> None:
    path, _, _ = write_media(tmp_path, "a", media)
    data, modality = path.read_bytes(), modality_of(path)
    assert modality is not None
    rng = np.random.default_rng(0)
    for turn in range(80):
        hurt = bytearray(data[: rng.integers(1, len(data))] if turn % 4 == 0 else data)
        for place in rng.integers(0, len(hurt), 6):
            hurt[place] = rng.integers(0, 256)
        path.write_bytes(hurt)
        try:
            content, facts = content_of(path, modality)
        except MediaError:
            continue
        assert len(content) == 64
        assert facts["seconds"] >= 0


@pytest.mark.parametrize(
    ("matrix", "turns"),
    [
        ((0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30), 3),
        ((-65536, 0, 0, 0, -65536, 0, 0, 0, 1 << 30), 2),
        ((0, -65536, 0, 65536, 0, 0, 0, 0, 1 << 30), 1),
    ],
)
def test_a_clip_held_upright_is_read_upright(matrix: tuple[int, ...], turns: int, tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", VideoMedia(frames=moving(48, 64), fps=25))
    plain = list(read_frames(tmp_path / "a.mp4"))
    data = bytearray((tmp_path / "a.mp4").read_bytes())
    place = data.index(b"tkhd") + 4 + 40
    data[place : place + 36] = struct.pack(">9i", *matrix)
    (tmp_path / "b.mp4").write_bytes(data)
    for read in (read_frames(tmp_path / "b.mp4"), open_clip(tmp_path / "b.mp4", fps=25).frames()):
        for frame, straight in zip(read, plain, strict=True):
            assert np.array_equal(frame, np.rot90(straight, turns))
    content, facts = content_of(tmp_path / "b.mp4", Modality.VIDEO)
    assert (facts["width"], facts["height"]) == ((48, 64) if turns % 2 else (64, 48))
    assert content != content_of(tmp_path / "a.mp4", Modality.VIDEO)[0]
