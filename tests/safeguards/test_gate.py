import datetime
import json
from pathlib import Path

import pytest

from fauxbench.harness.cards import GeneratorCard
from fauxbench.harness.contracts import Request
from fauxbench.harness.errors import InputError
from fauxbench.harness.media.item import Item, Kind, Modality
from fauxbench.harness.media.mediaset import Terms
from fauxbench.harness.safeguards.consent import (
    ConsentRecord,
    consents_digest,
    consents_file,
    read_consents,
    training_digest,
)
from fauxbench.harness.safeguards.gate import (
    consents_used,
    why_not_edit,
    why_not_fit,
    why_not_learn,
    why_not_leave,
    why_not_request,
    why_not_taught,
)

DAY = datetime.date(2026, 6, 15)
REAL, ALLOWED = Terms(), Terms(permits=("evaluate", "train", "edit"), grant="form 7")


def card(kind: str, *uses: str, fits: bool = False) -> GeneratorCard:
    record = {"name": "x", "version": "1", "title": "", "technique": "swap", "kind": kind, "uses": uses, "fits": fits}
    return GeneratorCard.model_validate(record)


def person(name: str, **clusters: str) -> Item:
    return Item(id=name, modality=Modality.IMAGE, kind=Kind.REAL, group="g", clusters=clusters)


def consent(**changes: object) -> ConsentRecord:
    record = {
        "person": "anna",
        "techniques": ["swap"],
        "purposes": ["evaluate"],
        "granted": "2026-01-01",
        "expires": "2026-12-31",
        "form": "0" * 64,
    }
    return ConsentRecord.model_validate({**record, **changes})


SWAP = card("partially_synthetic", "target", "references")
LIGHT = card("augmented_real", "target")
GAN = card("fully_synthetic", fits=True)


def refused(request: Request, system: GeneratorCard, terms: Terms, *consents: ConsentRecord) -> str:
    failure = why_not_request(request, system, terms, consents, DAY)
    if failure is None:
        return ""
    assert failure.kind == "refused"
    assert failure.request_id == request.id
    return failure.message


def test_learning_from_real_people_needs_terms() -> None:
    message = why_not_fit(GAN, REAL)
    assert message is not None
    assert "permit 'train'" in message
    assert "grant" in message
    assert why_not_fit(GAN, ALLOWED) is None
    assert why_not_fit(GAN, Terms(people="rendered")) is None
    assert why_not_fit(GAN, Terms(people="none")) is None
    assert why_not_fit(SWAP, REAL) is None  # it learns nothing


def test_editing_pictures_of_real_people_needs_terms() -> None:
    message = why_not_edit(LIGHT, REAL)
    assert message is not None
    assert "permit 'edit'" in message
    assert why_not_edit(LIGHT, ALLOWED) is None
    assert why_not_edit(LIGHT, Terms(people="rendered")) is None
    assert why_not_edit(GAN, REAL) is None
    request = Request(id="1", seed=0, target=person("a"))
    assert "permit 'edit'" in refused(request, LIGHT, REAL)
    assert refused(request, LIGHT, ALLOWED) == ""


@pytest.mark.parametrize(
    ("record", "allowed"),
    [
        (consent(), True),
        (consent(techniques=["any"]), True),
        (consent(techniques=["lip-sync", "swap"]), True),
        (consent(granted="2026-06-15"), True),
        (consent(expires="2026-06-15"), True),
        (consent(revoked="2026-06-16"), True),
        (consent(granted="2026-06-16"), False),
        (consent(expires="2026-06-14"), False),
        (consent(revoked="2026-06-15"), False),
        (consent(revoked="2026-02-01"), False),
        (consent(techniques=["lip-sync"]), False),
        (consent(techniques=[]), False),
        (consent(person="bert"), False),
        (consent(person="ann"), False),
    ],
)
def test_altering_a_real_person_needs_a_record_in_force(record: ConsentRecord, *, allowed: bool) -> None:
    request = Request(id="1", seed=0, target=person("anna/1.png", identity="anna"))
    message = refused(request, SWAP, ALLOWED, record)
    assert (message == "") is allowed
    if not allowed:
        assert "no consent record in force of 'anna' for technique 'swap'" in message
        assert str(consents_file()) in message


def test_terms_of_the_set_are_no_consent() -> None:
    everything = Terms(permits=("evaluate", "train", "edit", "manipulate", "publish"), grant="all")
    assert refused(Request(id="1", seed=0, target=person("anna")), SWAP, everything)


@pytest.mark.parametrize("role", ["target", "references", "driver", "audio"])
def test_every_person_in_a_request_is_asked(role: str) -> None:
    anna, bert = person("a", identity="anna"), person("b", identity="bert")
    others = {"target": anna, role: (anna, bert) if role == "references" else bert}
    request = Request(id="1", seed=0, **others)  # type: ignore[arg-type]
    assert "'bert'" in refused(request, SWAP, ALLOWED, consent())
    assert refused(request, SWAP, ALLOWED, consent(), consent(person="bert")) == ""


