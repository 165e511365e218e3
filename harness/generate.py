"""Make a set with one generator and bring it over the border."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from pydantic import ValidationError

from .canonical import JSON
from .errors import Failure, FauxbenchError, InputError
from .execute.display import Display
from .execute.local import LocalExecutor
from .generate_source import check_splits, read_source, trained
from .media.item import Item, Modality, Split
from .media.mediaset import MediaSet, MediaSetWriter, Terms, file_stem
from .planning.model import REAL
from .planning.planner import plan_suite
from .registry import GENERATORS
from .run import default_store, default_workers
from .safeguards.border import NOBODY, release, release_masks, suffix_of
from .safeguards.describing import describe
from .safeguards.keys import own_keys
from .safeguards.marking import why_not_mark
from .store.store import Store, new_folder, weights_folder
from .suite import Counts, DataSpec, Splits, Suite, SystemSpec

STUDIO = "studio"
PARTS = 50
"""In which a set leaves where somebody wants to know how far it is."""


SPOKEN: Mapping[str, Mapping[str, JSON]] = MappingProxyType(
    {"video": {"people": 24, "clips": 2}, "audio": {"people": 24, "sounds": 4}}
)
"""What the studio renders for a single system of clips or of sounds."""


def data_for(
    source: str,
    *,
    fits: bool,
    uses_target: bool,
    size: int | None,
    terms: Terms | None,
    modality: str = "image",
) -> DataSpec:
    """Return the real data that a single generator needs: all to learn from, all to alter, or half and half.

    A sealed set that has splits keeps them: its train split is learnt from, and its test split altered.

    Raises:
        InputError: `source` is neither a folder nor `studio`.
    """
    splits = Splits(train=1, validation=0, test=0) if fits else Splits(train=0, validation=0, test=1)
    if fits and uses_target:
        splits = Splits(train=0.5, validation=0, test=0.5)
    if source == STUDIO:
        spoken = dict(SPOKEN.get(modality, {}))
        return DataSpec(dataset="studio", size=size or (128 if spoken else 64), splits=splits, **spoken)
    path = Path(source).resolve()
    if not path.is_dir():
        raise InputError(f"--from {source}: neither a folder nor 'studio'")
    return DataSpec(dataset="folder", path=path, size=size, splits=splits, terms=terms)


def generate(  # noqa: PLR0913 - every argument is a choice of the user's
    use: str,
    *,
    n: int,
    out: Path | str,
    source: str = STUDIO,
    size: int | None = None,
    version: str | None = None,
    parameters: Mapping[str, JSON] | None = None,
    terms: Terms | None = None,
    seed: int = 0,
    weights: Path | str | None = None,
    refit: bool = False,
    store: Path | str | None = None,
    device: str = "cpu",
    display: Display | None = None,
) -> MediaSet:
    """Train a generator if it needs it, let it make `n` items, and write them to `out`, marked.

    Args:
        use: Name, or `path/to/file.py:Class`.
        n: Items.
        out: A folder that does not exist or is empty; becomes a MediaSet with a row for each file in provenance.jsonl.
        source: `studio`, or a folder of real pictures, or a MediaSet, to learn from or to alter.
        size: Side of the pictures.
        version: What the system is called in the Items; default the card's.
        parameters: Of the generator.
        terms: What may be done with the folder; needed for real people. A MediaSet has its own, which bind: give none.
        seed: Of the requests, and of training where there is one.
        weights: A folder that `save` or `fauxbench fit` wrote, used in place of training, or `shipped`: those that come
            with the generator, which are used without a word only for people whom the studio rendered.
        refit: Train anew, even where weights come with the generator.
        store: Default `FAUXBENCH_STORE` or the platform's cache folder.
        device: Of torch.
        display: Told of progress; default nobody.

    Returns:
        The set in `out`.

    Raises:
        InputError: Wrong input, terms that do not allow it, or no item came.
    """
    out = Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"--out {out}: not empty; choose a new folder")
    part = GENERATORS.find(use, Path.cwd())
    card, place = part.card, Path(store) if store else default_store()
    found = read_source(source, terms)
    given, chosen = trained(part, weights, parameters or {}, found, refit=refit)
    ready = given is not None or (bool(card.weights) and not refit)
    uses_target = bool({"target", "references", "driver", "audio", "text"} & set(card.uses))
    reads = {Split.TRAIN: card.fits and given is None, Split.TEST: uses_target}
    check_splits(found, use, [split for split, read in reads.items() if read])
    try:
        data = data_for(
            found.place,
            fits=card.fits,
            uses_target=uses_target,
            size=size,
            terms=found.terms,
            modality=card.modality,
        )
        seeds = (0 if ready else seed,)
        system = SystemSpec(use=use, version=version, parameters=chosen, seeds=seeds, weights=given, refit=refit)
        suite = _suite(data, system, n, seed)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}; found {first['input']!r:.80}") from error
    return _make(suite, out, place, device, display or Display())


def _suite(data: DataSpec, system: SystemSpec, n: int, seed: int) -> Suite:
    """Return the suite that makes `n` items with one system and measures nothing.

    Raises:
        InputError: `n` is below 1.
        ValidationError: The seed is not one.
    """
    counts = Counts(train=0, validation=0, test=max(n, 2))
    suite = Suite(suite="generate", seed=seed, data=data, generators=(system,), n=counts, metrics=(), instruments=())
    if n < 1:
        raise InputError(f"--n {n}: expected at least 1")
    return suite.model_copy(update={"n": counts.model_copy(update={"test": n})})  # one item is no test, but a set


def _make(suite: Suite, out: Path, store: Path, device: str, display: Display) -> MediaSet:
    """Let the one system of a suite make its set, and bring it over the border into `out`.

    Raises:
        InputError: The suite cannot be planned, or nothing could be marked.
        FauxbenchError: No item came.
    """
    planned = plan_suite(suite, Path.cwd(), weights_folder(store), device, sets_only=True)
    why_not = why_not_mark(own_keys())
    if why_not:  # said before anything runs, not after hours
        raise InputError(why_not)
    ran = LocalExecutor(Store(store), workers=default_workers(), display=display).run(planned.plan)
    unit = planned.systems[0].sets[0]
    if unit not in ran.finished:
        raise FauxbenchError(f"nothing was made: {ran.failed[unit].message}")
    made = MediaSet.open(ran.finished[unit].folder / "set")
    if not made.items:
        raise FauxbenchError(f"nothing was made: {_first(made)}")
    real = MediaSet.open(ran.finished[REAL].folder / "set")
    from .parallel_detection import with_detectability  # it needs what only a set that was made needs

    scored = with_detectability(made, real, real.digest)
    return publish_set(scored, out, ran.finished[unit].fingerprint, {item.id: item for item in real})


def _first(made: MediaSet) -> str:
    first: Failure = made.missed[0].failure
    return f"{len(made.missed)} failures, the first: {first.message}"


def publish_set(
    media: MediaSet,
    out: Path,
    origin: str,
    parents: Mapping[str, Item] = NOBODY,
    progress: Callable[[float, str], None] | None = None,
) -> MediaSet:
    """Bring a set from the store over the border: marked copies in `out`, which becomes a MediaSet of its own.

    Args:
        media: The set.
        out: A folder that does not exist or is empty.
        origin: What made it.
        parents: Items that its Items were made from, by id, as far as they are known.
        progress: Told the share that is marked and a line about it.

    Raises:
        InputError: `out` is not empty, or there are no keys to mark with.
        IntegrityError: A file is not what it was when its set was made.
        StorageError: The disk is full or read-only.
    """
    names = [f"media/{file_stem(item.id)}{suffix_of(item)}" for item in media]
    card = media.card
    with new_folder(out) as part:
        rows: list[dict[str, JSON]] = []
        at_once = max(1, len(names) if progress is None else math.ceil(len(names) / PARTS))
        for first in range(0, max(1, len(names)), at_once):
            chosen = slice(first, first + at_once)
            rows += release(media.items[chosen], part, names[chosen], origin, parents)
            if progress is not None and names:
                progress(len(rows) / len(names), f"{len(rows)} of {len(names)} marked")
        writer = MediaSetWriter(
            part, name=card.name, origin=card.origin, modality=Modality(card.modality), terms=card.terms
        )
        for item, name, row in zip(media, names, rows, strict=True):
            facts = item.facts
            if item.mask_path and item.mask_location is not None:
                told = release_masks(item, (part / item.mask_path).parent)
                facts = {**facts, "mask": told} if told else facts
            left = {"root": ".", "path": name, "content": row["content"], "facts": facts}
            writer.keep(replace(item, **left, location=None, mask_location=None))
        for missed in media.missed:
            writer.fail(*missed)
        writer.facts = {**card.facts, "made_by": origin}
        describe(writer.seal(), part, rows)
    return MediaSet.open(out)
