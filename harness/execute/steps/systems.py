"""Steps that run a system under test: fit and generate."""

import datetime
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...canonical import digest_of
from ...cards import GeneratorCard
from ...connect.attach import build
from ...connect.casting import Subjects, subjects
from ...connect.requests import Asked, item_of, requests_for
from ...connect.weights import check_handed_in, digest_of_weights
from ...contracts import Artifact, FitTask, Generator, Output, Request
from ...errors import Failure, InputError, MediaError, RefusedError
from ...media.item import Item, Modality, Split
from ...media.mediaset import MediaSet, MediaSetWriter, SetCard
from ...registry import load_class
from ...safeguards.consent import USED, ConsentRecord, read_consents
from ...safeguards.gate import consents_used, why_not_fit, why_not_request, why_not_taught
from ...store.store import disk_is_full
from ..step import Outcome, Step
from .sets import outcome_of_set

STRAYS = 20
"""Answers to no open request that are recorded one by one."""


def build_generator(step: Step) -> Generator:
    """Import the system's class and build it, or what speaks with a program or a service."""
    card = GeneratorCard.model_validate(step.key["card"])
    if "connector" in step.task:
        return build(step.task["connector"], step.task["described"], card, dict(step.key["parameters"]))
    found = load_class(str(step.task["spec"]), Generator)
    built = found(card, dict(step.key["parameters"]))
    if not isinstance(built, Generator):
        raise InputError(f"{step.task['spec']} is not a fauxbench.Generator")
    return built


def load_weights(generator: Generator, step: Step) -> None:
    """Load what `fit` learned, or the weights that the suite hands in.

    Raises:
        InputError: Those handed in were changed since planning, or do not fit the system; the message has its words.
    """
    if "weights" in step.inputs:
        generator.load(step.inputs["weights"] / "weights")
    elif "weights" in step.task:
        folder = Path(str(step.task["weights"]))
        if check_handed_in(folder) != step.task["weights_digest"]:
            raise InputError(f"{folder}: the weights were changed since the run was planned; run it again")
        try:
            generator.load(folder)
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            message = f"the weights in {folder} do not fit '{generator.card.name}' with these parameters ({what:.1500})"
            raise InputError(message) from error


def output_of(step: Step) -> Output:
    """Return the form asked for."""
    size = step.key.get("size")
    return Output(width=size, height=size)


def fit(step: Step) -> Outcome:
    """Train a system on the train split and save what it learned."""
    real = step.set("real")
    generator = build_generator(step)
    reason = why_not_fit(generator.card, real.card.terms)
    if reason:
        raise RefusedError(reason)
    train = real.select(Split.TRAIN)
    if not train:
        raise InputError(f"'{generator.card.name}' has nothing to learn from: the train split is empty")
    learned = _subjects(step, generator.card, real)
    if real.card.terms.people == "real":
        consents = read_consents(Path(str(step.task["consents"])))
        today, card = datetime.datetime.now(tz=datetime.UTC).date(), generator.card
        reason = why_not_taught(train, card.name, consents, today, real.card.name, technique=card.technique)
        if reason:
            raise RefusedError(reason)
    task = FitTask(train=train, output=output_of(step), subjects=learned.people, references=learned.references)
    generator.fit(task, step.context(int(step.key["seed"])))
    weights = step.out / "weights"
    weights.mkdir()
    generator.save(weights)
    try:
        return Outcome(output=digest_of_weights(weights))
    except InputError as error:
        raise InputError(f"save() wrote {error}") from error


def _subjects(step: Step, card: GeneratorCard, real: MediaSet) -> Subjects:
    """Return whom the system will be asked to put in; of real people, those who consented.

    Requests for the others will be refused, so that the system need not know them.
    """
    found = subjects(card, real, [Split(name) for name in step.key.get("subjects", ())])
    if real.card.terms.people != "real" or not found.references:
        return found
    consents = read_consents(Path(str(step.task["consents"])))
    today = datetime.datetime.now(tz=datetime.UTC).date()
    leaves = "connector" in step.task

    def refused(item: Item) -> bool:
        request = Request(id=item.id, seed=0, references=(item,))
        return (
            why_not_request(request, card, real.card.terms, consents, today, leaves=leaves, dataset=real.card.name)
            is not None
        )

    kept = tuple(item for item in found.references if not refused(item))
    people = {item.cluster for item in kept}
    return Subjects(tuple(person for person in found.people if person in people), kept)


