"""Planning the audits of every report: what tells real from fake besides what a detector should look at."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from ..canonical import JSON
from ..conditions.chain import Chain, chain_of
from ..media.item import Modality, Split
from ..plan import Unit
from ..stats.score import Direction
from .detection import Scored, sets_of
from .model import REAL, Draft, RowPlan, System, code_of

SHORTCUTS: Mapping[Modality, tuple[str, ...]] = MappingProxyType(
    {
        Modality.IMAGE: ("format", "size", "bitrate", "metadata", "border"),
        Modality.VIDEO: ("format", "size", "duration", "bitrate", "metadata", "border"),
        Modality.AUDIO: ("format", "duration", "bitrate", "metadata"),
    }
)
ENCODERS: Mapping[Modality, tuple[str, Mapping[str, JSON]]] = MappingProxyType(
    {
        Modality.IMAGE: ("jpeg", {"quality": 90}),
        Modality.VIDEO: ("h264", {"crf": 23}),
        Modality.AUDIO: ("opus", {"kbps": 32}),
    }
)
"""What both classes go through before they are scored again."""
REENCODED = ("auc_before", "auc_after", "auc_change")


def plan_shortcuts(draft: Draft, detectors: Sequence[Scored]) -> None:
    """Add the audits of each fake system, and with detectors what these would make of re-encoded and familiar items."""
    fakes = [system for system in draft.systems if system.is_fake]
    traits = {name: _traits(draft, name, made) for name, made in sets_of(draft).items()} if fakes else {}
    for system in fakes:
        _alone(draft, system, traits)
    for scored in _first_of_each_training(detectors):
        _overlap(draft, scored)
    trained = [scored for scored in detectors if scored.trained]
    if trained and fakes:
        chain = _encoder(draft.modality)
        sets = {name: _encoded(draft, chain, name, made) for name, made in sets_of(draft).items()}
        for scored in trained:
            _again(draft, scored, chain, sets, fakes)


def _traits(draft: Draft, name: str, made: str) -> str:
    n = draft.counts.get(Split.TEST, 0)
    key: dict[str, JSON] = {"code": code_of("execute/steps/shortcuts.py", "media")}
    return draft.add(
        Unit(id=f"traits of {name}", kind="traits", what=f"traits {n}", key=key, inputs={"set": made}, cost=1)
    )


def _alone(draft: Draft, system: System, traits: Mapping[str, str]) -> None:
    """Add how well each shortcut alone tells a system's items from real ones."""
    names = SHORTCUTS[draft.modality]
    unit = Unit(
        id=f"shortcuts of {system.name}",
        kind="shortcuts",
        what="shortcuts",
        key={
            "shortcuts": list(names),
            "seed": draft.suite.seed,
            "code": code_of("stats", "execute/steps/shortcuts.py"),
        },
        inputs={"real": traits[REAL], "synthetic": traits[system.name]},
        cost=5,
    )
    draft.add(unit)
    for name in names:
        draft.rows.append(_row(system.name, system.card.kind, name, unit.id, name, system.sets[0]))


def _row(system: str, kind: str, metric: str, unit: str, place: str, made: str) -> RowPlan:
    return RowPlan(
        section="shortcuts",
        system=system,
        role="control" if system == REAL else "system",
        kind=kind,
        metric=metric,
        direction=Direction.NONE,
        sources=((0, unit, place),),
        set_unit=made,
        protocol={"metric": f"shortcut {metric} 1", "condition": "none"},
    )


def _first_of_each_training(detectors: Sequence[Scored]) -> list[Scored]:
    found: dict[str, Scored] = {}
    for scored in detectors:
        if scored.trained:
            found.setdefault(scored.train, scored)
    return list(found.values())


def _overlap(draft: Draft, scored: Scored) -> None:
    """Add which people and files of each test set a detector has been trained on."""
    sets = sets_of(draft)
    names = {f"test-{place:03d}": name for place, name in enumerate(sets)}
    learnt = {"train-real": REAL} | {f"train-{i:03d}": system.sets[0] for i, system in enumerate(scored.own)}
    unit = Unit(
        id=f"overlap of {scored.train}",
        kind="overlap",
        what="overlap",
        key={"names": names, "code": code_of("execute/steps/shortcuts.py")},
        inputs=learnt | {role: sets[name] for role, name in names.items()},
        soft=frozenset(role for role, name in names.items() if name != REAL),
        cost=1,
    )
    draft.add(unit)
    kinds = {REAL: "real"} | {system.name: system.card.kind for system in draft.systems}
    for name in sets:
        for what in ("people", "content"):
            row = _row(name, kinds[name], f"overlap_{what}", unit.id, f"{name} {what}", sets[name])
            draft.rows.append(replace(row, slice={"train": scored.train}))


def _encoder(modality: Modality) -> Chain:
    name, parameters = ENCODERS[modality]
    return chain_of(name, 1, modality, parameters)


def _encoded(draft: Draft, chain: Chain, name: str, made: str) -> str:
    """Add the unit that sends one test set through the encoder."""
    key: dict[str, JSON] = {
        "chain": chain.record(),
        "seed": draft.suite.seed,
        "code": code_of("execute/steps/alter.py", "conditions", "media"),
    }
    n = draft.counts.get(Split.TEST, 0)
    what = f"{chain.label} {n}"
    unit = Unit(id=f"re-encode {name}", kind="condition", what=what, key=key, inputs={"set": made}, cost=1 + 0.02 * n)
    return draft.add(unit)


def _again(draft: Draft, scored: Scored, chain: Chain, sets: Mapping[str, str], fakes: Sequence[System]) -> None:
    """Add the scores of a detector on re-encoded sets, and how far its areas change."""
    again = {}
    for name in (REAL, *(system.name for system in fakes)):
        clean = draft.units[scored.scores[name]]
        inputs = {role: sets[name] if role == "set" else source for role, source in clean.inputs.items()}
        again[name] = draft.add(replace(clean, id=f"{clean.id}, re-encoded", inputs=inputs))
    for system in fakes:
        name = system.name
        unit = Unit(
            id=f"re-encoded {name} by {scored.name}",
            kind="reencoded",
            what="re-encoded",
            key=scored.key,
            inputs={
                "real": scored.scores[REAL],
                "synthetic": scored.scores[name],
                "real-again": again[REAL],
                "synthetic-again": again[name],
            },
            cost=1,
        )
        draft.add(unit)
        parts = {"detector": scored.card.name, "train": scored.train}
        said = f"{chain.name} {chain.said}".strip()
        for metric in REENCODED:
            row = _row(name, system.card.kind, metric, unit.id, metric, system.sets[0])
            protocol = {**row.protocol, **scored.question.record, "pipeline": said}
            draft.rows.append(replace(row, slice=parts, protocol=protocol, detector_unit=scored.trained))
