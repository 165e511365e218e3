import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import fauxbench
from fauxbench.harness.cards import DetectorCard, GeneratorCard
from fauxbench.harness.errors import InputError
from fauxbench.harness.registry import DETECTORS, GENERATORS, Parts, load_class

CARD = """
name = "{name}"
version = "3"
title = "A plugin"
technique = "test"
kind = "fully_synthetic"
entry = "model:System"
"""
CODE = """
from pathlib import Path
from fauxbench import Generator
Path(__file__).with_name("imported").touch()

class System(Generator):
    def generate(self, requests, context):
        yield from ()
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder on sys.path, where distributions can be put."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


def install(site: Path, dist: str, points: str, *, card: str | None, package: str = "", code: str = CODE) -> Path:
    """Put a distribution with one package there, as an installer would."""
    package = package or dist.replace("-", "_")
    folder = site / package
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "model.py").write_text(code)
    if card is not None:
        (folder / "card.toml").write_text(card)
    info = site / f"{dist.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(points)
    return folder


POINTS = "[fauxbench.generators]\n{name} = {module}:System\n"


def test_a_plugin_is_found_without_importing_it(site: Path) -> None:
    points = POINTS.format(name="faker", module="third_party.model")
    folder = install(site, "third-party", points, card=CARD.format(name="faker"))
    part = GENERATORS.all()["faker"]
    assert part.card.version == "3"
    assert part.origin == "plugin third-party"
    assert part.spec == "third_party.model:System"
    assert part.folder == folder
    assert not (folder / "imported").exists()
    assert "third_party" not in sys.modules
    assert GENERATORS.find("faker", Path()).code == part.code
    first = part.code
    (folder / "helper.py").write_text("x = 1\n")
    assert GENERATORS.all()["faker"].code != first

    assert load_class(part.spec, fauxbench.Generator).__name__ == "System"
    assert (folder / "imported").exists()
    for name in [name for name in sys.modules if name.startswith("third_party")]:
        del sys.modules[name]


def test_a_plugin_in_a_sub_package(site: Path) -> None:
    points = POINTS.format(name="deep", module="deep_parts.faces")
    folder = install(site, "deep-parts", points, card=None)
    (folder / "faces").mkdir()
    (folder / "faces" / "__init__.py").write_text(CODE)
    (folder / "faces" / "card.toml").write_text(CARD.format(name="deep"))
    assert GENERATORS.all()["deep"].folder == folder / "faces"
    assert "deep_parts" not in sys.modules


def test_a_plugin_without_a_card_is_named(site: Path) -> None:
    install(site, "bare", POINTS.format(name="bare", module="bare.model"), card=None)
    with pytest.raises(InputError, match=r"plugin bare: no card: .*card\.toml"):
        GENERATORS.all()


def test_a_plugin_whose_code_is_gone_is_named(site: Path) -> None:
    folder = install(site, "gone", POINTS.format(name="gone", module="gone_away.model"), card="")
    assert folder.name == "gone"
    with pytest.raises(InputError, match=r"plugin gone: .*module 'gone_away\.model' is not installed"):
        GENERATORS.all()


def test_a_plugin_with_a_wrong_card_is_named(site: Path) -> None:
    install(site, "odd", POINTS.format(name="odd", module="odd.model"), card="name = 3")
    with pytest.raises(InputError, match=r"plugin odd: .*card\.toml: name: "):
        GENERATORS.all()


def test_a_card_with_another_name_than_its_entry_point(site: Path) -> None:
    install(site, "two-names", POINTS.format(name="one", module="two_names.model"), card=CARD.format(name="other"))
    with pytest.raises(InputError, match="name 'other', but the entry point says 'one'"):
        GENERATORS.all()


def test_two_parts_of_one_name_are_both_named(site: Path) -> None:
    folder = install(
        site, "imposter", POINTS.format(name="dcgan", module="imposter.model"), card=CARD.format(name="dcgan")
    )
    with pytest.raises(InputError, match="two generators named 'dcgan'") as caught:
        GENERATORS.all()
    assert str(folder) in str(caught.value)
    assert "generators/dcgan" in str(caught.value)


def test_a_plugin_for_detectors_is_not_among_the_generators(site: Path) -> None:
    card = 'name = "eye"\nversion = "1"\ntitle = "x"\ntarget = "visual"\n'
    install(site, "eyes", "[fauxbench.detectors]\neye = eyes.model:System\n", card=card)
    assert "eye" in DETECTORS.all()
    assert "eye" not in GENERATORS.all()


def test_built_in_parts_load(monkeypatch: pytest.MonkeyPatch) -> None:
    for parts in (GENERATORS, DETECTORS):
        for name, part in parts.all().items():
            assert part.card.name == name == part.folder.name
            assert part.origin == "built in"
            assert (part.folder / f"{part.card.entry.partition(':')[0]}.py").is_file()
            assert len(part.code) == 64
    assert list(GENERATORS.all()) == sorted(GENERATORS.all())


def test_unknown_names_say_what_is_known() -> None:
    with pytest.raises(InputError, match=r"unknown generator 'dcgn'; did you mean 'dcgan'\?; known: .*dcgan.*file\.py"):
        GENERATORS.find("dcgn", Path())
    with pytest.raises(InputError, match="unknown detector 'cn'; did you mean 'cnn'"):
        DETECTORS.find("cn", Path())
    with pytest.raises(InputError, match=r"known: .*cnn"):
        Parts("detectors", DetectorCard).find("zzzzz", Path())


# Classes in files


def test_a_class_in_a_file(write_system: Callable[..., str], good_system: str, tmp_path: Path) -> None:
    part = GENERATORS.find("systems/good/model.py:System", tmp_path)
    assert (part.origin, part.card.name) == ("file", "good")
    assert issubclass(load_class(part.spec, fauxbench.Generator), fauxbench.Generator)
    before = part.code
    path = tmp_path / "systems" / "good" / "model.py"
    path.write_text(path.read_text() + "\n# changed\n")
    assert GENERATORS.find("systems/good/model.py:System", tmp_path).code != before


def test_a_card_beside_a_file_may_carry_its_name(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(CODE)
    (tmp_path / "one.toml").write_text(CARD.format(name="one"))
    (tmp_path / "card.toml").write_text(CARD.format(name="other"))
    assert GENERATORS.find("one.py:System", tmp_path).card.name == "one"


def test_files_that_cannot_be_used(good_system: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.py:System: no such file"):
        GENERATORS.find("gone.py:System", tmp_path)
    (tmp_path / "bare.py").write_text(CODE)
    with pytest.raises(InputError, match=r"bare\.py:System: no card; write .*bare\.toml or card\.toml"):
        GENERATORS.find("bare.py:System", tmp_path)
    file = good_system.partition(":")[0]
    with pytest.raises(InputError, match=r"no class 'Sytem' that derives from fauxbench\.Generator; found: System"):
        load_class(f"{file}:Sytem", fauxbench.Generator)
    with pytest.raises(InputError, match=r"no class 'System' that derives from fauxbench\.Detector; found: none"):
        load_class(good_system, fauxbench.Detector)
    with pytest.raises(InputError, match="no class 'np'"):
        load_class(f"{file}:np", fauxbench.Generator)


def test_a_file_that_fails_to_import_fails_the_same_way_again(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import fauxbench\nraise RuntimeError('not today')\n")
    for _ in range(2):
        with pytest.raises(RuntimeError, match="not today"):
            load_class(f"{tmp_path}/broken.py:System", fauxbench.Generator)


def test_a_file_may_import_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "my_neighbour_module.py").write_text("VALUE = 5\n")
    (tmp_path / "one.py").write_text("from my_neighbour_module import VALUE\n" + CODE)
    before = list(sys.path)
    load_class(f"{tmp_path}/one.py:System", fauxbench.Generator)
    assert sys.path == before
    del sys.modules["my_neighbour_module"]


def test_entry_points_are_read_by_the_names_that_are_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def entry_points(*, group: str) -> list[EntryPoint]:
        asked.append(group)
        return []

    monkeypatch.setattr("fauxbench.harness.registry.entry_points", entry_points)
    GENERATORS.all()
    DETECTORS.all()
    assert asked == ["fauxbench.generators", "fauxbench.detectors"]
    assert Parts("generators", GeneratorCard).all().keys() == GENERATORS.all().keys()