def generate(step: Step) -> Outcome:
    """Ask a system for items and record what comes back, failures too."""
    real = step.set("real")
    generator = build_generator(step)
    load_weights(generator, step)
    counts = {Split(name): int(n) for name, n in dict(step.key["counts"]).items()}
    feeds = {role.removeprefix("part "): step.set(role) for role in step.inputs if role.startswith("part ")}
    asked = requests_for(generator.card, counts, int(step.key["request_seed"]), real, output_of(step), feeds)
    group = str(step.key["system"])
    modality = Modality(generator.card.modality)
    writer = MediaSetWriter(step.out / "set", name=group, origin=group, modality=modality, terms=real.card.terms)
    targets = [[one.request.target.id] for one in asked if one.request.target and one.split is Split.TEST]
    if targets:
        writer.facts["targets"] = digest_of(sorted(targets))
    consents = read_consents(Path(str(step.task["consents"])))
    gate = _Gate(generator.card, real.card, consents, leaves="connector" in step.task)
    allowed = list(gate.allowed(asked, writer))
    _receive(allowed, generator, step, writer, group)
    return outcome_of_set(writer.seal())


@dataclass(frozen=True, slots=True)
class _Gate:
    """What every request must pass."""

    card: GeneratorCard
    real: SetCard
    consents: tuple[ConsentRecord, ...]
    leaves: bool

    def allowed(self, asked: list[Asked], writer: MediaSetWriter) -> Iterator[Asked]:
        """Yield the requests that may be made; the others are recorded as refused.

        The set keeps the consents that it relies on, so that it can be found when one is revoked.
        """
        today = datetime.datetime.now(tz=datetime.UTC).date()
        known, name = (self.card, self.real.terms, self.consents, today), self.real.name
        for one in asked:
            refusal = why_not_request(one.request, *known, leaves=self.leaves, dataset=name)
            if refusal:
                writer.fail(refusal, one.split, one.cluster)
                continue
            used = consents_used(one.request, *known, leaves=self.leaves, dataset=name)
            if used:
                writer.facts[USED] = {**writer.facts.get(USED, {}), **used}
            yield one


def _receive(asked: list[Asked], generator: Generator, step: Step, writer: MediaSetWriter, group: str) -> None:
    """Run the system; write its artifacts in request order, whatever order they come in.

    Raises:
        InputError: The system could not begin at all; nothing came from it.
    """
    context = step.context(int(step.key["seed"]))
    waiting = {one.request.id: one for one in asked}
    failures: dict[str, Failure] = {}
    strays: list[Failure] = []
    done = 0
    try:
        for answer in generator.generate([one.request for one in asked], context):
            request_id = getattr(answer, "request_id", None)
            one = waiting.pop(request_id, None) if isinstance(request_id, str) else None
            if one is None:
                strays.append(_stray(answer, asked, len(strays)))
                continue
            failure = _record(one, answer, generator, writer, group)
            if failure:
                failures[one.request.id] = failure
            done += 1
            step.progress(done / max(len(asked), 1), f"{done} of {len(asked)} items")
    except Exception as error:
        if disk_is_full(error) or (isinstance(error, InputError) and len(failures) == done):
            raise
        trace = traceback.format_exc()
        message = f"generate() raised {type(error).__name__}: {error}"
        for request_id in waiting:
            failures[request_id] = Failure(request_id=request_id, kind="error", message=message, traceback=trace)
        waiting = {}
    for request_id in waiting:
        extra = f", and {len(strays)} answers to no open request" if strays else ""
        message = f"generate() ended after {done} of {len(asked)} items{extra}"
        failures[request_id] = Failure(request_id=request_id, kind="missing", message=message)
    for one in asked:
        if one.request.id in failures:
            writer.fail(failures[one.request.id], one.split, one.cluster)
    _record_strays(strays, writer)
    writer.order([one.request.id for one in asked])


def _stray(answer: object, asked: Sequence[Asked], number: int) -> Failure:
    """Return the Failure that an answer to no open request is; it belongs to no split and changes no N."""
    request_id = getattr(answer, "request_id", None)
    if not isinstance(request_id, str):
        message = f"expected an Artifact or a Failure, found {type(answer).__name__}"
    elif any(one.request.id == request_id for one in asked):
        message = f"a second answer to {request_id!r:.80}; the first is kept"
    elif isinstance(answer, Failure):
        message = answer.message
    else:
        message = f"an answer to {request_id!r:.80}, which was not asked"
    return Failure(request_id=f"stray {number}", kind="invalid", message=message)


def _record_strays(strays: Sequence[Failure], writer: MediaSetWriter) -> None:
    for stray in strays[:STRAYS]:
        writer.fail(stray)
    if len(strays) > STRAYS:
        message = f"{len(strays) - STRAYS} more answers to no open request"
        writer.fail(Failure(request_id="strays", kind="invalid", message=message))


def _record(one: Asked, answer: object, generator: Generator, writer: MediaSetWriter, group: str) -> Failure | None:
    if isinstance(answer, Failure):
        return answer
    if not isinstance(answer, Artifact):
        message = f"expected an Artifact or a Failure, found {type(answer).__name__}"
        return Failure(request_id=one.request.id, kind="invalid", message=message)
    try:
        writer.add(item_of(one, answer, generator.card, group), answer.media, answer.masks)
    except MediaError as error:
        return Failure(request_id=one.request.id, kind="invalid", message=str(error))
    return None
