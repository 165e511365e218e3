"""The Suite: an experiment as data, one YAML file."""

from collections.abc import Iterator, Mapping
from copy import copy
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, field_validator

from .canonical import JSON, digest_of
from .cards import Document, Name, did_you_mean
from .connect.spec import CommandSpec, HttpSpec
from .errors import SuiteError
from .media.mediaset import Terms
from .suite_conditions import ConditionSpec, NamedCondition, RenderSpec, StepSpec
from .suite_data import Counts as Counts
from .suite_data import DataSpec as DataSpec
from .suite_data import Splits as Splits
from .suite_languages import LanguagesSpec
from .suite_systems import DetectorSpec as DetectorSpec
from .suite_systems import SystemSpec as SystemSpec
from .suite_systems import SystemVersion, by_name
from .suite_utility import UtilitySpec

SUITES = Path(__file__).parent.parent / "suites"


class Suite(Document):
    """An experiment: real data, systems under test, metrics, detectors."""

    suite: Name
    version: SystemVersion = "1"
    title: str = ""
    seed: int = Field(default=0, ge=0)
    data: DataSpec
    generators: tuple[Annotated[SystemSpec, BeforeValidator(by_name)], ...] = Field(default=(), validate_default=True)
    """At least one, unless a published data set brings fakes of its own."""
    n: Counts = Counts()
    """Items to make per split; default: as many as the real split has."""
    metrics: tuple[str, ...] = ("fd", "kd", "is", "ssim")
    """Memorisation and the control are always on."""
    instruments: tuple[str, ...] = ("spectrum", "inception-2015")
    resize: Literal["clean", "pytorch-fid", "tf1"] | None = None
    """How pictures are resized for instruments that know several ways; default: the first, `clean`."""
    precision: Literal["fp32", "bf16"] | None = None
    """Numbers in networks that know several; default: the first, `fp32`."""
    faces: Literal["middle", "found"] | None = None
    """Instruments that look at one place: the face lies there, or is found and cut out first. Default: `found` where
    people are real, `middle` where they are rendered."""
    detectors: tuple[Annotated[DetectorSpec, BeforeValidator(by_name)], ...] = ()
    train_on: tuple[str | tuple[str, ...], ...] = ()
    """What detectors are trained on: `name@version`, a list of them, `all`, `all but X` with X a system, a generator, a
    technique or a kind, or `leave-one-out`: all but each generator in turn. Default: each fake system, then all."""
    conditions: tuple[NamedCondition, ...] = ()
    """Under which every metric and detector is measured again: see docs/robustness.md."""
    utility: UtilitySpec | None = None
    """A downstream task that is learnt from synthetic pictures: see docs/utility.md."""
    languages: LanguagesSpec | None = None
    """Tonal against other languages: see docs/voices.md."""
    missing: Literal["worst", "exclude", "intersect"] = "worst"
    """What a detector's failure on an item counts as: the worst answer, or nothing; `intersect`: nothing, and a
    comparison keeps the items that both sides have."""

    @property
    def protocol(self) -> dict[str, str]:
        """The options that instruments are asked for, by name."""
        asked = {"resize": self.resize, "precision": self.precision, "faces": self.faces}
        return {name: value for name, value in asked.items() if value is not None}

    @field_validator("generators")
    @classmethod
    def _some(cls, systems: tuple[SystemSpec, ...], info: ValidationInfo) -> tuple[SystemSpec, ...]:
        data = info.data.get("data")
        if not systems and data is not None and not data.published:
            raise ValueError(f"expected at least one entry; dataset '{data.dataset}' has no fakes of its own")
        return systems

    @field_validator("metrics", "instruments", "train_on")
    @classmethod
    def _differ(cls, names: tuple[str | tuple[str, ...], ...]) -> tuple[str | tuple[str, ...], ...]:
        """Refuse a name given twice: its rows would stand in the results twice."""
        for name in names:
            if not name:
                raise ValueError("found an empty entry")
            if names.count(name) > 1:
                raise ValueError(f"{name if isinstance(name, str) else list(name)} is given twice")
        return names


