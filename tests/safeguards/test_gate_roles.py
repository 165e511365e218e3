"""Consent is asked of everybody whom a request shows, and a swap is taught nobody who gave none."""

import datetime
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fauxbench.harness.cards import GeneratorCard
from fauxbench.harness.contracts import Request
from fauxbench.harness.execute.steps.systems import _subjects
from fauxbench.harness.media.content import ImageMedia
from fauxbench.harness.media.item import Item, Kind, Modality, Split
from fauxbench.harness.media.mediaset import MediaSet, MediaSetWriter, Terms
from fauxbench.harness.safeguards.consent import ConsentRecord, read_consents
from fauxbench.harness.safeguards.gate import why_not_edit, why_not_request

DAY = datetime.date(2026, 1, 1)
REAL = Terms(people="real", permits=("evaluate", "train", "edit"), grant="form")


def card(**more: object) -> GeneratorCard:
    record = {"name": "x", "version": "1", "title": "", "technique": "swap", "kind": "partially_synthetic"}
    return GeneratorCard.model_validate({**record, "uses": ["target", "references", "driver"], **more})


def picture(person: str, split: Split = Split.TEST, index: int = 0) -> Item:
    clusters = {"identity": person}
    name = f"{person}/{index}"
    return Item(id=name, modality=Modality.IMAGE, kind=Kind.REAL, group="r", split=split, clusters=clusters)


def consent(person: str) -> ConsentRecord:
    far = datetime.date(2030, 1, 1)
    return ConsentRecord(
        person=person, techniques=("swap",), purposes=("evaluate",), granted=DAY, expires=far, form="0" * 64
    )


@pytest.mark.parametrize("missing", ["ann", "bea", "cat"])
def test_target_source_and_driver_all_need_consent(missing: str) -> None:
    request = Request(
        id="1", seed=0, target=picture("ann"), references=(picture("bea", index=1),), driver=picture("cat")
    )
    everybody = [consent(person) for person in ("ann", "bea", "cat")]
    assert why_not_request(request, card(), REAL, everybody, DAY) is None
    some = [record for record in everybody if record.person != missing]
    refusal = why_not_request(request, card(), REAL, some, DAY)
    assert refusal is not None
    assert f"'{missing}'" in refusal.message


def test_a_small_edit_of_a_face_needs_consent_and_not_only_terms() -> None:
    edit = card(kind="augmented_real", small_edit={"parameter": "s", "at_most": 1}, uses=["target", "attributes"])
    light = card(kind="augmented_real", uses=["target"])
    request = Request(id="1", seed=0, target=picture("ann"), attributes={"smile": 0.1})
    assert why_not_request(request, light, REAL, [], DAY) is None
    assert why_not_request(request, edit, REAL, [], DAY) is not None
    assert why_not_request(request, edit, REAL, [consent("ann")], DAY) is None
    assert why_not_edit(light, Terms()) is not None


def real_set(folder: Path, terms: Terms) -> MediaSet:
    writer = MediaSetWriter(folder, name="r", origin="t", terms=terms)
    for person in ("ann", "bea", "cat"):
        for index in range(4):
            writer.add(picture(person, index=index), ImageMedia(pixels=np.zeros((4, 4, 3), np.uint8)))
    return writer.seal()


def test_a_swap_is_taught_those_alone_who_consented(tmp_path: Path) -> None:
    today = datetime.datetime.now(tz=datetime.UTC).date()
    record = consent("bea").model_copy(update={"granted": today, "expires": today})
    (tmp_path / "consents.jsonl").write_text(json.dumps(record.model_dump(mode="json")) + "\n", encoding="utf-8")
    assert read_consents(tmp_path / "consents.jsonl")
    step = SimpleNamespace(key={"subjects": ["test"]}, task={"consents": str(tmp_path / "consents.jsonl")})
    found = _subjects(step, card(), real_set(tmp_path / "real", REAL))  # type: ignore[arg-type]
    assert found.people == ("bea",)
    assert [item.id for item in found.references] == ["bea/0", "bea/1"]
    rendered = _subjects(step, card(), real_set(tmp_path / "drawn", Terms(people="rendered")))  # type: ignore[arg-type]
    assert found.people != rendered.people == ("ann", "bea", "cat")
