import json
from collections.abc import Callable
from pathlib import Path

import pytest

import fauxbench
from fauxbench.harness import generate as generate_module
from fauxbench.harness.errors import FauxbenchError, RefusedError
from fauxbench.harness.generate import data_for
from fauxbench.harness.media.mediaset import MediaSet, Terms

NOBODY = Terms(people="none")


def test_a_set_is_made_marked_and_sealed(good_system: str, photographs: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "set"
    made = fauxbench.generate(good_system, n=3, out=out, source=str(photographs), terms=NOBODY, version="7")
    assert (made.folder, len(made), made.card.origin) == (out, 3, "good@7")
    assert MediaSet.open(out).digest == made.digest
    assert all(item.location and item.location.is_relative_to(out) and item.group == "good@7" for item in made)
    rows = [json.loads(line) for line in (out / "provenance.jsonl").read_text().splitlines()]
    assert {row["file"] for row in rows} == {item.path for item in made}
    assert {row["made_by"] for row in rows} == {made.card.facts["made_by"]}
    assert not list(tmp_path.glob("new/.*"))
    with pytest.raises(fauxbench.InputError, match="not empty"):
        fauxbench.generate(good_system, n=3, out=out, source=str(photographs), terms=NOBODY)

    again = fauxbench.generate(good_system, n=3, out=tmp_path / "b", source=str(photographs), terms=NOBODY, version="7")
    assert again.digest == made.digest
    one = fauxbench.generate(good_system, n=1, out=tmp_path / "c", source=str(photographs), terms=NOBODY)
    assert len(one) == 1
    masters = [json.loads((tmp_path / n / "provenance.jsonl").read_text().splitlines()[0])["master"] for n in "bc"]
    assert masters[0] == masters[1]  # an item depends on its request alone


def test_a_set_that_could_not_be_written_is_made_again(
    good_system: str, photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(generate_module, "release", killed)
    with pytest.raises(KeyboardInterrupt):
        fauxbench.generate(good_system, n=2, out=tmp_path / "out", source=str(photographs), terms=NOBODY)
    assert not (tmp_path / "out").exists()
    monkeypatch.undo()
    monkeypatch.setenv("FAUXBENCH_STORE", str(tmp_path / "store"))
    assert len(fauxbench.generate(good_system, n=2, out=tmp_path / "out", source=str(photographs), terms=NOBODY)) == 2


def test_some_failures_are_kept_and_only_failures_are_an_error(
    write_system: Callable[..., str], photographs: Path, tmp_path: Path
) -> None:
    half = write_system(
        "half",
        """
        def generate(self, requests, context):
            for place, request in enumerate(requests):
                if place % 2:
                    yield Failure(request_id=request.id, kind="error", message="odd")
                else:
                    yield Artifact(request_id=request.id, media=ImageMedia(pixels=picture(request.seed)))
        """,
    )
    made = fauxbench.generate(half, n=4, out=tmp_path / "a", source=str(photographs), terms=NOBODY)
    assert (len(made), len(made.missed), made.card.expected) == (2, 2, 4)
    assert len((tmp_path / "a" / "failures.jsonl").read_text().splitlines()) == 2

    none = write_system("none", "def generate(self, requests, context):\n    raise RuntimeError('out of luck')")
    with pytest.raises(FauxbenchError, match=r"nothing was made: 2 failures, the first: .*out of luck"):
        fauxbench.generate(none, n=2, out=tmp_path / "b", source=str(photographs), terms=NOBODY)
    assert not (tmp_path / "b").exists()


def test_real_people_without_consent_are_refused_one_by_one(
    write_system: Callable[..., str], photographs: Path, tmp_path: Path
) -> None:
    swap = write_system(
        "swap",
        """
        def generate(self, requests, context):
            for request in requests:
                yield Artifact(request_id=request.id, media=ImageMedia(pixels=picture(request.seed)))
        """,
        kind="partially_synthetic",
        uses='["target"]',
    )
    n = len(list(photographs.glob("*/*.png")))  # each picture once
    with pytest.raises(FauxbenchError, match=f"{n} failures, the first: no consent record in force of 'p"):
        fauxbench.generate(swap, n=n, out=tmp_path / "a", source=str(photographs))
    record = {"person": "p00", "techniques": ["test"], "purposes": ["evaluate"], "form": "0" * 64}
    record |= {"granted": "2020-01-01", "expires": "2999-01-01"}
    (tmp_path / "consents.jsonl").write_text(json.dumps(record) + "\n")
    made = fauxbench.generate(swap, n=n, out=tmp_path / "a", source=str(photographs))
    assert {item.cluster for item in made} == {"p00"}
    assert len(made) == len(list((photographs / "p00").iterdir()))
    assert {m.failure.kind for m in made.missed} == {"refused"}


def test_what_is_refused_before_anything_runs(good_system: str, photographs: Path, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="permit 'edit'"):
        fauxbench.generate("environment", n=2, out=tmp_path / "a", source=str(photographs))
    for wrong in ({"n": 0}, {"n": -5}, {"n": 2, "seed": -1}, {"n": 2, "version": "a b"}, {"n": 2, "size": 3}):
        with pytest.raises(fauxbench.InputError):
            fauxbench.generate(good_system, out=tmp_path / "a", source=str(photographs), terms=NOBODY, **wrong)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photographs", "systems"]


def test_the_data_that_one_generator_needs(photographs: Path) -> None:
    def shares(*, fits: bool, uses_target: bool) -> tuple[float, float, float]:
        splits = data_for("studio", fits=fits, uses_target=uses_target, size=None, terms=None).splits
        return splits.train, splits.validation, splits.test

    assert shares(fits=True, uses_target=False) == (1, 0, 0)
    assert shares(fits=False, uses_target=True) == (0, 0, 1)
    assert shares(fits=True, uses_target=True) == (0.5, 0, 0.5)  # never what it learned from
    data = data_for(str(photographs), fits=False, uses_target=True, size=16, terms=None)
    assert (data.dataset, data.path, data.size, data.terms) == ("folder", photographs, 16, None)
