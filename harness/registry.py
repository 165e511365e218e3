"""Finding parts by name: built in, installed as a plugin, or a class in a file. Only cards are read here."""

import ast
import importlib
import importlib.util
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Generic, TypeVar

from .backbones import backbone_weights
from .canonical import digest_of, digest_of_file
from .cards import DetectorCard, GeneratorCard, PartCard, did_you_mean, read_card
from .errors import InputError
from .sources import local_sources, names_bound, parse, reached

if TYPE_CHECKING:
    from .contracts import Detector, Generator

C = TypeVar("C", bound=PartCard)
PACKAGE = Path(__file__).parent.parent
"""The installed package; its `harness` may be a link."""
HARNESS = Path(__file__).parent
YAML = (".yaml", ".yml")
_DESCRIBED = f"{__package__}.connect.described"
"""Reads detectors that a YAML file describes; it stands above this module, and is imported when one is met."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part(Generic[C]):
    """A generator or detector that was found, with its card; its code has not been imported."""

    card: C
    folder: Path
    """Where the card and the code lie."""
    module: str
    """Dotted name, or the path of a file that ends in `.py`."""
    class_name: str
    origin: str
    """`built in`, `plugin DIST`, or `file`."""

    @property
    def spec(self) -> str:
        """The form in which a worker can load it: `module:Class`."""
        return f"{self.module}:{self.class_name}"

    @property
    def own_code(self) -> str:
        """Digest over the class's name and the part's own sources: what its version speaks for."""
        if self.module.endswith(YAML):
            return self.code
        is_file = self.module.endswith(".py")
        files = local_sources(Path(self.module)) if is_file else sorted(self.folder.rglob("*.py"))
        return digest_of([self.class_name, *([file.name, digest_of_file(file)] for file in files)])

    @property
    def code(self) -> str:
        """Code identity: digest over the class's name and the sources that make its numbers."""
        if self.module.endswith(YAML):
            return str(importlib.import_module(_DESCRIBED).identity(Path(self.module)))
        is_file = self.module.endswith(".py")
        files = local_sources(Path(self.module)) if is_file else sorted(self.folder.rglob("*.py"))
        if self.origin == "built in":
            files += sorted(self.folder.parent.glob("*.py"))
            files += [f for name in ("media", "conditions") for f in sorted((HARNESS / name).glob("*.py"))]
            files += _instruments_behind(files)
        return digest_of([self.class_name, *([file.name, digest_of_file(file)] for file in files)])


class Parts(Generic[C]):
    """All parts of one sort: `generators` or `detectors`."""

    def __init__(self, sort: str, card_type: type[C]) -> None:
        self.sort = sort
        self.card_type = card_type

    def all(self) -> dict[str, Part[C]]:
        """Return every known part by name, built in first.

        Raises:
            InputError: Two parts have one name; the message names both.
        """
        found: dict[str, Part[C]] = {}
        for part in (*self._built_in(), *self._plugins()):
            name = part.card.name
            if name in found:
                raise InputError(f"two {self.sort} named '{name}': {found[name].folder} and {part.folder}")
            found[name] = part
        return found

    def find(self, use: str, base: Path) -> Part[C]:
        """Return a part by name, or by `path/to/file.py:Class` relative to `base`.

        Raises:
            InputError: Unknown name (with the nearest known one), missing file or card.
        """
        if ".py:" in use:
            return self._from_file(use, base)
        if use.endswith(YAML) and self.card_type is DetectorCard:
            return self._described(use, base)
        known = self.all()
        name, _, argument = use.partition(":")
        if argument and name in known and getattr(known[name].card, "argument", ""):
            return _with_argument(known[name], argument)
        if use not in known:
            legal = ", ".join(sorted(known))
            hint = did_you_mean(use, known)
            raise InputError(f"unknown {self.sort[:-1]} '{use}'{hint}; known: {legal}, or path/to/file.py:Class")
        return known[use]

    def _described(self, use: str, base: Path) -> Part[C]:
        path = (base / use).resolve()
        card = importlib.import_module(_DESCRIBED).card_of(path)
        return Part(card=card, folder=path.parent, module=str(path), class_name="described", origin="file")

    def _built_in(self) -> Iterator[Part[C]]:
        for path in sorted((PACKAGE / self.sort).glob("*/card.toml")):
            card = read_card(path, self.card_type)
            module, _, class_name = card.entry.partition(":")
            dotted = f"fauxbench.{self.sort}.{path.parent.name}.{module}"
            yield Part(card=card, folder=path.parent, module=dotted, class_name=class_name, origin="built in")

    def _plugins(self) -> Iterator[Part[C]]:
        for point in sorted(entry_points(group=f"fauxbench.{self.sort}"), key=lambda p: p.name):
            origin = f"plugin {point.dist.name if point.dist else point.module}"
            try:
                folder = _folder_of_plugin(point)
                card = read_card(folder / "card.toml", self.card_type)
            except InputError as error:
                raise InputError(f"{origin}: {error}") from error
            if card.name != point.name:
                raise InputError(f"{folder}/card.toml: name '{card.name}', but the entry point says '{point.name}'")
            yield Part(card=card, folder=folder, module=point.module, class_name=point.attr, origin=origin)

    def _from_file(self, use: str, base: Path) -> Part[C]:
        file, _, class_name = use.rpartition(":")
        path = (base / file).resolve()
        if not path.is_file():
            raise InputError(f"{use}: no such file: {path}")
        if class_name not in names_bound(path):
            legal = sorted(names_bound(path))
            hint = did_you_mean(class_name, legal)
            raise InputError(f"{use}: no '{class_name}' in {path.name}{hint}; it has: {', '.join(legal) or 'nothing'}")
        cards = [path.with_suffix(".toml"), path.parent / "card.toml"]
        card_path = next((c for c in cards if c.is_file()), None)
        if card_path is None:
            raise InputError(f"{use}: no card; write {cards[0]} or {cards[1].name} beside it (see CONTRIBUTING)")
        card = read_card(card_path, self.card_type)
        return Part(card=card, folder=path.parent, module=str(path), class_name=class_name, origin="file")