def test_people_who_never_lived_need_nothing() -> None:
    request = Request(id="1", seed=0, target=person("a", identity="anna"))
    for people in ("rendered", "none"):
        assert refused(request, SWAP, Terms.model_validate({"people": people})) == ""


def test_a_request_without_people_needs_nothing() -> None:
    assert refused(Request(id="1", seed=0, text="a face"), SWAP, REAL) == ""


def test_a_person_is_the_identity_else_the_speaker_else_the_item() -> None:
    for item, name in (
        (person("1", identity="anna", speaker="s"), "anna"),
        (person("1", speaker="anna"), "anna"),
        (person("anna"), "anna"),
    ):
        assert refused(Request(id="1", seed=0, target=item), SWAP, REAL, consent(person=name)) == ""


# The file


def write(path: Path, *records: ConsentRecord) -> Path:
    path.write_text("".join(record.model_dump_json() + "\n" for record in records))
    return path


def test_records_are_read_and_blank_lines_do_not_matter(tmp_path: Path) -> None:
    path = write(tmp_path / "c.jsonl", consent(), consent(person="bert", revoked="2026-03-01"))
    path.write_text(path.read_text() + "\n\n")
    assert [record.person for record in read_consents(path)] == ["anna", "bert"]
    assert read_consents(tmp_path / "gone.jsonl") == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hello", "line 2: not a consent record: Invalid JSON"),
        ("{}", "line 2: not a consent record: person: Field required"),
        ("[]", "line 2: not a consent record"),
        (json.dumps({**consent().model_dump(mode="json"), "expires": "soon"}), "line 2: not a consent record: expires"),
        (json.dumps({**consent().model_dump(mode="json"), "colour": 1}), "line 2: not a consent record: colour"),
    ],
)
def test_a_line_that_is_no_record_is_said(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    path.write_text(consent().model_dump_json() + "\n" + text)
    with pytest.raises(InputError, match=words):
        read_consents(path)


def test_consents_that_cannot_be_read_are_not_no_consents(tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_bytes(b"\xff\xfe")
    for path in (tmp_path / "c.jsonl", tmp_path):
        with pytest.raises(InputError, match="consent records cannot be read"):
            read_consents(path)


def test_the_digest_changes_with_what_is_in_force(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    nothing = consents_digest(path, DAY)
    in_force = consents_digest(write(path, consent()), DAY)
    assert in_force != nothing
    assert consents_digest(path, datetime.date(2026, 6, 16)) == in_force
    assert consents_digest(path, datetime.date(2027, 1, 1)) == nothing  # expired
    assert consents_digest(write(path, consent(revoked="2026-06-01")), DAY) == nothing
    assert consents_digest(write(path, consent(), consent(person="old", expires="2026-02-01")), DAY) == in_force


def test_where_consents_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert consents_file() == tmp_path / "consents.jsonl"
    monkeypatch.delenv("FAUXBENCH_CONSENTS")
    assert consents_file().name == "consents.jsonl"
    assert consents_file().parent.name == "fauxbench"


def leaving(request: Request, system: GeneratorCard, terms: Terms, *consents: ConsentRecord) -> str:
    failure = why_not_request(request, system, terms, consents, DAY, leaves=True)
    return failure.message if failure else ""


def test_commands_and_services_need_a_record_that_says_leave_machine() -> None:
    request = Request(id="1", seed=0, target=person("a.png", identity="anna"), references=(person("b.png"),))
    stays, goes = consent(), consent(leave_machine=True)
    other = consent(person="b.png", leave_machine=True)
    assert refused(request, SWAP, ALLOWED, stays, other) == ""
    assert "of 'anna' for technique 'swap' that says leave_machine" in leaving(request, SWAP, ALLOWED, stays, other)
    assert "of 'b.png'" in leaving(request, SWAP, ALLOWED, goes, consent(person="b.png"))
    assert leaving(request, SWAP, ALLOWED, goes, other) == ""
    assert leaving(request, SWAP, ALLOWED, stays, goes, other) == ""  # either of two records will do
    late = consent(leave_machine=True, expires="2026-01-02")
    assert "that says leave_machine" in leaving(request, SWAP, ALLOWED, stays, late, other)
    assert leaving(request, SWAP, Terms(people="rendered")) == ""
    assert leaving(Request(id="2", seed=0, text="a face"), SWAP, REAL) == ""


def test_commands_and_services_edit_and_learn_only_if_terms_say_leave_machine() -> None:
    request = Request(id="1", seed=0, target=person("a.png"))
    outside = Terms(permits=("evaluate", "train", "edit", "leave_machine"), grant="form 7")
    assert "must permit 'leave_machine'" in leaving(request, LIGHT, ALLOWED)
    assert leaving(request, LIGHT, outside) == ""
    for system in (LIGHT, GAN):
        assert "must permit 'leave_machine'" in str(why_not_leave(system, ALLOWED))
        assert why_not_leave(system, outside) is None
        assert why_not_leave(system, Terms(people="none")) is None
    assert why_not_leave(SWAP, ALLOWED) is None  # looked at request by request
    assert why_not_leave(card("fully_synthetic"), REAL) is None  # it is given nothing


def test_what_is_wrong_with_a_record_that_is_there_is_said() -> None:
    request = Request(id="1", seed=0, target=person("a", identity="anna"))
    for record, words in (
        (consent(revoked="2026-02-01"), "there is one: revoked on 2026-02-01"),
        (consent(expires="2026-06-14"), "there is one: expired on 2026-06-14"),
        (consent(granted="2026-07-01"), "granted from 2026-07-01 on, and this machine's clock says 2026-06-15"),
    ):
        assert words in refused(request, SWAP, ALLOWED, record)
    assert "there is one" not in refused(request, SWAP, ALLOWED, consent(techniques=["lip-sync"]))


def test_a_record_must_be_for_the_purpose() -> None:
    request = Request(id="1", seed=0, target=person("a", identity="anna"))
    assert "and the purpose 'evaluate'" in refused(request, SWAP, ALLOWED, consent(purposes=["publish", "train"]))
    assert refused(request, SWAP, ALLOWED, consent(purposes=["publish", "evaluate"])) == ""


def test_one_name_in_two_data_sets_is_two_people() -> None:
    request = Request(id="1", seed=0, target=person("a", identity="anna"))  # of the group "g"
    assert refused(request, SWAP, ALLOWED, consent(dataset="g")) == ""
    assert "no consent record" in refused(request, SWAP, ALLOWED, consent(dataset="h"))
    known = why_not_request(request, SWAP, ALLOWED, (consent(dataset="h"),), DAY, dataset="h")
    assert known is None


def test_the_consents_that_were_relied_on() -> None:
    anna, bert = person("a", identity="anna"), person("b", identity="bert")
    request = Request(id="1", seed=0, target=anna, references=(bert, anna))
    narrow, wide = consent(), consent(purposes=["evaluate", "publish"])
    theirs = consent(person="bert", leave_machine=True)
    records = (narrow, wide, theirs, consent(person="carl"))
    used = consents_used(request, SWAP, ALLOWED, records, DAY)
    assert used == {wide.id: "anna", theirs.id: "bert"}
    assert consents_used(request, SWAP, Terms(people="rendered"), records, DAY) == {}
    assert consents_used(request, LIGHT, ALLOWED, records, DAY) == {}
    assert consents_used(request, SWAP, ALLOWED, records, DAY, leaves=True) == {theirs.id: "bert"}
    assert narrow.id != wide.id
    assert wide.model_copy(update={"revoked": DAY}).id == wide.id


def test_detectors_learn_from_real_people_only_if_terms_say_train() -> None:
    assert "must permit 'train'" in str(why_not_learn("cnn", REAL))
    assert why_not_learn("cnn", ALLOWED) is None
    assert why_not_learn("cnn", Terms(people="rendered")) is None


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (None, None),
        (consent(person="bert"), None),
        (consent(purposes=["train"]), None),
        (consent(), "it does not say 'train'"),
        (consent(purposes=["train"], expires="2026-06-14"), "expired on 2026-06-14"),
        (consent(purposes=["train"], revoked="2026-06-01"), "revoked on 2026-06-01"),
        (consent(purposes=["train"], granted="2026-07-01"), "this machine's clock says 2026-06-15"),
    ],
)
@pytest.mark.parametrize("role", ["identity", "source_identity", "speaker"])
def test_whoever_gave_a_record_is_learnt_from_only_if_it_says_train(
    role: str, record: ConsentRecord | None, words: str | None
) -> None:
    items = [person("1", identity="carl"), person("2", **{role: "anna"})]
    said = why_not_taught(items, "cnn", [record] if record else [], DAY, "g")
    assert said is None if words is None else words in str(said) and "'anna'" in str(said)


def test_a_system_may_learn_what_somebody_consented_to_have_made_of_them() -> None:
    items = [person("1", identity="anna")]
    assert why_not_taught(items, "swap", [consent()], DAY, technique="swap") is None
    assert why_not_taught(items, "voice", [consent()], DAY, technique="voice") is not None


def test_what_may_be_learnt_is_part_of_the_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    assert training_digest(path, DAY) == "none"
    before = training_digest(write(path, consent()), DAY)
    assert before != training_digest(write(path, consent(revoked="2026-06-01")), DAY)
    assert before != training_digest(write(path, consent()), datetime.date(2027, 1, 1))
