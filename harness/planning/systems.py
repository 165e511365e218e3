"""Planning the systems under test."""

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from ..canonical import JSON, digest_of
from ..cards import GeneratorCard
from ..connect.attach import ELSEWHERE, command_identity, http_identity, resolved, token_of
from ..connect.spec import CommandSpec
from ..connect.weights import check_handed_in
from ..datasets.listing import list_media, listing_digest
from ..datasets.manifest import read_manifest
from ..errors import InputError, RefusedError, SuiteError
from ..media.item import Modality, Split
from ..media.read import modality_of
from ..plan import Unit
from ..registry import GENERATORS
from ..safeguards.consent import consents_digest, consents_file, training_digest
from ..safeguards.gate import why_not_edit, why_not_fit, why_not_leave
from ..suite import SystemSpec
from .chains import learns_from, plan_parts
from .model import REAL, Draft, System, code_of, training_cost
from .shipped import with_shipped
from .terms import terms_of_outputs

SECONDS_PER_CLIP = 3.0
"""That a system takes for one clip, until it is known better."""


def plan_systems(draft: Draft) -> tuple[System, ...]:
    """Add the units that make each system's sets, and return the systems.

    Raises:
        SuiteError: Unknown system, wrong parameter, duplicated name.
        RefusedError: Terms do not allow it.
    """
    systems: list[System] = []
    for place, spec in enumerate(draft.suite.generators):
        try:
            system = _folder_system(draft, spec) if spec.use == "folder" else _generating_system(draft, spec)
        except (SuiteError, RefusedError):
            raise
        except InputError as error:
            raise SuiteError(f"generators.{place}: {error}") from error
        if system.name in {s.name for s in (*draft.systems, *systems)}:
            raise SuiteError(
                f"generators.{place}: '{system.name}' is given twice; give each system its own name or version"
            )
        if system.name == REAL:
            raise SuiteError(f"generators.{place}: the name '{REAL}' is kept for the control")
        systems.append(system)
    return tuple(systems)


class _Attached(NamedTuple):
    """What a unit must know of a system, however it is attached."""

    card: GeneratorCard
    parameters: Mapping[str, JSON]
    code: str
    """Identity of whatever makes its numbers."""
    task: Mapping[str, JSON]
    """How a worker finds it."""
    harness: tuple[str, ...] = ("connect/requests.py", "connect/casting.py")
    """Parts of the harness between it and the set."""
    own: str = ""
    """Digest of what its version speaks for."""
    leaves: bool = False
    """Whether what it is given leaves this machine, or fauxbench's sight on it."""


def _generating_system(draft: Draft, spec: SystemSpec) -> System:
    if spec.use not in ELSEWHERE:
        spec = with_shipped(GENERATORS.find(spec.use, draft.base), spec, draft.suite.data)
    attached = _elsewhere(draft, spec) if spec.use in ELSEWHERE else _python(draft, spec)
    attached = _with_weights(draft, spec, attached)
    card = attached.card
    reasons = [why_not_fit(card, draft.terms), why_not_edit(card, draft.terms)]
    reasons += [why_not_leave(card, draft.terms)] if attached.leaves else []
    for reason in reasons:
        if reason:
            raise RefusedError(reason)
    name = f"{spec.name or card.name}@{spec.version or card.version}"
    name = draft.renamed.get(name, name)
    seeds = spec.seeds if card.fits else (spec.seeds[0],)
    parts = plan_parts(draft, spec, card, name, _generating_system)
    return System(
        name=name,
        card=card,
        parameters=attached.parameters,
        code=attached.code,
        own_code=attached.own,
        origin=spec.use,
        seeds=seeds,
        sets=tuple(_generated(draft, name, attached, seed, spec, parts) for seed in seeds),
        pairs="target" in card.uses and "part target" not in parts,
    )


def _python(draft: Draft, spec: SystemSpec) -> _Attached:
    part = GENERATORS.find(spec.use, draft.base)
    parameters = part.card.fill(spec.parameters)
    card = part.card.with_parameters(parameters)
    return _Attached(card, parameters, part.code, {"spec": part.spec}, own=part.own_code)


def _elsewhere(draft: Draft, spec: SystemSpec) -> _Attached:
    described = spec.command or spec.http
    if described is None or spec.kind is None:
        raise SuiteError(f"use '{spec.use}' needs {spec.use}, name, version, kind")
    card = described.card(str(spec.name), str(spec.version), spec.kind)
    if isinstance(described, CommandSpec):
        described = resolved(described, draft.base)
        code = command_identity(described)
    else:
        token_of(described)
        code = http_identity(described, card.version)
    task: dict[str, JSON] = {"connector": spec.use, "described": described.model_dump(mode="json")}
    parts = tuple(f"connect/{name}.py" for name in ("requests", "casting", "wire", "outputs", spec.use))
    return _Attached(card, dict(spec.parameters), code, task, parts, own=code, leaves=True)


