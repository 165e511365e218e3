"""Any folder of real pictures, clips or sounds: one sub-folder an identity, or flat; only its main modality is read."""

from collections import Counter

from .reading import Cut, Reading, modality_of_name, suffix_is_media


def read(reading: Reading) -> None:
    """Read what is there. A folder has no splits of its own: a suite says `splits`."""
    paths = [path for path in reading.tree.files if suffix_is_media(path)]
    modalities = Counter(modality_of_name(path) for path in paths)
    nested = all("/" in path for path in paths)
    for path in paths:
        if modality_of_name(path) is modalities.most_common(1)[0][0]:
            reading.take(reading.make(path, Cut(None), clusters={"identity": path.split("/")[0]} if nested else {}))
