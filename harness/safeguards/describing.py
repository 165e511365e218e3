"""A Croissant description and a datasheet for every set that leaves.

Croissant 1.0 (MLCommons, 2024) with the vocabulary for responsible AI, and the questions of Gebru et al., "Datasheets
for Datasets" (CACM 64:12, 2021), as far as fauxbench knows the answers. What it does not know, it says.
"""

import datetime
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from ..canonical import JSON, digest_of_file
from ..media.mediaset import MediaSet
from ..store.store import write_atomically
from .border import PROVENANCE
from .consent import USED
from .detectability import DETECTABILITY, detectability_of

CROISSANT, DATASHEET = "croissant.json", "DATASHEET.md"
_FIELDS = {
    "file": ("sc:Text", "Path of the file."),
    "sha256": ("sc:Text", "Digest of its bytes."),
    "item": ("sc:Text", "Id of the item."),
    "content": ("sc:Text", "Digest of what it shows or sounds like."),
    "synthetic": ("sc:Boolean", "Whether no camera or microphone recorded it as it is."),
    "kind": ("sc:Text", "real, fully_synthetic, partially_synthetic or augmented_real."),
    "generator": ("sc:Text", "Who made it."),
    "made_by": ("sc:Text", "The step of a run that made it."),
}
_MIMES = {
    **{".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"},
    **{".mp4": "video/mp4", ".mov": "video/quicktime", ".wav": "audio/wav", ".flac": "audio/flac"},
}
_CONTEXT: dict[str, JSON] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def describe(media: MediaSet, folder: Path, rows: Sequence[Mapping[str, JSON]]) -> None:
    """Write `croissant.json` and `DATASHEET.md` beside a set that has left.

    Args:
        media: The set.
        folder: Where its files and provenance.jsonl are.
        rows: Of provenance.jsonl.

    Raises:
        StorageError: The disk is full or read-only.
    """
    document = croissant(media, folder, rows)
    write_atomically(folder / CROISSANT, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    write_atomically(folder / DATASHEET, datasheet(media, rows))


def croissant(media: MediaSet, folder: Path, rows: Sequence[Mapping[str, JSON]]) -> dict[str, JSON]:
    """Return the Croissant description: the files, and one record for each row of provenance.jsonl."""
    name = _name(media)
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": name,
        "description": _about(media, rows),
        "url": f"urn:sha256:{media.digest}",
        "license": _licence(media),
        "creator": {"@type": "sc:Organization", "name": f"fauxbench {version('fauxbench')}"},
        "datePublished": _today(),
        "version": "1.0.0",
        "citeAs": f"{name}, sha256:{media.digest}",
        "isLiveDataset": False,
        "distribution": _files(folder, rows),
        "recordSet": [_records()],
        **_responsible(media, rows),
    }


def _files(folder: Path, rows: Sequence[Mapping[str, JSON]]) -> list[dict[str, JSON]]:
    index = {
        "@type": "cr:FileObject",
        "@id": "provenance",
        "name": "provenance",
        "contentUrl": PROVENANCE,
        "encodingFormat": "application/jsonlines",
        "sha256": digest_of_file(folder / PROVENANCE),
    }
    forms = sorted({Path(str(row["file"])).suffix for row in rows})
    sets = [
        {
            "@type": "cr:FileSet",
            "@id": f"media{form}",
            "name": f"media{form}",
            "encodingFormat": _MIMES.get(form, "application/octet-stream"),
            "includes": f"**/*{form}",
        }
        for form in forms
    ]
    return [index, *sets]


def _records() -> dict[str, JSON]:
    fields = [
        {
            "@type": "cr:Field",
            "@id": f"items/{name}",
            "name": name,
            "description": about,
            "dataType": kind,
            "source": {"fileObject": {"@id": "provenance"}, "extract": {"column": name}},
        }
        for name, (kind, about) in _FIELDS.items()
    ]
    return {"@type": "cr:RecordSet", "@id": "items", "name": "items", "field": fields}


