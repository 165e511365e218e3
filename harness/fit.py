"""Train one generator from the command line: the same unit as in a suite, with pictures as it goes."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from .canonical import JSON, digest_of
from .cards import Document, GeneratorCard
from .connect.weights import digest_of_weights
from .errors import FauxbenchError, InputError
from .execute.display import Display
from .execute.local import LocalExecutor
from .execute.local import Results as Ran
from .execute.step import PICTURES
from .fit_display import Stopwatch, Watched
from .generate import STUDIO, data_for
from .generate_source import Source, check_splits, read_source
from .media.item import Split
from .media.mediaset import Terms
from .plan import Plan, Unit
from .planning.planner import plan_suite
from .registry import GENERATORS
from .run import default_store
from .store.store import Finished, Store, storage_errors, weights_folder, write_atomically
from .suite import Counts, Suite, SystemSpec

ORDER, CARD = "fit.json", "card.json"
WEIGHTS = "weights"
TRIAL = (10, 100)
"""Fewest and most updates of the trial that tells how long an update takes."""
TRIAL_SHARE = 40
"""The trial is this part of the default updates."""
LONGEST = 30 * 24 * 3600.0
"""Seconds that a training may take."""


class Order(Document):
    """What is to be trained, on what, and how; written to `fit.json`, from which an interrupted training goes on."""

    use: str
    """Name, or `path/to/file.py:Class`."""
    source: str = STUDIO
    """`studio`, a folder of real pictures, or a MediaSet."""
    size: int | None = None
    people: int | None = None
    """studio: default 48."""
    per_person: int | None = None
    """studio: default 10."""
    clips: int | None = None
    """studio: talking clips of each, in place of pictures."""
    sounds: int | None = None
    """studio: sounds of each in every language, beside the clips."""
    seconds: float | None = None
    """studio: of a clip, and of a sound."""
    languages: tuple[str, ...] | None = None
    """studio: spoken in turn."""
    population: int = 0
    """studio: its seed."""
    seed: int = 0
    """Of the training."""
    parameters: dict[str, bool | int | float | str] = {}
    terms: Terms | None = None
    """Of a folder; a MediaSet has its own."""
    device: str = "cpu"


def fit(
    order: Order,
    *,
    out: Path | str,
    minutes: float | None = None,
    resume: bool = False,
    store: Path | str | None = None,
    display: Display | None = None,
) -> Path:
    """Train a generator and write what it learned; an interrupted training goes on where it stopped.

    `out` gets `weights/` (what `save` wrote: give `out` to `fauxbench generate --weights`), `card.json`, `fit.json`,
    and `pictures/` as the training goes, where the terms of the data permit to publish; every picture is marked.

    Args:
        order: What to train; with `resume`, what `fit.json` says counts instead.
        out: A folder that does not exist or is empty; with `resume`, one that an earlier call began.
        minutes: How long, in place of the parameter `steps`: a short trial on this machine says how many updates.
        resume: Go on with the training in `out`.
        store: Default `FAUXBENCH_STORE` or the platform's cache folder.
        display: Told of progress; default nobody.

    Returns:
        `out`.

    Raises:
        InputError: Wrong input, or terms that do not allow it.
        FauxbenchError: The training failed.
    """
    out = Path(out).resolve()
    place = Path(store) if store else default_store()
    display = display or Display()
    begun = _begun(out, order, resume=resume)
    card = GENERATORS.find((begun or order).use, Path.cwd()).card
    order = begun or _checked(order, card)
    found = read_source(order.source, order.terms)
    check_splits(found, order.use, [Split.TRAIN])
    unit, plan = _plan(order, found, place)  # whatever is wrong with it is said before anything is written
    if begun is None:
        if minutes is not None:
            order = _for_minutes(order, card, minutes, found, place)
            unit, plan = _plan(order, found, place)
        with storage_errors(out):
            out.mkdir(parents=True, exist_ok=True)
            write_atomically(out / ORDER, order.model_dump_json(indent=1) + "\n")
    watched = Watched(display, unit, card, out / PICTURES if _may_show(found) else None, Store(place))
    done = _run(plan, unit, place, watched)
    watched.release(done.folder / PICTURES)
    _write(out, order, card, done)
    return out


def _begun(out: Path, order: Order, *, resume: bool) -> Order | None:
    """Return the order that `out` was begun with; None for a new one.

    Raises:
        InputError: Something else lies there, or nothing that could be gone on with.
    """
    file = out / ORDER
    if not file.is_file():
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise InputError(f"--out {out}: not empty, and no training was begun there; choose a new folder")
        if resume:
            raise InputError(f"--resume: no training was begun in {out}; leave --resume out")
        return None
    if not resume:
        raise InputError(f"--out {out}: a training was begun there; go on with it by --resume, or choose a new folder")
    try:
        found = Order.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise InputError(f"{file}: is damaged; choose a new folder ({error.errors()[0]['msg']})") from error
    if found.use != order.use:
        raise InputError(f"--resume: {out} holds a training of '{found.use}', not of '{order.use}'")
    return found


def _checked(order: Order, card: GeneratorCard) -> Order:
    """Return the order with every parameter checked.

    Raises:
        InputError: The generator has no training, or a parameter is wrong.
    """
    if not card.fits:
        raise InputError(f"'{card.name}' has no training: nothing to fit")
    if order.source != STUDIO and not Path(order.source).is_dir():
        raise InputError(f"--on {order.source}: neither a folder nor '{STUDIO}'")
    card.fill(order.parameters)
    return order


def _for_minutes(order: Order, card: GeneratorCard, minutes: float, found: Source, place: Path) -> Order:
    """Return the order with as many `steps` as this machine makes in `minutes`, found by a short trial.

    Raises:
        InputError: The generator has no parameter `steps`.
    """
    steps = card.parameters.get("steps")
    if steps is None:
        raise InputError(f"--minutes: '{card.name}' has no parameter 'steps' that could be chosen by it")
    few = max(TRIAL[0], min(TRIAL[1], int(steps.default) // TRIAL_SHARE))
    trial = order.model_copy(update={"parameters": {**order.parameters, "steps": few}})
    unit, plan = _plan(trial, found, place)
    stopwatch = Stopwatch(unit)
    done = _run(plan, unit, place, stopwatch)
    each = (stopwatch.whole() or done.seconds) / few
    chosen = max(1, int(60 * minutes / each))
    chosen = min(chosen, int(steps.high)) if steps.high is not None else chosen
    return order.model_copy(update={"parameters": {**order.parameters, "steps": chosen}})


def _plan(order: Order, found: Source, place: Path) -> tuple[Unit, Plan]:
    """Return the unit that trains on what was found, and a plan that ends with it."""
    card = GENERATORS.find(order.use, Path.cwd()).card
    data = data_for(
        found.place, fits=True, uses_target=False, size=order.size, terms=found.terms, modality=card.modality
    )
    if order.source == STUDIO:
        chosen: dict[str, JSON] = {"people": order.people, "per_person": order.per_person, "seed": order.population}
        chosen |= {"clips": order.clips, "seconds": order.seconds, "languages": order.languages}
        chosen |= {"sounds": order.sounds, "every_language": True} if order.sounds else {}
        data = data.model_copy(update={name: value for name, value in chosen.items() if value is not None})
    spec = SystemSpec(
        use=order.use,
        version=None,
        parameters=dict(order.parameters),
        seeds=(order.seed,),
        refit=True,
        time_limit=LONGEST,
    )
    suite = Suite(suite="fit", data=data, generators=(spec,), n=Counts(test=2), metrics=(), instruments=())
    planned = plan_suite(suite, Path.cwd(), weights_folder(place), order.device, sets_only=True).plan
    unit = next(unit for unit in planned.units if unit.kind == "fit")
    # A name of its own, without the code: a training of hours must not be lost because a comment was changed.
    recipe = {"order": order.model_dump(mode="json"), "card": [unit.key["card"]["name"], unit.key["card"]["version"]]}
    unit = replace(unit, task={**unit.task, "checkpoints": f"fit-{digest_of(recipe)[:32]}"})
    needed = _needed(planned, unit)
    return unit, Plan(units=(*needed, unit), device=order.device)


def _needed(plan: Plan, unit: Unit) -> list[Unit]:
    """Return the units that `unit` stands on, in the plan's order."""
    wanted = set(unit.inputs.values())
    found: list[Unit] = []
    for one in reversed(plan.units):
        if one.id in wanted:
            found.insert(0, one)
            wanted |= set(one.inputs.values())
    return found


