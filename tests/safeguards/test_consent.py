import datetime
import json
import stat
from pathlib import Path

import pytest

from fauxbench.harness.errors import InputError
from fauxbench.harness.safeguards.consent import (
    ConsentRecord,
    add_consent,
    read_consents,
    revoke_consents,
    sets_that_used,
    why_withdrawn,
)

DAY = datetime.date(2026, 6, 15)


def record(**changes: object) -> ConsentRecord:
    known = {"person": "anna", "techniques": ["swap"], "purposes": ["evaluate", "publish"], "form": "0" * 64}
    return ConsentRecord.model_validate({**known, "granted": "2026-01-01", "expires": "2026-12-31", **changes})


def test_records_are_added_for_the_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "c.jsonl"
    add_consent(path, record())
    add_consent(path, record(person="bert"))
    assert [one.person for one in read_consents(path)] == ["anna", "bert"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(InputError, match="this very record of 'anna'"):
        add_consent(path, record())


def test_revoking_keeps_the_record(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    for one in (record(), record(dataset="a"), record(dataset="b"), record(person="bert")):
        add_consent(path, one)
    changed = revoke_consents(path, "anna", "a", DAY)
    assert [one.dataset for one in changed] == [None, "a"]
    assert [one.revoked for one in read_consents(path)] == [DAY, DAY, None, None]
    earlier = DAY - datetime.timedelta(days=9)
    revoke_consents(path, "anna", None, DAY + datetime.timedelta(days=9))
    assert [one.revoked for one in read_consents(path)][:2] == [DAY, DAY]  # never put off
    revoke_consents(path, "anna", None, earlier)
    assert [one.revoked for one in read_consents(path)] == [earlier, earlier, earlier, None]
    with pytest.raises(InputError, match="no consent record of 'carl'; there are records of anna, bert"):
        revoke_consents(path, "carl", None, DAY)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot be written: .*; set FAUXBENCH_CONSENTS"):
        add_consent(tmp_path / "file" / "c.jsonl", record())


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (record(), None),
        (None, "no longer recorded"),
        (record(revoked="2026-06-01"), "revoked on 2026-06-01"),
        (record(revoked="2026-06-16"), None),
    ],
)
def test_a_set_falls_with_the_consent_that_it_was_made_with(now: ConsentRecord | None, words: str | None) -> None:
    used = {record().id: "anna"}
    found = why_withdrawn(used, [now] if now else [], DAY)
    assert bool(found) == (words is not None)
    assert words is None or (words in found[0] and "'anna'" in found[0])


def test_consent_to_making_is_not_consent_to_publishing() -> None:
    private = record(purposes=["evaluate"])
    (reason,) = why_withdrawn({private.id: "anna"}, [private], DAY)
    assert "does not say 'publish'" in reason
    late = record(expires="2026-06-14")
    assert "expired on 2026-06-14" in why_withdrawn({late.id: "anna"}, [late], DAY)[0]


def test_sets_are_found_by_what_they_used(tmp_path: Path) -> None:
    for name, used in (("aa", {"x": "anna"}), ("ab", {"y": "bert"}), ("ac", {})):
        folder = tmp_path / "units" / "generate" / name / name / "set"
        folder.mkdir(parents=True)
        (folder / "card.json").write_text(json.dumps({"facts": {"consents": used} if used else {}}))
    broken = tmp_path / "units" / "generate" / "ad" / "ad" / "set"
    broken.mkdir(parents=True)
    (broken / "card.json").write_text("[")
    assert [path.parent.name for path in sets_that_used(tmp_path, ["x", "z"])] == ["aa"]
    assert sets_that_used(tmp_path / "gone", ["x"]) == []
