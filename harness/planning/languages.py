"""Planning languages: every number by language, and tonal languages against the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..canonical import JSON
from ..cards import did_you_mean
from ..datasets.studio.speech.languages import LANGUAGES
from ..errors import SuiteError
from ..media.item import Modality, Split
from ..metrics import metric_card
from ..metrics.tone_classes import LANGUAGES as CLASSIFIED
from ..plan import Unit
from ..stats.lines import PRIMARY
from ..stats.score import Direction
from ..suite_languages import LanguagesSpec
from .detection import Scored
from .model import REAL, Draft, RowPlan, code_of, code_reached
from .realism import ALWAYS

TONES = "tones"
"""Metric by which a language is judged fit to be compared."""
WITHIN = frozenset({"tone_accuracy", "tone_accuracy_before"})
"""Metrics that only tonal languages have."""
JUDGED = ("auc", "accuracy")
"""Measures of detectors by language."""
SYNTHESISED = ("tone_accuracy", "tone_accuracy_flattened", "tone_accuracy_shuffled")
"""What is said of the synthesiser's own tones."""
OF_TEXT = "tone_accuracy_of_text"
"""What is said of speech that was made from text: no real sound was its source, and the tones are the text's."""
VALUE, EFFECT, CONTRAST = "value", "effect", "difference in differences"
"""What a row about languages holds: `statistic` of its slice."""


@dataclass(frozen=True, slots=True)
class _Said:
    """A number of a system by language: the unit that has it, and what its rows have in common."""

    unit: str
    row: RowPlan
    place: str = ""
    """After the language in the name of the measurement."""


def plan_languages(draft: Draft, detectors: Sequence[Scored]) -> None:
    """Add rows by language, and the difference in differences, if the suite asks for them.

    Raises:
        SuiteError: A system that there is not, no metric `tones`, no sounds, or languages on one side alone.
    """
    spec = draft.suite.languages
    if spec is None:
        return
    tonal = _sides(draft, spec)
    _check(draft, spec)
    said = [*_measured(draft, tonal), *_judged(draft, detectors, tonal)]
    for one in said:
        draft.rows += [_of_language(one, code) for code in tonal]
    _synthesiser(draft, spec, tonal)
    _of_texts(draft, spec, tonal)
    for system in spec.systems:
        _contrasts(draft, spec, system, said, tonal)


def _check(draft: Draft, spec: LanguagesSpec) -> None:
    known = {system.name for system in draft.systems}
    for key in ("systems", "control", "flattened", "shuffled"):
        given = getattr(spec, key)
        for name in given if isinstance(given, tuple) else (given,):
            if name not in known:
                raise SuiteError(f"languages.{key}: no system '{name}'{did_you_mean(name, known)}: {', '.join(known)}")
    if TONES not in draft.suite.metrics:
        raise SuiteError(f"languages: name '{TONES}' among the metrics; no language is judged without it")
    if draft.modality is not Modality.AUDIO:
        raise SuiteError("languages: F0 is compared sound with sound, and the real set holds no sounds; leave it out")


def _sides(draft: Draft, spec: LanguagesSpec) -> dict[str, bool]:
    """Return every language and whether it is tonal, tonal ones first."""
    tonal, others = spec.tonal, spec.others
    if not tonal and draft.suite.data.dataset == "studio":
        codes = [code for code in draft.suite.data.languages if code in LANGUAGES]
        tonal = tuple(code for code in codes if LANGUAGES[code].tonal)
        others = tuple(code for code in codes if not LANGUAGES[code].tonal)
    if not tonal or not others:
        raise SuiteError("languages: expected tonal languages and others; name both in languages.tonal and .others")
    return {**dict.fromkeys(tonal, True), **dict.fromkeys(others, False)}


def _measured(draft: Draft, tonal: Mapping[str, bool]) -> list[_Said]:
    """Add a unit for each metric of each system."""
    found = []
    for row in tuple(draft.rows):
        if row.section != "realism" or row.role != "system" or not row.sources:
            continue
        measured = draft.units[row.sources[0][1]]
        card = metric_card(str(measured.key["metric"]))
        if card.name == ALWAYS:
            continue
        whole = card.form == "set"
        inputs = {"set": row.set_unit, "real_set": REAL}
        inputs |= (
            {role: measured.inputs[role] for role in ("synthetic", "real")} if whole else {"measured": measured.id}
        )
        unit = Unit(
            id=f"languages of {row.metric} of {row.system}",
            kind="by_language",
            what="languages",
            key={**measured.key, "languages": dict(tonal), "form": card.form, "by": _code()},
            inputs=inputs,
            cost=2 if whole else 0.5,
        )
        common = _row(row.system, row.kind, row.metric, row.set_unit, dict(row.protocol))
        common = replace(common, direction=row.direction, optional=card.name in WITHIN)
        found.append(_Said(draft.add(unit), common))
    return found


def _judged(draft: Draft, detectors: Sequence[Scored], tonal: Mapping[str, bool]) -> list[_Said]:
    """Add a unit for each detector and set of fakes."""
    found = []
    for scored in detectors:
        for system in (system for system in draft.systems if system.is_fake):
            unit = Unit(
                id=f"languages of {system.name} by {scored.name}",
                kind="languages_detected",
                what="languages",
                key={**scored.key, "seed": draft.suite.seed, "languages": dict(tonal), "by": _code()},
                inputs={
                    "thresholds": f"threshold {scored.name}",
                    "real": scored.scores[REAL],
                    "synthetic": scored.scores[system.name],
                    "set": system.sets[0],
                    "real_set": REAL,
                },
                cost=1,
            )
            name = draft.add(unit)
            for metric in JUDGED:
                protocol = {**scored.question.record, "condition": "none", "metric": f"{metric} 2"}
                row = _row(system.name, system.card.kind, metric, system.sets[0], protocol)
                part = {"detector": scored.card.name, "train": scored.train, "threshold": PRIMARY}
                row = replace(row, slice=part, detector_unit=scored.trained, thresholds_unit=f"threshold {scored.name}")
                found.append(_Said(name, row, f"/{metric}"))
    return found


