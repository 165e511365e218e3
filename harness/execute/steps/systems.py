"""Steps that run a system under test: fit and generate."""

import datetime
import traceback
from collections.abc import Iterator
from pathlib import Path

from ...canonical import digest_of, digest_of_file
from ...cards import GeneratorCard
from ...connect.requests import Asked, item_of, requests_for
from ...contracts import Artifact, FitTask, Generator, Output
from ...errors import Failure, InputError, MediaError, RefusedError
from ...media.item import Split
from ...media.mediaset import MediaSetWriter, Terms
from ...registry import load_class
from ...safeguards.gate import ConsentRecord, read_consents, why_not_fit, why_not_request
from ...store.store import disk_is_full
from ..step import Outcome, Step
from .sets import outcome_of_set


def build_generator(step: Step) -> Generator:
    """Import the system's class and build it."""
    card = GeneratorCard.model_validate(step.key["card"])
    found = load_class(str(step.task["spec"]), Generator)
    built = found(card, dict(step.key["parameters"]))
    if not isinstance(built, Generator):
        raise InputError(f"{step.task['spec']} is not a fauxbench.Generator")
    return built


def digest_of_weights(folder: Path) -> str:
    """Return the digest of a folder of weights.

    Raises:
        InputError: A file that is neither safetensors nor JSON: nothing else is kept, pickles least of all.
    """
    files = sorted(f for f in folder.rglob("*") if f.is_file())
    for file in files:
        if file.suffix not in {".safetensors", ".json"}:
            raise InputError(f"save() wrote {file.name}; weights are kept as .safetensors and .json only")
    return digest_of([[str(f.relative_to(folder)), digest_of_file(f)] for f in files])


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
    generator.fit(FitTask(train=train, output=output_of(step)), step.context(int(step.key["seed"])))
    weights = step.out / "weights"
    weights.mkdir()
    generator.save(weights)
    return Outcome(output=digest_of_weights(weights))


def generate(step: Step) -> Outcome:
    """Ask a system for items and record what comes back, failures too."""
    real = step.set("real")
    generator = build_generator(step)
    if "weights" in step.inputs:
        generator.load(step.inputs["weights"] / "weights")
    counts = {Split(name): int(n) for name, n in dict(step.key["counts"]).items()}
    asked = requests_for(generator.card, counts, int(step.key["request_seed"]), real, output_of(step))
    group = str(step.key["system"])
    writer = MediaSetWriter(step.out / "set", name=group, origin=group, terms=real.card.terms)
    targets = [[one.request.target.id] for one in asked if one.request.target and one.split is Split.TEST]
    if targets:
        writer.facts["targets"] = digest_of(sorted(targets))
    consents = read_consents(Path(str(step.task["consents"])))
    allowed = list(_gate(asked, generator, real.card.terms, consents, writer))
    _receive(allowed, generator, step, writer, group)
    return outcome_of_set(writer.seal())


def _gate(
    asked: list[Asked],
    generator: Generator,
    terms: Terms,
    consents: tuple[ConsentRecord, ...],
    writer: MediaSetWriter,
) -> Iterator[Asked]:
    today = datetime.datetime.now(tz=datetime.UTC).date()
    for one in asked:
        refusal = why_not_request(one.request, generator.card, terms, consents, today)
        if refusal:
            writer.fail(refusal, one.split, one.cluster)
        else:
            yield one


def _receive(asked: list[Asked], generator: Generator, step: Step, writer: MediaSetWriter, group: str) -> None:
    """Run the system; write its artifacts in request order, whatever order they come in."""
    context = step.context(int(step.key["seed"]))
    waiting = {one.request.id: one for one in asked}
    failures: dict[str, Failure] = {}
    done, strays = 0, 0
    try:
        for answer in generator.generate([one.request for one in asked], context):
            request_id = getattr(answer, "request_id", None)
            one = waiting.get(request_id) if isinstance(request_id, str) else None
            if one is None:
                strays += 1
                continue
            failure = _record(one, answer, generator, writer, group)
            if failure:
                failures[one.request.id] = failure
            del waiting[one.request.id]
            done += 1
            step.progress(done / max(len(asked), 1), f"{done} of {len(asked)} items")
    except Exception as error:
        if disk_is_full(error):
            raise
        trace = traceback.format_exc()
        message = f"generate() raised {type(error).__name__}: {error}"
        for request_id in waiting:
            failures[request_id] = Failure(request_id=request_id, kind="error", message=message, traceback=trace)
        waiting = {}
    for request_id in waiting:
        extra = f", and {strays} answers to no open request" if strays else ""
        message = f"generate() ended after {done} of {len(asked)} items{extra}"
        failures[request_id] = Failure(request_id=request_id, kind="missing", message=message)
    for one in asked:
        if one.request.id in failures:
            writer.fail(failures[one.request.id], one.split, one.cluster)
    writer.order([one.request.id for one in asked])


def _record(one: Asked, answer: object, generator: Generator, writer: MediaSetWriter, group: str) -> Failure | None:
    if isinstance(answer, Failure):
        return answer
    if not isinstance(answer, Artifact):
        message = f"expected an Artifact or a Failure, found {type(answer).__name__}"
        return Failure(request_id=one.request.id, kind="invalid", message=message)
    try:
        writer.add(item_of(one, answer, generator.card, group), answer.media)
    except MediaError as error:
        return Failure(request_id=one.request.id, kind="invalid", message=str(error))
    return None