def _run(plan: Plan, unit: Unit, place: Path, display: Display) -> Finished:
    ran: Ran = LocalExecutor(Store(place), workers=1, display=display).run(plan)
    if unit.id not in ran.finished:
        failure = ran.failed[unit.id]
        raise FauxbenchError(f"{unit.id}: {failure.message}")
    return ran.finished[unit.id]


def _may_show(found: Source) -> bool:
    """Whether pictures of the training may leave: they may look like those it learns from."""
    return found.place == STUDIO or (found.terms or Terms()).allow("publish")


def _write(out: Path, order: Order, card: GeneratorCard, done: Finished) -> None:
    with storage_errors(out):
        shutil.rmtree(out / WEIGHTS, ignore_errors=True)
        part = out / f".{WEIGHTS}.part"
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(done.folder / WEIGHTS, part)
        about: Mapping[str, JSON] = {
            "card": card.model_dump(mode="json"),
            "parameters": card.fill(order.parameters),
            "data": order.model_dump(mode="json", include={"source", "size", "people", "per_person", "population"}),
            "seed": order.seed,
            "seconds": done.seconds,
            "weights": digest_of_weights(part),
            "made_by": done.fingerprint,
        }
        write_atomically(out / CARD, json.dumps(about, indent=1, sort_keys=True) + "\n")
        part.rename(out / WEIGHTS)  # last: where weights are, the training is over