def _synthesiser(draft: Draft, spec: LanguagesSpec, tonal: Mapping[str, bool]) -> None:
    """Add how well the tones of the real set's own speech are told apart, language by language."""
    codes = _classified(tonal)
    if not codes:
        return
    unit = Unit(
        id="tones of the real set",
        kind="synthesiser_tones",
        what="languages",
        key={"languages": codes, "seed": draft.suite.seed, "code": _code_of_tones()},
        inputs={"real_set": REAL},
        cost=5,
    )
    name = draft.add(unit)
    for language in codes:
        for metric in SYNTHESISED:
            protocol: dict[str, JSON] = {"metric": f"{metric} 1", "condition": "none", "synthesiser": spec.synthesiser}
            row = _row(REAL, "real", metric, REAL, protocol)
            draft.rows.append(_of_language(_Said(name, replace(row, role="control"), f"/{metric}"), language))


def _of_texts(draft: Draft, spec: LanguagesSpec, tonal: Mapping[str, bool]) -> None:
    """Add how well tones are told in what systems made of texts alone, language by language."""
    codes = _classified(tonal)
    for system in draft.systems if codes else ():
        if system.pairs or "text" not in system.card.uses or system.card.modality != "audio":
            continue
        unit = Unit(
            id=f"tones of the texts of {system.name}",
            kind="tones_of_text",
            what="languages",
            key={"languages": codes, "seed": draft.suite.seed, "code": _code_of_tones()},
            inputs={"set": system.sets[0]},
            cost=5 + 0.75 * draft.counts.get(Split.TEST, 0),
        )
        name = draft.add(unit)
        protocol: dict[str, JSON] = {"metric": f"{OF_TEXT} 1", "condition": "none", "synthesiser": spec.synthesiser}
        row = _row(system.name, system.card.kind, OF_TEXT, system.sets[0], protocol)
        said = _Said(name, replace(row, direction=Direction.HIGHER), f"/{OF_TEXT}")
        draft.rows += [_of_language(said, code) for code in codes]


def _classified(tonal: Mapping[str, bool]) -> list[str]:
    """Return the tonal languages whose tones the classifier knows."""
    return [code for code, is_tonal in tonal.items() if is_tonal and code in CLASSIFIED]


def _contrasts(
    draft: Draft, spec: LanguagesSpec, system: str, said: Sequence[_Said], tonal: Mapping[str, bool]
) -> None:
    """Add the difference in differences of one system by every number that its control has too."""
    tones = {one.row.system: one.unit for one in said if one.row.metric == TONES}
    controls = {(one.row.metric, *one.row.slice.items()): one.unit for one in said if one.row.system == spec.control}
    for one in said:
        place = (one.row.metric, *one.row.slice.items())
        if one.row.system != system or one.row.optional or place not in controls:
            continue
        roles = {"system": system, "flattened": spec.flattened, "shuffled": spec.shuffled}
        inputs = {f"tones-{role}": tones[name] for role, name in roles.items() if name in tones}
        key: dict[str, JSON] = {"languages": dict(tonal), "place": one.place, "synthesiser": spec.synthesiser}
        by = one.row.slice
        shown = f"{one.row.metric} by {by['detector']} on {by['train']}" if by else one.row.metric
        unit = Unit(
            id=f"tonal against other languages: {shown} of {system}",
            kind="contrast_languages",
            what="languages",
            key={**key, "metric": shown, "code": _code()},
            inputs={"system": one.unit, "control": controls[place], **inputs},
            soft=frozenset(inputs),
            cost=0.5,
        )
        name = draft.add(unit)
        protocol: dict[str, JSON] = {
            **one.row.protocol,
            "synthesiser": spec.synthesiser,
            "control": spec.control,
            "languages": dict(tonal),
        }
        row = replace(one.row, direction=Direction.NONE, protocol=protocol)
        for code in tonal:
            part = {**by, "statistic": EFFECT, "language": code}
            draft.rows.append(replace(row, sources=((0, name, f"{EFFECT} {code}"),), slice=part))
        part = {**by, "statistic": CONTRAST}
        draft.rows.append(replace(row, sources=((0, name, CONTRAST),), slice=part))


def _of_language(one: _Said, code: str) -> RowPlan:
    part = {**one.row.slice, "statistic": VALUE, "language": code}
    protocol = {**one.row.protocol, "language": code}
    return replace(one.row, sources=((0, one.unit, f"{code}{one.place}"),), slice=part, protocol=protocol)


def _row(system: str, kind: str, metric: str, made: str, protocol: Mapping[str, JSON]) -> RowPlan:
    return RowPlan(
        section="languages",
        system=system,
        role="system",
        kind=kind,
        metric=metric,
        direction=Direction.NONE,
        set_unit=made,
        protocol=protocol,
    )


def _code_of_tones() -> str:
    return code_reached("metrics/tone_accuracy.py", "execute/steps/languages.py")


def _code() -> str:
    return code_of("stats", "execute/steps/languages.py")
