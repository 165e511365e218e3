"""Which part may import what, read from the sources."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import fauxbench

ROOT = Path(fauxbench.__file__ or "").parent
FOLDERS = {"harness", "generators", "detectors", "suites", "tests"}
LIGHT = [
    "harness/__init__.py",
    "harness/canonical.py",
    "harness/errors.py",
    "harness/cards.py",
    "harness/registry.py",
    "harness/suite.py",
    "harness/cli",
    "harness/planning",
    "harness/store",
]
HEAVY = {
    "torch",
    "torchvision",
    "timm",
    "cv2",
    "librosa",
    "numba",
    "scipy",
    "sklearn",
    "skimage",
    "pytorch_fid",
    "matplotlib",
}


def sources(*places: str) -> list[Path]:
    files: list[Path] = []
    for place in places:
        path = ROOT / place
        files += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return [file for file in files if file.is_file()]


def imports(file: Path, *, top: bool = False) -> Iterator[tuple[int, str, int, list[str]]]:
    """Yield line, module, level and names of each import; `top` leaves out those inside functions."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    inner = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) or _typing_only(function)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if top and id(node) in inner:
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, 0, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module or "", node.level, [alias.name for alias in node.names]


def _typing_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("file", sources("generators", "detectors"), ids=name_of)
def test_parts_import_what_a_stranger_could(file: Path) -> None:
    package = ["fauxbench", *file.relative_to(ROOT).parent.parts]
    sort = f"fauxbench.{package[1]}"
    own = ".".join(package[:3])  # generators/dcgan; or the sort itself, for helpers that its parts share
    for line, module, level, names in imports(file):
        place = f"{name_of(file)}:{line}"
        if level:
            module = ".".join([*package[: len(package) - level + 1], *([module] if module else [])])
        if module == "fauxbench":
            assert set(names) <= set(fauxbench.__all__), f"{place} imports {names}, which are not public"
        elif module.partition(".")[0] == "fauxbench":
            inside = f"{module}.".startswith((f"{own}.", f"{sort}._"))
            assert inside, f"{place} imports {module}; parts import their own package and public names of fauxbench"
        else:
            assert module.partition(".")[0] not in FOLDERS, f"{place} imports {module} from the repository's root"


@pytest.mark.parametrize("file", sources("harness"), ids=name_of)
def test_the_harness_imports_itself_relatively(file: Path) -> None:
    for line, module, level, _ in imports(file):
        first = module.partition(".")[0]
        place = f"{name_of(file)}:{line}"
        assert level or first not in FOLDERS | {"fauxbench"}, f"{place} imports {module}; use a relative import"
        assert "generators" not in module.split("."), f"{place}: the harness knows no generator"
        assert "detectors" not in module.split("."), f"{place}: the harness knows no detector"
        assert level <= len(file.relative_to(ROOT / "harness").parts), f"{place} leaves the harness"


@pytest.mark.parametrize("file", sources(*LIGHT), ids=name_of)
def test_light_modules_import_nothing_heavy(file: Path) -> None:
    for line, module, level, _ in imports(file, top=True):
        assert level or module.partition(".")[0] not in HEAVY, f"{name_of(file)}:{line} imports {module} at the top"


@pytest.mark.parametrize("file", [f for f in sources("harness") if f.name == "__init__.py"], ids=name_of)
def test_packages_are_light(file: Path) -> None:
    for line, module, level, _ in imports(file, top=True):
        first = module.partition(".")[0]
        assert level or first not in HEAVY | {"numpy"}, f"{name_of(file)}:{line} imports {module}"


def test_every_import_is_declared() -> None:
    """A library that is only there by accident, through another one, is an import that breaks one day."""
    declared = {
        *(
            "av",
            "cryptography",
            "filelock",
            "jinja2",
            "librosa",
            "matplotlib",
            "numba",
            "numpy",
            "cv2",
            "PIL",
            "platformdirs",
            "pyarrow",
            "pydantic",
            "yaml",
            "rich",
        ),
        *(
            "pytorch_fid",
            "safetensors",
            "sklearn",
            "scipy",
            "soundfile",
            "statsmodels",
            "timm",
            "torch",
            "torchvision",
            "typer",
        ),
        *OPTIONAL,
    }
    found: dict[str, str] = {}
    for file in sources("harness", "generators", "detectors"):
        for line, module, level, _ in imports(file):
            first = module.partition(".")[0]
            if not level and first not in sys.stdlib_module_names:
                found.setdefault(first, f"{name_of(file)}:{line}")
    assert set(found) - declared - {"fauxbench"} == set(), found


OPTIONAL = {"captum", "diffusers", "espeakng_loader", "facenet_pytorch", "c2pa", "pyloudnorm"}
