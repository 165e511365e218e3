from pathlib import Path

import pytest

import fauxbench
from fauxbench.harness.datasets.studio import StudioRecipe
from fauxbench.harness.datasets.studio_set import TERMS, StudioFolder, write_studio
from fauxbench.harness.errors import RefusedError
from fauxbench.harness.execute.display import Display
from fauxbench.harness.generate_source import read_source, trained
from fauxbench.harness.media.item import Split
from fauxbench.harness.media.mediaset import MediaSet, MediaSetWriter, Terms
from fauxbench.harness.plan import Unit
from fauxbench.harness.registry import GENERATORS
from tests.sealed import in_splits, seal


class Watched(Display):
    def __init__(self) -> None:
        self.units: list[str] = []

    def started(self, unit: Unit) -> None:
        self.units.append(unit.id)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("studio") / "set"
    recipe = StudioRecipe(people=4, per_person=2, size=32, seed=3)
    writer = MediaSetWriter(folder, name="studio", origin="studio", terms=TERMS)
    write_studio(writer, StudioFolder(pictures=recipe), shares={"train": 0.5, "validation": 0.25, "test": 0.25})
    return folder


def test_a_rendered_set_brings_its_terms_and_people_along(rendered: Path, tmp_path: Path) -> None:
    found, media = read_source(str(rendered), None), MediaSet.open(rendered)
    assert (found.place, found.population, found.terms) == (str(rendered), 3, media.card.terms)
    assert found.splits == {split: len(media.select(split)) for split in Split}
    assert read_source(str(in_splits(tmp_path / "none", splits=False)), None).splits is None
    own = Terms(people="none")
    assert read_source(str(tmp_path), own) == (str(tmp_path), own, None, None)
    with pytest.raises(fauxbench.InputError, match=r"terms of its own .*: leave out"):
        read_source(str(rendered), own)
    with pytest.raises(RefusedError, match="do not permit 'evaluate'"):
        read_source(str(seal(tmp_path / "own", Terms(permits=("train",), grant="x"))), None)


def test_what_comes_trained_is_not_trained_for_rendered_people(rendered: Path, tmp_path: Path) -> None:
    watched = Watched()
    made = fauxbench.generate("vae", n=2, out=tmp_path / "out", source=str(rendered), size=32, display=watched)
    assert len(made) == 2
    assert not [name for name in watched.units if name.startswith("fit")]


def test_when_weights_that_come_with_a_generator_serve(rendered: Path, tmp_path: Path) -> None:
    part = GENERATORS.find("vae", tmp_path)
    studio, other = read_source(str(rendered), None), read_source(str(tmp_path), None)
    shipped = trained(part, "shipped", {}, other, refit=False)
    assert shipped.weights == part.folder / "weights"
    assert shipped.parameters == part.card.recipe.parameters  # type: ignore[union-attr]
    assert trained(part, None, {"temperature": 0.5}, studio, refit=False).weights is not None
    for parameters, refit in (({"width": 8}, False), ({}, True)):
        assert trained(part, None, parameters, studio, refit=refit) == (None, parameters)
    assert trained(part, None, {}, other, refit=False).weights is None  # a folder of others is learnt from
    assert trained(part, None, {}, studio._replace(population=7001), refit=False).weights is None  # it saw them
    with pytest.raises(fauxbench.InputError, match="no weights come with 'environment'"):
        trained(GENERATORS.find("environment", tmp_path), "shipped", {}, studio, refit=False)
