import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fauxbench
from fauxbench.harness.errors import FauxbenchError, InputError
from fauxbench.harness.fit import Order, fit
from fauxbench.harness.media.item import Kind, Split
from fauxbench.harness.media.mediaset import MediaSet
from tests.sealed import in_splits

SAYS = """
def generate(self, requests, context):
    for request in requests:
        told = [i.record() for i in (request.target, *request.references) if i]
        yield Artifact(request_id=request.id, media=ImageMedia(pixels=picture(request.seed)), facts={"told": told})
"""
LEARNS = """
def fit(self, task, context):
    self.seen = sorted(item.id for item in task.train)

def save(self, folder):
    from safetensors.numpy import save_file
    save_file({"n": np.array([len(self.seen)])}, folder / "weights.safetensors")
    (folder / "config.json").write_text(__import__("json").dumps(self.seen))

def load(self, folder):
    self.seen = __import__("json").loads((folder / "config.json").read_text())

def generate(self, requests, context):
    for request in requests:
        yield Artifact(
            request_id=request.id, media=ImageMedia(pixels=picture(request.seed)), facts={"seen": self.seen}
        )
"""


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    return in_splits(tmp_path / "sealed")


def ids(media: MediaSet, split: Split) -> list[str]:
    return sorted(item.id for item in media.select(split))


def test_whom_a_swap_is_made_of_are_people_of_the_test_split(
    write_system: Callable[..., str], sealed: Path, tmp_path: Path
) -> None:
    swap = write_system("swap", SAYS, kind="partially_synthetic", uses='["target", "references"]')
    made = fauxbench.generate(swap, n=4, out=tmp_path / "out", source=str(sealed))
    real = {item.id: item for item in MediaSet.open(sealed)}
    assert len(made) == 4
    assert {item.split for item in made} == {Split.TEST}
    for item in made:
        told = [dict(one) for one in item.facts["told"]]
        assert [one["id"] for one in told] == list(item.sources)
        for one in told:
            assert real[one["id"]].split is Split.TEST
            kept = ("language", "clusters", "facts", "group", "content", "kind")
            assert [one[name] for name in kept] == [real[one["id"]].record()[name] for name in kept]
        assert item.language == real[item.sources[0]].language
        assert item.clusters["identity"] == real[item.sources[0]].cluster
    rows = [json.loads(line) for line in (tmp_path / "out" / "provenance.jsonl").read_text().splitlines()]
    assert {source for row in rows for source in row["parents"]} == {s for item in made for s in item.sources}
    assert made.card.terms == MediaSet.open(sealed).card.terms
    assert all(row["synthetic"] and row["marks"]["watermark"] for row in rows)


def test_what_a_sealed_set_says_is_said(write_system: Callable[..., str], sealed: Path, tmp_path: Path) -> None:
    talk = write_system("talk", SAYS, uses='["text"]')
    made = fauxbench.generate(talk, n=4, out=tmp_path / "out", source=str(sealed))
    tests = MediaSet.open(sealed).select(Split.TEST)
    assert [item.facts["text"] for item in made] == [item.facts["transcript"] for item in tests]
    assert Counter(item.language for item in made) == {"en": 2, "cmn": 2}


def test_only_the_train_split_is_learnt_from(write_system: Callable[..., str], sealed: Path, tmp_path: Path) -> None:
    use = write_system("learns", LEARNS, fits=True)
    train = ids(MediaSet.open(sealed), Split.TRAIN)
    made = fauxbench.generate(use, n=2, out=tmp_path / "out", source=str(sealed))
    assert [item.facts["seen"] for item in made] == [train, train]
    trained = fit(Order(use=use, source=str(sealed)), out=tmp_path / "fit")
    assert json.loads((trained / "weights" / "config.json").read_text()) == train


def test_a_split_that_is_needed_and_empty_is_an_error(
    write_system: Callable[..., str], good_system: str, sealed: Path, tmp_path: Path
) -> None:
    made = tmp_path / "made"
    fauxbench.generate(good_system, n=3, out=made, source=str(sealed))
    learner = write_system("learns", LEARNS, fits=True)
    words = r"made: no item in its train split, which '.*' learns from \(it holds test 3\)"
    with pytest.raises(InputError, match=words):
        fauxbench.generate(learner, n=2, out=tmp_path / "out", source=str(made))
    with pytest.raises(InputError, match=words):
        fit(Order(use=learner, source=str(made)), out=tmp_path / "fit")
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "fit").exists()


def test_a_changed_file_of_a_sealed_set_is_named(
    write_system: Callable[..., str], sealed: Path, tmp_path: Path
) -> None:
    talk = write_system("talk", SAYS, uses='["text"]')
    fauxbench.generate(talk, n=1, out=tmp_path / "before", source=str(sealed))
    place = Path(str(MediaSet.open(sealed).select(Split.TEST)[0].location))
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(place)
    with pytest.raises(FauxbenchError, match=f"{place.name}: changed since its set was sealed"):
        fauxbench.generate(talk, n=1, out=tmp_path / "out", source=str(sealed))


def test_files_of_a_set_are_no_folder_of_somebodys(
    write_system: Callable[..., str], sealed: Path, tmp_path: Path
) -> None:
    edit = write_system("edit", SAYS, kind="augmented_real", uses='["target"]')
    with pytest.raises(InputError, match=rf"has files of {sealed}, .*: give {sealed} itself") as caught:
        fauxbench.generate(edit, n=2, out=tmp_path / "out", source=str(sealed / "media"))
    assert "leave out" not in str(caught.value)


def test_labels_stay_as_they_are(write_system: Callable[..., str], tmp_path: Path) -> None:
    fakes = in_splits(tmp_path / "fakes", kind=Kind.FULLY_SYNTHETIC)
    swap = write_system("swap", SAYS, kind="partially_synthetic", uses='["target"]')
    made = fauxbench.generate(swap, n=2, out=tmp_path / "out", source=str(fakes))
    assert {one["kind"] for item in made for one in item.facts["told"]} == {"fully_synthetic"}
