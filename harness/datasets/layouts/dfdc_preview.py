"""The preview of the Deepfake Detection Challenge.

ROOT/{original_videos,method_A,method_B}/.../*.mp4 and ROOT/dataset.json, keyed by path, with label, set and people.
"""

from collections.abc import Mapping

from ...canonical import JSON
from ...media.item import Item, Split
from .lists import inside, read_object, truth_of
from .ours import CARVED
from .reading import TRUE, VISUAL, Cut, Reading


def read(reading: Reading) -> None:
    """Read what dataset.json names."""
    base = reading.tree.base("dataset.json", "original_videos", "method_a", "method_b") or ""
    path = reading.tree.find(f"{base}dataset.json")
    if path is None:
        reading.finding("missing", f"{base}dataset.json", "without it nobody knows which clips are fake")
        return
    for name, entry in read_object(reading, path).items():
        cleaned = inside(reading, path, name)
        if cleaned is None:
            continue
        fake = truth_of(entry.get("label"), ("fake",), ("real",)) if isinstance(entry, dict) else None
        if fake is None or entry.get("set") not in {"train", "test"}:
            reading.finding("malformed", path, f"'{name}': expected label fake or real and set train or test")
            continue
        there = reading.tree.find(base + cleaned)
        if fake != (not cleaned.lower().startswith("original_videos/")):
            says = "fake" if fake else "real"
            reading.finding("polarity", there or base + cleaned, f"{path} says {says}, its folder says otherwise")
        elif there is None:
            reading.lost(_item(reading, base + cleaned, cleaned, entry, fake=fake), "named in dataset.json")
        else:
            reading.take(_item(reading, there, cleaned, entry, fake=fake))


def _item(reading: Reading, path: str, name: str, entry: Mapping[str, JSON], *, fake: bool) -> Item:
    target, swapped = entry.get("target_id"), entry.get("swapped_id")
    target = target if target is not None else (name.split("/")[1] if name.count("/") else None)
    people = [str(one) for one in (target, swapped if fake else None) if one is not None]
    is_test = entry["set"] == "test"
    return reading.make(
        path,
        Cut(Split.TEST) if is_test else reading.ours(people or [name], CARVED),
        group=name.split("/")[0].lower().replace("_", "-"),
        fakes=VISUAL if fake else TRUE,
        clusters=dict(zip(("identity", "source_identity"), people, strict=False)),
        facts={"audio_truth": "unknown"} if fake else {},
    )
