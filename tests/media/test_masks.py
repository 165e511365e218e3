from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fauxbench.harness.errors import MediaError
from fauxbench.harness.media.content import ImageMedia, VideoMedia
from fauxbench.harness.media.item import Item, Kind, Modality
from fauxbench.harness.media.masks import digest_of_masks, read_masks
from fauxbench.harness.media.mediaset import MediaSet, MediaSetWriter

PIXELS = np.zeros((10, 12, 3), np.uint8)
MASK = np.arange(120, dtype=np.uint8).reshape(10, 12)


def item(name: str = "a/1", modality: Modality = Modality.IMAGE) -> Item:
    return Item(id=name, modality=modality, kind=Kind.PARTIALLY_SYNTHETIC, visual_fake=True, group="g")


def writer(folder: Path, modality: Modality = Modality.IMAGE) -> MediaSetWriter:
    return MediaSetWriter(folder, name="s", origin="t", modality=modality)


def test_a_mask_is_kept_beside_its_picture_and_opened_through_the_item(tmp_path: Path) -> None:
    made = writer(tmp_path / "s")
    made.add(item(), ImageMedia(pixels=PIXELS), lambda: iter([MASK]))
    made.add(item("plain"), ImageMedia(pixels=PIXELS))
    made.seal()
    masked, plain = MediaSet.open(tmp_path / "s").items
    assert np.array_equal(next(read_masks(masked)), MASK)
    assert masked.facts["mask"]["share"] == pytest.approx(MASK.mean() / 255, abs=1e-6)
    assert digest_of_masks(masked) == masked.facts["mask"]["content"]
    assert "mask_path" not in plain.record()  # as in sets of before
    assert "mask" not in plain.facts
    with pytest.raises(MediaError, match="no masks were kept"):
        next(read_masks(plain))


def test_the_digest_holds_what_the_mask_shows_and_not_where_it_lies(tmp_path: Path) -> None:
    made = writer(tmp_path / "s")
    one = made.add(item("a"), ImageMedia(pixels=PIXELS), lambda: iter([MASK]))
    assert replace(one, mask_path="").digest == one.digest
    again = writer(tmp_path / "t").add(item("a"), ImageMedia(pixels=PIXELS), lambda: iter([MASK + 1]))
    assert again.digest != one.digest


def test_a_clip_has_a_mask_for_each_frame_without_loss(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (16, 18, 3), dtype=np.uint8) for _ in range(5)]
    masks = [rng.integers(0, 256, (16, 18), dtype=np.uint8) for _ in range(5)]
    made = writer(tmp_path / "s", Modality.VIDEO)
    clip = VideoMedia(frames=lambda: iter(frames), fps=10.0)
    made.add(item("c", Modality.VIDEO), clip, lambda: iter(masks))
    with pytest.raises(MediaError, match="4 of them for 5 frames"):
        made.add(item("d", Modality.VIDEO), clip, lambda: iter(masks[:4]))
    made.seal()
    (opened,) = MediaSet.open(tmp_path / "s").items
    assert all(np.array_equal(a, b) for a, b in zip(read_masks(opened), masks, strict=True))
    assert not list((tmp_path / "s").glob("*/d.*"))


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ([PIXELS], r"expected \(H, W\) uint8"),
        ([MASK.astype(float)], "expected"),
        ([MASK[:5]], "but the picture is"),
        ([MASK, MASK], "more than one"),
        ([], "none came"),
        ([None], "NoneType"),
        (None, "masks.. raised TypeError"),
    ],
)
def test_bad_masks_are_said_and_leave_nothing(tmp_path: Path, masks: list[object] | None, message: str) -> None:
    made = writer(tmp_path / "s")
    with pytest.raises(MediaError, match=message):
        made.add(item(), ImageMedia(pixels=PIXELS), lambda: iter(masks))  # type: ignore[arg-type]
    assert not [path for path in (tmp_path / "s").rglob("*") if path.is_file()]
    made.add(item(), ImageMedia(pixels=PIXELS), lambda: iter([MASK]))  # the id is still free
