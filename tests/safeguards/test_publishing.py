import csv
import datetime
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fauxbench.harness.errors import IntegrityError
from fauxbench.harness.export import FORMS, export_set
from fauxbench.harness.generate import publish_set
from fauxbench.harness.media.content import ImageMedia
from fauxbench.harness.media.item import Item, Kind, Modality, Split
from fauxbench.harness.media.mediaset import MediaSet, MediaSetWriter, Terms
from fauxbench.harness.safeguards.consent import ConsentRecord, add_consent, consents_file, revoke_consents
from fauxbench.harness.safeguards.detectability import Detectability, Detection, detectability_of
from fauxbench.harness.safeguards.publishing import publishable, why_not_hand_on

DAY = datetime.date(2026, 6, 15)
PUBLISH = Terms(permits=("evaluate", "publish"), grant="form 7")
SCORED = Detectability(
    measured=DAY,
    real="r" * 64,
    detections=(
        Detection(detector="cnn@1", auc=0.75, interval=(0.7, 0.8), n=20, expected=20),
        Detection(detector="other@1", auc=None, n=0, expected=20, reason="no weights"),
    ),
)


def made(folder: Path, terms: Terms = PUBLISH, **facts: Any) -> MediaSet:
    writer = MediaSetWriter(folder, name="swap@1", origin="swap@1", terms=terms)
    for place, kind in enumerate((Kind.PARTIALLY_SYNTHETIC, Kind.AUGMENTED_REAL, Kind.REAL)):
        pixels = np.random.default_rng(place).integers(0, 255, (48, 48, 3), dtype=np.uint8)
        item = Item(id=str(place), modality=Modality.IMAGE, kind=kind, group="swap@1", split=Split.TEST, sources=("r",))
        writer.add(item, ImageMedia(pixels=pixels))
    writer.facts = facts
    return writer.seal()


def published(tmp_path: Path, **more: Any) -> Path:
    publish_set(made(tmp_path / "set", **more), tmp_path / "out", "a" * 64)
    return tmp_path / "out"


def test_a_set_with_everything_may_be_published(tmp_path: Path) -> None:
    assert publishable(published(tmp_path, detectability=SCORED.model_dump(mode="json"))) == []


def test_a_set_that_was_never_scored_may_not(tmp_path: Path) -> None:
    out = published(tmp_path)
    (reason,) = publishable(out)
    assert "never scored by detectors" in reason
    card = json.loads((out / "card.json").read_text())
    for wrong, place in (
        ({"detections": [{"detector": "x", "auc": 2, "n": 1, "expected": 1}]}, "detectability.detections.0.auc"),
        ({"detections": []}, "detectability.detections"),
        ({"real": None}, "detectability.real"),
    ):
        card["facts"]["detectability"] = {**SCORED.model_dump(mode="json"), **wrong}
        (out / "card.json").write_text(json.dumps(card))
        (reason,) = publishable(out)
        assert place in reason
        with pytest.raises(IntegrityError, match=place):
            detectability_of(MediaSet.open(out).card)


def test_terms_must_say_publish(tmp_path: Path) -> None:
    scored = SCORED.model_dump(mode="json")
    (reason,) = publishable(published(tmp_path, terms=Terms(), detectability=scored))
    assert "do not permit 'publish'" in reason
    assert publishable(published(tmp_path / "b", terms=Terms(people="rendered"), detectability=scored)) == []


@pytest.mark.parametrize("harm", ["stripped", "changed", "no row", "no sidecar", "unmarked row", "gone"])
def test_every_synthetic_file_must_be_marked(harm: str, tmp_path: Path) -> None:
    out = published(tmp_path, detectability=SCORED.model_dump(mode="json"))
    media, sidecar = MediaSet.open(out), out / "provenance.jsonl"
    file, rows = media.items[0].location, [json.loads(line) for line in sidecar.read_text().splitlines()]
    assert file is not None
    if harm == "stripped":
        from PIL import Image

        Image.open(file).convert("RGB").save(file)
    elif harm == "changed":
        file.write_bytes(file.read_bytes() + b"\0")
    elif harm == "gone":
        file.unlink()
    elif harm == "no sidecar":
        sidecar.unlink()
    elif harm == "no row":
        sidecar.write_text("".join(json.dumps(row) + "\n" for row in rows[1:]))
    else:
        sidecar.write_text("".join(json.dumps({**row, "marks": None}) + "\n" for row in rows))
    (reason,) = publishable(out)
    count = "2 synthetic files are" if harm in {"no sidecar", "unmarked row"} else "one synthetic file is"
    assert reason.startswith(f"{count} not marked, or not as they left, the first: media/0.png")


def test_a_set_falls_with_a_consent(tmp_path: Path) -> None:
    known = {"person": "anna", "techniques": ["swap"], "purposes": ["evaluate", "publish"], "form": "0" * 64}
    record = ConsentRecord.model_validate({**known, "granted": "2020-01-01", "expires": "2999-01-01"})
    add_consent(consents_file(), record)
    media = made(tmp_path / "set", consents={record.id: "anna"})
    assert why_not_hand_on(media) == []
    revoke_consents(consents_file(), "anna", None, DAY)
    assert why_not_hand_on(media, DAY - datetime.timedelta(days=1)) == []
    (reason,) = why_not_hand_on(media, DAY)
    assert "'anna'" in reason
    assert "revoked on 2026-06-15" in reason
    consents_file().unlink()
    assert "no longer recorded" in why_not_hand_on(media, DAY)[0]


def records_of(folder: Path) -> list[dict[str, Any]]:
    import mlcroissant

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries that it stands on
        dataset = mlcroissant.Dataset(jsonld=folder / "croissant.json")
        assert not dataset.metadata.issues.errors
        assert not dataset.metadata.issues.warnings
        return list(dataset.records("items"))


def test_a_published_set_is_described(tmp_path: Path) -> None:
    out = published(tmp_path, detectability=SCORED.model_dump(mode="json"))
    rows = [json.loads(line) for line in (out / "provenance.jsonl").read_text().splitlines()]
    found = records_of(out)
    assert [one["items/file"].decode() for one in found] == [row["file"] for row in rows]
    assert [one["items/synthetic"] for one in found] == [True, True, False]
    sheet = (out / "DATASHEET.md").read_text()
    for words in (
        "## Motivation",
        "1 augmented_real, 1 partially_synthetic, 1 real",
        "Granted by: form 7.",
        "- cnn@1: AUC 0.750 (20 of 20 items)",
        "- other@1: no AUC, no weights (0 of 20 items)",
        "neither high nor low is better",
    ):
        assert words in sheet


@pytest.mark.parametrize("form", FORMS)
def test_every_export_is_described(form: str, tmp_path: Path) -> None:
    export_set(made(tmp_path / "set"), form, tmp_path / "out", "a" * 64)
    assert len(records_of(tmp_path / "out")) == 3
    assert "Not scored by detectors" in (tmp_path / "out" / "DATASHEET.md").read_text()
    if form == "csv":
        with (tmp_path / "out" / "items.csv").open() as file:
            assert len(list(csv.DictReader(file))) == 3