GENERATORS: Parts[GeneratorCard] = Parts("generators", GeneratorCard)
DETECTORS: Parts[DetectorCard] = Parts("detectors", DetectorCard)


def _with_argument(part: Part[C], argument: str) -> Part[C]:
    """Return `NAME:ARGUMENT`: the part with that parameter set, and the weights of that name that are here."""
    card = part.card
    name = re.sub(r"[^a-z0-9._-]", "-", f"{card.name}-{argument}".lower())
    parameter = getattr(card, "argument", "")
    parameters = {**card.parameters}
    parameters[parameter] = parameters[parameter].model_copy(update={"default": argument})
    weights = backbone_weights(argument) if "pretrained" in parameters else None
    started = "from scratch"
    if weights is not None:
        digest = digest_of_file(weights)
        parameters["pretrained"] = parameters["pretrained"].model_copy(update={"default": f"sha256:{digest}"})
        started = f"from pretrained weights, sha256 {digest[:12]}"
    changes = {"name": name, "title": f"{argument}, {started}", "parameters": parameters}
    return replace(part, card=card.model_copy(update=changes))


def _instruments_behind(files: list[Path]) -> list[Path]:
    """Return the sources and weights of the instruments behind the public names that files import, sorted."""
    home_of: dict[str, str] = importlib.import_module(__package__.rpartition(".")[0])._HOME
    names = {
        alias.name
        for file in files
        for node in ast.walk(parse(file))
        if isinstance(node, ast.ImportFrom) and node.module == "fauxbench" and not node.level
        for alias in node.names
    }
    homes = {home_of[name] for name in names if home_of.get(name, "").startswith("instruments.")}
    found = reached(HARNESS.joinpath(*home.split(".")).with_suffix(".py") for home in homes)
    weights = [file.parent / "weights" / f"{file.stem.replace('_', '-')}.safetensors" for file in found]
    return [*found, *(file for file in weights if file.is_file())]


def _folder_of_plugin(point: EntryPoint) -> Path:
    """Return the folder of an entry point's module without importing the module."""
    top, *rest = point.module.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None:
        raise InputError(f"plugin '{point.name}': its module '{point.module}' is not installed")
    if not rest or not spec.submodule_search_locations:
        return Path(spec.origin or ".").parent
    folder = Path(next(iter(spec.submodule_search_locations))).joinpath(*rest)
    return folder if folder.is_dir() else folder.parent


def load_class(spec: str, base: "type[Generator] | type[Detector]") -> type:
    """Import `module:Class` (a dotted name or a path to a .py file) and check what it is.

    Raises:
        InputError: No such module or class, or the class does not derive from `base`.
    """
    module_name, _, class_name = spec.rpartition(":")
    if module_name.endswith(YAML):
        described: type = importlib.import_module(_DESCRIBED).class_of(Path(module_name))
        return described
    module = _module_of_file(Path(module_name)) if module_name.endswith(".py") else importlib.import_module(module_name)
    found = getattr(module, class_name, None)
    if not isinstance(found, type) or not issubclass(found, base):
        classes = [n for n, v in vars(module).items() if isinstance(v, type) and issubclass(v, base) and v is not base]
        have = ", ".join(classes) or "none"
        raise InputError(f"{spec}: no class '{class_name}' that derives from fauxbench.{base.__name__}; found: {have}")
    return found


def _module_of_file(path: Path) -> ModuleType:
    name = f"_fauxbench_file_{digest_of(str(path))[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path}: cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.parent))  # its own neighbours, as with `python file.py`
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]  # or the next unit would find half a module
        raise
    finally:
        sys.path.remove(str(path.parent))
    return module