class Line(dict[str, Any]):
    """A mapping that remembers the line of each key."""

    lines: dict[str, int]


class _Loader(yaml.SafeLoader):
    """Safe YAML that refuses a key given twice and remembers lines."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> Line:
    found = Line()
    found.lines = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        line = key_node.start_mark.line + 1
        if isinstance(key, list | dict):
            raise SuiteError(f"line {line}: expected a word as key, found {key!r:.60}")
        if key in found:
            raise SuiteError(f"line {line}: key '{key}' is given twice (first in line {found.lines[key]})")
        found[key] = loader.construct_object(value_node, deep=True)
        found.lines[key] = line
    return found


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
_Loader.add_constructor("tag:yaml.org,2002:merge", lambda loader, node: "<<")  # an unknown key, and said so


def find_suite(name: str) -> Path:
    """Return the file of a suite: a path, or the name of one that comes with fauxbench.

    Raises:
        SuiteError: No such file and no such name.
    """
    path = Path(name)
    if path.suffix in {".yaml", ".yml"}:
        if not path.is_file():
            raise SuiteError(f"no such suite file: {path}")
        return path
    known = {p.stem: p for p in sorted(SUITES.glob("*.yaml"))}
    if name not in known:
        hint = did_you_mean(name, known)
        raise SuiteError(f"unknown suite '{name}'{hint}; known: {', '.join(known)}, or the path of a .yaml file")
    return known[name]


def read_suite(path: Path, size: str | None = None) -> Suite:
    """Read and check a suite file.

    Args:
        path: The file.
        size: One of its `sizes`; default: the suite as it stands.

    Raises:
        SuiteError: One message that names file, line and key, what was found and what is legal.
    """
    document = _sized(path, _document(path, "the keys suite, data, generators"), size)
    try:
        return Suite.model_validate(document)
    except ValidationError as error:
        raise SuiteError("\n".join(_findings(path, document, error))) from error


DEFAULT_SIZE = "default"


def _sized(path: Path, document: Line, size: str | None) -> Line:
    """Return the suite in one of its sizes: keys of `sizes.SIZE` replace those of the suite, mappings key by key."""
    suite = copy(document)
    sizes = suite.pop("sizes", Line())
    if not isinstance(sizes, Line) or not all(isinstance(one, Line) for one in sizes.values()):
        raise SuiteError(f"{path}, line {document.lines['sizes']}: sizes: expected a mapping of names to mappings")
    if size in {None, DEFAULT_SIZE}:
        return suite
    if size not in sizes:
        known = (DEFAULT_SIZE, *sizes)
        raise SuiteError(f"{path}: no size '{size}'{did_you_mean(str(size), known)}; there are: {', '.join(known)}")
    suite.lines = {**suite.lines, **sizes[size].lines}
    for key, value in sizes[size].items():
        before = suite.get(key)
        if isinstance(before, Line) and isinstance(value, Line):
            suite[key] = Line(before | value)
            suite[key].lines = {**before.lines, **value.lines}
        else:
            suite[key] = value
    suite["suite"] = f"{suite.get('suite', '')}-{size}"
    return suite


def read_system(path: Path) -> SystemSpec:
    """Read one system from a file of its own, which says what an entry of `generators` would.

    Raises:
        SuiteError: As `read_suite`.
    """
    document = _document(path, "the keys of one entry of `generators`: use, name, version, ...")
    try:
        return SystemSpec.model_validate(document)
    except ValidationError as error:
        raise SuiteError("\n".join(_findings(path, document, error, SystemSpec))) from error


def _document(path: Path, wanted: str) -> Line:
    """Read a YAML file that must hold a mapping."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SuiteError(f"{path}: cannot be read: {error}") from error
    try:
        document = yaml.load(text, Loader=_Loader)  # _Loader is a SafeLoader
    except SuiteError as error:
        raise SuiteError(f"{path}, {error}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise SuiteError(f"{path}{where}: not YAML: {getattr(error, 'problem', None) or error}") from error
    except RecursionError as error:
        raise SuiteError(f"{path}: nested too deeply for a suite") from error
    if not isinstance(document, Line):
        raise SuiteError(f"{path}: expected a mapping with {wanted}; found {document!r:.60}")
    return document


_PLAIN = {"tuple_type": "expected a list", "model_type": "expected a mapping", "dict_type": "expected a mapping"}
_PLAIN |= {"too_short": "expected at least one entry"}
"""What pydantic calls tuples and dictionaries, in YAML's words."""


def _findings(path: Path, document: Line, error: ValidationError, top: type[Document] = Suite) -> list[str]:
    """Say each finding once: not that a list is too short because an entry in it is wrong, not each arm of a union."""
    errors = error.errors()
    places = [e["loc"] for e in errors]
    inner = [e for e in errors if not (e["type"] == "too_short" and any(_within(p, e["loc"]) for p in places))]
    return list(dict.fromkeys(_explain(path, document, dict(e), top) for e in inner))


def _within(place: tuple[int | str, ...], outer: tuple[int | str, ...]) -> bool:
    return len(place) > len(outer) and place[: len(outer)] == outer


def _explain(path: Path, document: Line, error: Mapping[str, Any], top: type[Document]) -> str:
    """Say one finding of pydantic's in the suite's own terms."""
    place = [p for p in error["loc"] if p not in {"str", "tuple[str, ...]"}]  # arms of a union
    line = _line_of(document, place)
    key = ".".join(str(p) for p in place) or ("suite" if top is Suite else "system")
    where = f"{path}, line {line}: " if line else f"{path}: "
    if error["type"] == "extra_forbidden":
        legal = sorted(_fields_at(place[:-1], top))
        return f"{where}unknown key '{key}'{did_you_mean(str(place[-1]), legal)}; legal: {', '.join(legal)}"
    if error["type"] == "missing":
        return f"{where}key '{key}' is missing"
    message = _PLAIN.get(error["type"], str(error["msg"]).removeprefix("Value error, "))
    if error["type"] == "value_error":
        return f"{where}{key}: {message}"
    return f"{where}{key}: {message}; found {error['input']!r:.80}"


def _line_of(document: object, place: list[Any]) -> int | None:
    line = None
    for step in place:
        if isinstance(document, Line):
            line = document.lines.get(step, line)
            document = document.get(step)
        elif isinstance(document, list) and isinstance(step, int) and step < len(document):
            document = document[step]
            if isinstance(document, Line) and document.lines:
                line = min(document.lines.values())
    return line


def _fields_at(place: list[Any], top: type[Document]) -> Iterator[str]:
    """Yield the legal keys of the document part that `place` leads to."""
    parts: dict[str, type[Document]] = {
        "data": DataSpec,
        "splits": Splits,
        "terms": Terms,
        "generators": SystemSpec,
        "target": SystemSpec,
        "audio": SystemSpec,
        "detectors": DetectorSpec,
        "n": Counts,
        "conditions": ConditionSpec,
        "chain": StepSpec,
        "first": StepSpec,
        "render": RenderSpec,
        "command": CommandSpec,
        "http": HttpSpec,
        "utility": UtilitySpec,
        "languages": LanguagesSpec,
    }
    names = [p for p in place if isinstance(p, str) and p in parts]
    yield from (parts[names[-1]] if names else top).model_fields


def suite_digest(suite: Suite) -> str:
    """Return the digest of a suite: over what it says, not over its spelling."""
    record: dict[str, JSON] = suite.model_dump(mode="json")
    if record["languages"] is None:  # suites that do not ask keep the digest that they had before there was the key
        del record["languages"]
    return digest_of(record)
