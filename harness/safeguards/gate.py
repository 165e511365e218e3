"""The gate: what terms and consent must say before a system may learn from people or alter them."""

import datetime
from collections.abc import Iterable, Sequence

from ..cards import GeneratorCard
from ..contracts import Request
from ..errors import Failure
from ..media.item import Item
from ..media.mediaset import Terms
from .consent import ConsentRecord, consents_file


def why_not_fit(card: GeneratorCard, terms: Terms) -> str | None:
    """Return why a system may not be trained on a set, or None."""
    if card.fits and not terms.allow("train"):
        return f"training '{card.name}' on pictures of real people: {_how('train')}"
    return None


def why_not_learn(detector: str, terms: Terms) -> str | None:
    """Return why a detector may not be trained on a set, or None."""
    if not terms.allow("train"):
        return f"training '{detector}' on real people: {_how('train')}"
    return None


def why_not_taught(
    items: Iterable[Item],
    learner: str,
    consents: Sequence[ConsentRecord],
    day: datetime.date,
    dataset: str | None = None,
    *,
    technique: str | None = None,
) -> str | None:
    """Return whose consent speaks against learning from these Items of real people, or None.

    Whoever gave no record is covered by the set's terms alone. Whoever gave one must allow `train`; or, where a system
    learns what it is to make of them, that very `technique`.
    """
    people = {(name, item.group) for item in items for name in _everybody(item)} if consents else set()
    for person, group in sorted(people):
        known = [record for record in consents if record.names(person, (group, dataset))]
        if known and not any(_lets_learn(record, technique, day) for record in known):
            ended = next((why for why in (record.why_not(day) for record in known) if why), "it does not say 'train'")
            return (
                f"training '{learner}' on '{person}', whose consent speaks against it ({ended}): record one with "
                "--purpose train (fauxbench consent add), or leave this person out of the data"
            )
    return None


def _lets_learn(record: ConsentRecord, technique: str | None, day: datetime.date) -> bool:
    made = technique is not None and record.covers(technique, day) and "evaluate" in record.purposes
    return made or (record.in_force(day) and "train" in record.purposes)


def _everybody(item: Item) -> set[str]:
    """Return who can be seen or heard in an Item: of a swap two people."""
    named = {item.clusters[name] for name in ("identity", "source_identity", "speaker") if name in item.clusters}
    return named or {_person(item)}


def why_not_edit(card: GeneratorCard, terms: Terms) -> str | None:
    """Return why a system may not edit light, resolution or background of a set's pictures, or None."""
    if _surroundings(card) and card.uses and not terms.allow("edit"):
        return f"'{card.name}' edits pictures of real people: {_how('edit')}"
    return None


def why_not_leave(card: GeneratorCard, terms: Terms) -> str | None:
    """Return why a set's pictures may not be handed to a system outside fauxbench, or None.

    It is asked of systems that learn from the set or edit it; what else they are given is looked at request by request.
    """
    if (card.fits or (_surroundings(card) and card.uses)) and not terms.allow("leave_machine"):
        return f"'{card.name}' is a command or a service and is given pictures of real people: {_how('leave_machine')}"
    return None


def _how(purpose: str) -> str:
    return (
        f"the set's recorded terms must permit '{purpose}', with a grant that says who allowed it "
        f"(of a folder: data.terms in a suite, --permits {purpose} --grant ... on the command line; a sealed set has "
        "its own, with which it is made again); if the pictures show no real people, say people 'none' or 'rendered'"
    )


def why_not_request(
    request: Request,
    card: GeneratorCard,
    terms: Terms,
    consents: Sequence[ConsentRecord],
    day: datetime.date,
    *,
    leaves: bool = False,
    dataset: str | None = None,
) -> Failure | None:
    """Return a Failure if the request uses a real person without what that needs, or None.

    An edit of light, resolution or background needs the set's terms; anything else that has a real person as target,
    reference, driver or voice needs that person's consent record, for the purpose `evaluate`. With `leaves`, the system
    is a command or a service: the terms, or each record, must say that what it is given may leave this machine.
    `dataset` is what the set is called, where its Items' groups are not.
    """
    people = _people(request, terms)
    if not people:
        return None
    if _surroundings(card):
        reason = why_not_edit(card, terms) or (why_not_leave(card, terms) if leaves else None)
        return Failure(request_id=request.id, kind="refused", message=reason) if reason else None
    for item in people:
        if _covering(item, card, consents, day, dataset, leaves=leaves) is None:
            message = _missing(item, card, consents, day, dataset)
            return Failure(request_id=request.id, kind="refused", message=message)
    return None


def consents_used(
    request: Request,
    card: GeneratorCard,
    terms: Terms,
    consents: Sequence[ConsentRecord],
    day: datetime.date,
    *,
    leaves: bool = False,
    dataset: str | None = None,
) -> dict[str, str]:
    """Return the records that a request which may be made relies on: id -> person; the set made of it keeps them."""
    if _surroundings(card):
        return {}
    found = [_covering(item, card, consents, day, dataset, leaves=leaves) for item in _people(request, terms)]
    return {record.id: record.person for record in found if record is not None}


def _people(request: Request, terms: Terms) -> list[Item]:
    """Return the Items of a request that show or sound like a real person."""
    asked = (request.target, *request.references, request.driver, request.audio)
    return [item for item in asked if item is not None] if terms.people == "real" else []


def _covering(
    item: Item,
    card: GeneratorCard,
    consents: Sequence[ConsentRecord],
    day: datetime.date,
    dataset: str | None,
    *,
    leaves: bool,
) -> ConsentRecord | None:
    """Return the record that allows it; of several the one that allows most, so that publishing is not lost."""
    found = [
        record
        for record in _named(item, consents, dataset)
        if record.covers(card.technique, day) and "evaluate" in record.purposes and (record.leave_machine or not leaves)
    ]
    return max(found, key=lambda record: ("publish" in record.purposes, record.expires, record.id), default=None)


def _named(item: Item, consents: Sequence[ConsentRecord], dataset: str | None) -> list[ConsentRecord]:
    return [record for record in consents if record.names(_person(item), (item.group, dataset))]


def _missing(
    item: Item, card: GeneratorCard, consents: Sequence[ConsentRecord], day: datetime.date, dataset: str | None
) -> str:
    """Say which record is missing, and what is wrong with the nearest one that is there."""
    person, technique = _person(item), card.technique
    known = _named(item, consents, dataset)
    covering = [record for record in known if record.covers(technique, day)]
    more = ""
    if any("evaluate" in record.purposes for record in covering):
        more = " that says leave_machine, which commands and services need"
    elif covering:
        more = " and the purpose 'evaluate'"
    message = f"no consent record in force of '{person}' for technique '{technique}'{more}"
    ended = [why for why in (record.why_not(day) for record in known) if why] if not covering else []
    if ended:
        message += f" (there is one: {ended[-1]})"
    return f"{message}; add one to {consents_file()} (fauxbench consent add), or use rendered people (dataset: studio)"


def _surroundings(card: GeneratorCard) -> bool:
    """Whether a system changes light, resolution or background alone; a small edit of a face still needs consent."""
    return card.kind == "augmented_real" and card.small_edit is None


def _person(item: Item) -> str:
    return item.clusters.get("identity") or item.clusters.get("speaker") or item.id