def _with_weights(draft: Draft, spec: SystemSpec, attached: _Attached) -> _Attached:
    """Let weights that the user hands in stand for training."""
    if spec.weights is None:
        return attached
    folder = (draft.base / spec.weights).resolve()
    if not attached.card.fits:
        raise SuiteError(f"weights: '{attached.card.name}' has no training whose weights could be handed in")
    digest = check_handed_in(folder)
    return attached._replace(
        card=attached.card.model_copy(update={"fits": False}),
        code=digest_of([attached.code, digest]),
        task={**attached.task, "weights": str(folder), "weights_digest": digest},
    )


def _generated(
    draft: Draft, name: str, attached: _Attached, seed: int, spec: SystemSpec, parts: Mapping[str, str]
) -> str:
    """Add fit and generate of one training seed; systems that differ in name alone share the fit."""
    card, parameters = attached.card, attached.parameters
    steps = ("execute/steps/systems.py", "execute/steps/sets.py")
    code = digest_of([attached.code, code_of(*steps, *attached.harness, "media")])
    key: dict[str, JSON] = {
        "card": card.model_dump(mode="json"),
        "parameters": dict(parameters),
        "code": code,
        "seed": seed,
        "size": draft.output_size,
    }
    task: dict[str, JSON] = {**attached.task, "consents": str(consents_file())}
    what = f"{card.name} {digest_of(dict(parameters))[:8]}"
    inputs = {"real": REAL, **parts}
    today = datetime.datetime.now(tz=datetime.UTC).date()
    consents = consents_digest(consents_file(), today) if draft.terms.people == "real" and card.uses else "none"
    learned: dict[str, JSON] = {}
    if "references" in card.uses:  # whom it is taught depends on who will be asked for, and on whom it may be taught
        learned = {"subjects": [str(split) for split, n in draft.counts.items() if n], "consents": consents}
    allowed = training_digest(consents_file(), today) if draft.terms.people == "real" else "none"
    if allowed != "none":
        learned["training"] = allowed
    if card.fits:
        inputs["weights"] = draft.add(
            Unit(
                id=f"fit {name} seed {seed}",
                kind="fit",
                what=what,
                key={**key, **learned},
                inputs={"real": learns_from(draft, card)},
                task=task,
                time_limit=spec.time_limit,
                cost=training_cost(card, parameters),
            )
        )
    asked: dict[str, JSON] = {
        "counts": {str(split): n for split, n in draft.counts.items()},
        "request_seed": draft.suite.seed,
        "system": name,
        "consents": consents,
        "terms": draft.terms.model_dump(mode="json"),
    }
    total = sum(draft.counts.values())
    return draft.add(
        Unit(
            id=f"generate {name} seed {seed}",
            kind="generate",
            what=f"{what} {total}",
            key={**key, **asked},
            inputs=inputs,
            task=task,
            time_limit=spec.time_limit,
            cost=2 + (SECONDS_PER_CLIP if card.modality == "video" else 0.005) * total,
        )
    )


def _folder_system(draft: Draft, spec: SystemSpec) -> System:
    folder = draft.existing(spec.path, f"generators: '{spec.name}': path")
    rows = read_manifest((draft.base / spec.manifest).resolve()) if spec.manifest else None
    files = [row.file for row in rows] if rows else [p.relative_to(folder).as_posix() for p in list_media(folder)]
    name = f"{spec.name}@{spec.version}"
    listing = listing_digest(folder, [file for file in files if (folder / file).is_file()])
    key: dict[str, JSON] = {
        "system": name,
        "kind": spec.kind,
        "listing": listing,
        "manifest_rows": [list(row) for row in rows] if rows else None,
        "splits": spec.splits.model_dump() if spec.splits else None,
        "size": draft.output_size,
        "seed": draft.suite.seed,
        "counts": {str(split): n for split, n in draft.counts.items()},
        "terms": terms_of_outputs(folder, draft.terms).model_dump(mode="json"),
        "code": code_of("datasets", "media", "execute/steps/sets.py"),
    }
    card = GeneratorCard(
        name=str(spec.name),
        version=str(spec.version),
        title=f"outputs in {folder.name}",
        technique="unknown",
        kind=spec.kind or "fully_synthetic",
        modality=_modality(files),
    )
    unit = Unit(
        id=f"collect {name}",
        kind="collect",
        what=f"folder {len(files)}",
        key=key,
        inputs={"real": REAL},
        task={"path": str(folder)},
        time_limit=spec.time_limit,
        cost=0.005 * len(files),
    )
    return System(
        name=name,
        card=card,
        parameters={},
        code=listing,
        origin="folder",
        seeds=(0,),
        sets=(draft.add(unit),),
        pairs=any(row.target for row in rows) if rows else _same_names(files, draft.real_names),
        trains=spec.splits is not None or any(row.split is Split.TRAIN for row in rows or ()),
    )


def _modality(files: Sequence[str]) -> Literal["image", "video", "audio"]:
    """Return what most of the files are."""
    found = [modality_of(Path(file)) for file in files]
    return max(Modality, key=found.count).value


def _same_names(files: Sequence[str], real: Sequence[str]) -> bool:
    stems = {Path(name).with_suffix("").as_posix() for name in real}
    return any(Path(file).with_suffix("").as_posix() in stems for file in files)