def _responsible(media: MediaSet, rows: Sequence[Mapping[str, JSON]]) -> dict[str, JSON]:
    """Return the answers of the vocabulary for responsible AI."""
    return {
        "rai:dataCollection": _collection(media, rows),
        "rai:dataCollectionType": ["Synthetic" if any(row["synthetic"] for row in rows) else "Secondary Data analysis"],
        "rai:dataManipulationProtocol": _processing(),
        "rai:personalSensitiveInformation": [_people(media)],
        "rai:dataUseCases": [_uses(media)],
        "rai:dataLimitations": [_limits(media)],
        "rai:dataBiases": ["Whatever the real data has, and whatever the generator adds; neither was measured here."],
        "rai:dataSocialImpact": "Media that could deceive; therefore every synthetic file is marked.",
        "rai:dataReleaseMaintenancePlan": "A sealed set never changes; a new one is made instead.",
    }


def datasheet(media: MediaSet, rows: Sequence[Mapping[str, JSON]]) -> str:
    """Return the datasheet, in Markdown."""
    splits = Counter(str(item.split or "none") for item in media)
    people = len({item.cluster for item in media if item.clusters})
    counted = ", ".join(f"{count} {split}" for split, count in sorted(splits.items()))
    sections = (
        ("Motivation", "Made to measure generators of synthetic media and the detectors that should catch them."),
        (
            "Composition",
            f"{_about(media, rows)} Splits: {counted}. People, speakers or clips told apart: {people}. Asked for: "
            f"{media.card.expected}; did not come: {len(media.missed)} (failures.jsonl of the set says why).",
        ),
        ("Collection", f"{_collection(media, rows)} {_people(media)}"),
        ("Processing", _processing()),
        ("Uses", f"{_uses(media)} {_limits(media)}"),
        ("Distribution", f"{_licence(media)}. How to tell a file for what it is: `fauxbench inspect FILE`."),
        ("Detectability", _detectability(media)),
        ("Maintenance", f"A sealed set never changes; a new one is made instead. Digest: `{media.digest}`."),
    )
    text = "\n\n".join(f"## {title}\n\n{body}" for title, body in sections)
    return f"# {media.card.name}\n\nWritten by fauxbench {version('fauxbench')} on {_today()}.\n\n{text}\n"


def _about(media: MediaSet, rows: Sequence[Mapping[str, JSON]]) -> str:
    kinds = Counter("rendered" if r["kind"] == "real" and r["synthetic"] else str(r["kind"]) for r in rows)
    counted = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    return f"{len(rows)} files ({media.card.modality}) of '{media.card.name}': {counted}."


def _collection(media: MediaSet, rows: Sequence[Mapping[str, JSON]]) -> str:
    makers = ", ".join(sorted({str(row["generator"]) for row in rows})) or "nobody"
    return f"Made by {makers}, in the step {', '.join(sorted({str(row['made_by']) for row in rows}))}."


def _processing() -> str:
    return (
        "Every synthetic file has an invisible watermark, signed content credentials (C2PA), XMP where its form has "
        "it, and a row in provenance.jsonl; it was encoded once more for that. Real files are byte for byte as they "
        "were."
    )


def _people(media: MediaSet) -> str:
    terms, used = media.card.terms, media.card.facts.get(USED) or {}
    if terms.people == "rendered":
        return "The people in it were rendered and never lived."
    if terms.people == "none":
        return "There are no people in it."
    consent = f" {len(used)} consent records were relied on." if used else " No consent record was relied on."
    return f"Real people, or what was learned from them. Granted by: {terms.grant or 'not recorded'}.{consent}"


def _uses(media: MediaSet) -> str:
    return f"Permitted: {', '.join(media.card.terms.permits)}. Not for deceiving anybody."


def _limits(media: MediaSet) -> str:
    return "It is as good as its generator and its real data; scores on it say little of other fakes."


def _licence(media: MediaSet) -> str:
    terms = media.card.terms
    return f"Permits {', '.join(terms.permits)}; granted by: {terms.grant or 'not recorded'}"


def _detectability(media: MediaSet) -> str:
    found = detectability_of(media.card) if media.card.facts.get(DETECTABILITY) else None
    if found is None:
        return "Not scored by detectors; it cannot be published on a leaderboard before it is."
    lines = [
        f"- {one.detector}: {'no AUC, ' + str(one.reason) if one.auc is None else f'AUC {one.auc:.3f}'} "
        f"({one.n} of {one.expected} items)"
        for one in found.detections
    ]
    return "\n".join([f"Measured on {found.measured}; neither high nor low is better.", "", *lines])


def _name(media: MediaSet) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in media.card.name)


def _today() -> str:
    return f"{datetime.datetime.now(tz=datetime.UTC):%Y-%m-%d}"
