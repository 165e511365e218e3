import datetime
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.planning.plans import FOLDER, fingerprints, folder_data, plan
from tests.sealed import seal

from fauxbench.harness.errors import FauxbenchError, InputError, RefusedError
from fauxbench.harness.media.mediaset import Terms
from fauxbench.harness.plan import Unit
from fauxbench.harness.planning.terms import terms_of_folder, terms_of_outputs
from fauxbench.harness.safeguards.consent import consents_file


@pytest.mark.parametrize(("use", "permit"), [("dcgan", "train"), ("environment", "edit")])
def test_real_people_need_terms(use: str, permit: str, photographs: Path, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=f"permit '{permit}'"):
        plan(tmp_path, use, data=folder_data(photographs))
    with pytest.raises(RefusedError, match=f"permit '{permit}'"):
        plan(tmp_path, use, data=folder_data(photographs, permits=["evaluate", "publish", "manipulate"], grant="me"))
    assert plan(tmp_path, use, data=folder_data(photographs, permits=["evaluate", permit], grant="me")).systems
    assert plan(tmp_path, use, data=folder_data(photographs, people="none")).systems
    assert plan(tmp_path, use).systems  # rendered


def test_detectors_learn_from_real_people_by_terms_and_consents(
    good_system: str, photographs: Path, tmp_path: Path
) -> None:
    def train(**terms: object) -> Unit:
        given = folder_data(photographs, **terms)
        units = plan(tmp_path, good_system, data=given, detectors=["spectrum"]).plan.units
        return next(unit for unit in units if unit.kind == "train")

    with pytest.raises(RefusedError, match=r"training 'spectrum' on real people: .* permit 'train'"):
        train()
    allowed = {"permits": ["evaluate", "train"], "grant": "me"}
    without = train(**allowed)
    assert without.key == train(people="none").key
    consent(consents_file(), purposes=["train"])
    assert train(**allowed).key != without.key
    assert train(people="none").key == without.key


@pytest.fixture
def swap(write_system: Callable[..., str]) -> str:
    body = "def generate(self, requests, context):\n    yield from ()"
    return write_system("swap", body, kind="partially_synthetic", uses='["target"]')


def consent(path: Path, **changes: object) -> None:
    today = datetime.datetime.now(tz=datetime.UTC).date()
    record = {
        "person": "p00",
        "techniques": ["test"],
        "purposes": ["benchmark"],
        "granted": "2020-01-01",
        "expires": str(today + datetime.timedelta(days=9)),
        "form": "0" * 64,
    }
    path.write_text(json.dumps({**record, **changes}) + "\n")


def test_consent_and_terms_are_part_of_what_is_generated(swap: str, photographs: Path, tmp_path: Path) -> None:
    def generated(data: object) -> str:
        return fingerprints(plan(tmp_path, swap, data=data))["generate swap@1 seed 0"]

    real = folder_data(photographs)
    nobody = generated(folder_data(photographs, people="none"))
    without = generated(real)
    assert nobody != without
    consent(tmp_path / "consents.jsonl")
    granted = generated(real)
    assert granted != without
    consent(tmp_path / "consents.jsonl", expires="2021-01-01")
    assert generated(real) == without
    consent(tmp_path / "consents.jsonl", revoked="2021-01-01")
    assert generated(real) == without
    assert generated(folder_data(photographs, people="none")) == nobody
    (tmp_path / "consents.jsonl").write_text("hello")
    with pytest.raises(FauxbenchError, match="line 1: not a consent record"):
        generated(real)


NARROW = {"people": "real", "permits": ("evaluate", "train"), "grant": "me"}


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    return seal(tmp_path / "sealed", Terms.model_validate(NARROW))


def linked(target: Path, sealed: Path) -> Path:
    target.mkdir()
    for file in (sealed / "media").iterdir():
        (target / file.name).symlink_to(file)
    return target


def test_given_terms_do_not_overrule_those_of_a_set(sealed: Path, tmp_path: Path) -> None:
    more = {"people": "rendered", "permits": ("evaluate", "train", "publish"), "grant": "x"}
    (tmp_path / "holding").mkdir()
    (tmp_path / "holding" / "inner").symlink_to(sealed)
    for place in (sealed, sealed / "media", tmp_path / "holding", linked(tmp_path / "links", sealed)):
        with pytest.raises(InputError, match=r"terms of its own \(people real, permits evaluate, train\).* leave out"):
            plan(tmp_path, "environment", data=folder_data(place, **more))
        same = Terms.model_validate(NARROW)
        assert terms_of_folder(place, same) == same  # it changes nothing
    with pytest.raises(RefusedError, match="permit 'edit'"):
        plan(tmp_path, "environment", data=folder_data(sealed))
    for place in (sealed / "media", tmp_path / "holding", tmp_path / "links"):  # nothing was given, nothing is left out
        with pytest.raises(InputError, match=rf"has files of {sealed}, .*: give {sealed} itself") as caught:
            terms_of_folder(place, None)
        assert "leave out" not in str(caught.value)
    assert terms_of_folder(sealed, None) == same
    copied = tmp_path / "sealed-beside"  # another folder beside a set is not of it
    copied.mkdir()
    (copied / "own.png").write_bytes((sealed / "media" / "a0.png").read_bytes())
    assert terms_of_folder(copied, Terms(people="none")) == Terms(people="none")


def test_outputs_that_are_a_set_keep_its_terms(sealed: Path, tmp_path: Path) -> None:
    rendered = Terms(people="rendered", permits=("evaluate", "publish"), grant="rendered")
    assert terms_of_outputs(sealed, rendered) == Terms.model_validate(NARROW)
    other = Terms(permits=("evaluate", "publish"), grant="them")
    assert terms_of_outputs(sealed, other) == Terms(grant="them; me")
    assert terms_of_outputs(sealed / "media", rendered) == Terms.model_validate(NARROW)
    assert terms_of_outputs(seal(tmp_path / "nobody", Terms(people="none")), other) == other
    units = plan(tmp_path, {**FOLDER, "path": str(sealed)}).plan.units
    assert next(unit for unit in units if unit.kind == "collect").key["terms"]["people"] == "real"
