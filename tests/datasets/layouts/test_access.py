import datetime
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fauxbench.harness.datasets.access import check_path, new_record, recognised, terms_of
from fauxbench.harness.datasets.fixture import SEAL
from fauxbench.harness.datasets.layouts import dataset_card
from fauxbench.harness.errors import InputError, RefusedError
from fauxbench.harness.safeguards.terms import TermsRecord, read_terms, record_terms, terms_file, terms_record

DAY = datetime.date(2026, 6, 1)
BEFORE = datetime.date(2024, 5, 3)


def accepted(name: str, purposes: tuple[str, ...] = ("evaluate",), **more: object) -> TermsRecord:
    record = new_record(dataset_card(name), "a form of 2024", purposes, day=DAY, **more)  # type: ignore[arg-type]
    record_terms(terms_file(), record)
    return record


def test_what_is_not_accepted_is_not_read_and_the_message_says_how(tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as caught:
        terms_of(dataset_card("faceforensics"), tmp_path, DAY)
    for part in ("not accepted", "Technical University of Munich", "https://", "fauxbench terms accept faceforensics"):
        assert part in str(caught.value)


def test_a_grant_permits_what_it_is_for_and_evaluation_always(tmp_path: Path) -> None:
    accepted("faceforensics", ("train",), expires=datetime.date(2026, 7, 1))
    terms = terms_of(dataset_card("faceforensics"), tmp_path, DAY)
    assert (terms.people, terms.permits, terms.grant) == ("real", ("evaluate", "train"), "a form of 2024")
    with pytest.raises(RefusedError, match="expired on 2026-07-01"):
        terms_of(dataset_card("faceforensics"), tmp_path, datetime.date(2026, 7, 2))
    with pytest.raises(RefusedError):
        terms_of(dataset_card("celebdf-v2"), tmp_path, DAY)


def test_no_grant_reaches_beyond_what_the_data_set_permits() -> None:
    with pytest.raises(InputError, match="--purpose publish: 'dfdc' permits evaluate, train"):
        new_record(dataset_card("dfdc"), "rules", ("evaluate", "publish"), day=DAY)
    with pytest.raises(InputError, match="--grant"):
        new_record(dataset_card("dfdc"), " ", ("evaluate",), day=DAY)
    with pytest.raises(InputError, match="has no terms of its own"):
        new_record(dataset_card("folder"), "mine", ("evaluate",), day=DAY)


def test_what_was_withdrawn_needs_an_agreement_from_before(tmp_path: Path) -> None:
    card = dataset_card("lrs3")
    for agreed in (None, datetime.date(2026, 1, 1), datetime.date(2026, 3, 1)):
        with pytest.raises(RefusedError, match="withdrawn by its owners"):
            new_record(card, "a copy of a friend's", ("evaluate",), agreed=agreed, day=DAY)
    with pytest.raises(InputError, match="lies in the future"):
        new_record(card, "x", ("evaluate",), agreed=datetime.date(2027, 1, 1), day=DAY)
    accepted("lrs3", agreed=BEFORE)
    assert terms_of(card, tmp_path, DAY).grant == "a form of 2024"


def test_a_record_written_by_hand_is_checked_as_well(tmp_path: Path) -> None:
    record = TermsRecord(dataset="lrs3", grant="x", purposes=("evaluate",), accepted=DAY)
    record_terms(terms_file(), record)
    with pytest.raises(RefusedError, match="withdrawn"):
        terms_of(dataset_card("lrs3"), tmp_path, DAY)
    record_terms(terms_file(), TermsRecord(dataset="dfdc", grant="x", purposes=("publish",), accepted=DAY))
    assert terms_of(dataset_card("dfdc"), tmp_path, DAY).permits == ("evaluate",)


def test_a_later_record_takes_the_place_of_an_earlier_one() -> None:
    accepted("dfdc")
    accepted("celebdf-v1")
    accepted("dfdc", ("evaluate", "train"))
    assert [record.dataset for record in read_terms(terms_file())] == ["celebdf-v1", "dfdc"]
    record = terms_record(terms_file(), "dfdc")
    assert record
    assert record.purposes == ("evaluate", "train")


def test_a_clock_that_is_wrong_is_said(tmp_path: Path) -> None:
    card = dataset_card("dfdc")
    accepted("dfdc")
    with pytest.raises(RefusedError, match=r"recorded on 2026-06-01, and this machine's clock says 2026-05-31: set"):
        terms_of(card, tmp_path, datetime.date(2026, 5, 31))
    late = TermsRecord(
        dataset="dfdc", grant="x", purposes=("evaluate",), accepted=DAY, agreed=datetime.date(2026, 6, 9)
    )
    record_terms(terms_file(), late)
    with pytest.raises(RefusedError, match="rest on an agreement made on 2026-06-09, and this machine's clock says"):
        terms_of(card, tmp_path, datetime.date(2026, 6, 2))
    assert terms_of(card, tmp_path, datetime.date(2026, 6, 9)).grant == "x"
    with pytest.raises(InputError, match="--expires 2026-05-01: is over already"):
        new_record(card, "x", ("evaluate",), expires=datetime.date(2026, 5, 1), day=DAY)


@pytest.mark.parametrize("text", ["{", "[]", '{"schema_version": 2}', '{"records": [{"dataset": "dfdc"}]}'])
def test_a_damaged_file_is_said_to_be_one(text: str) -> None:
    terms_file().write_text(text)
    with pytest.raises(InputError, match="not a file of accepted terms"):
        read_terms(terms_file())


@pytest.mark.parametrize(
    ("dataset", "inside"),
    [
        ("faceforensics", "original_sequences/youtube/c23/videos"),
        ("celebdf-v2", "Celeb-real"),
        ("dfdc", ""),
        ("fakeavceleb", ""),
        ("huggingface", ""),
        ("voxceleb2", ""),
        ("lrs3", ""),
    ],
)
def test_a_path_in_a_published_set_is_not_read_before_its_terms_are_accepted(
    dataset: str, inside: str, tmp_path: Path, written: Callable[..., Any]
) -> None:
    root, _ = written(dataset)
    check_path(root / inside)  # a fixture, whole
    copy = tmp_path / "copy ü"
    shutil.copytree(root, copy, symlinks=True)
    (copy / SEAL).unlink()
    homes = [home for home in (copy, *(one for one in copy.iterdir() if one.is_dir())) if recognised(home)]
    assert any(dataset.partition("-")[0] in card.name for home in homes for card in recognised(home))
    file = next(one for one in sorted(homes[0].rglob("*")) if one.is_file())
    for place in (copy, homes[0], homes[0] / inside, file):
        with pytest.raises(RefusedError, match="its terms are not accepted, so it is not read"):
            check_path(place)


def test_a_folder_of_ones_own_needs_no_terms(tmp_path: Path) -> None:
    (tmp_path / "holiday").mkdir()
    check_path(tmp_path / "holiday")
