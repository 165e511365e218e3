from pathlib import Path

import pytest
from pydantic import ValidationError

import fauxbench
from fauxbench.harness.datasets.fixture import write_fixture
from fauxbench.harness.errors import InputError, RefusedError, SuiteError
from fauxbench.harness.media.item import Split
from fauxbench.harness.media.mediaset import MediaSet
from fauxbench.harness.planning.model import SuitePlan
from fauxbench.harness.planning.planner import plan_suite
from fauxbench.harness.store.store import Store
from fauxbench.harness.suite import Suite


def suite(name: str, path: Path, *, data: dict[str, object] | None = None, **more: object) -> Suite:
    document = {"suite": "s", "data": {"dataset": name, "path": str(path), **(data or {})}, "metrics": [], **more}
    return Suite.model_validate({"instruments": [], **document})


def plan(asked: Suite, tmp_path: Path) -> SuitePlan:
    return plan_suite(asked, tmp_path, tmp_path / "weights", sets_only=True)


@pytest.fixture(scope="module")
def forensics(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sets") / "ff"
    write_fixture("faceforensics", root)
    return root


def test_each_group_of_fakes_is_a_system(forensics: Path, tmp_path: Path) -> None:
    planned = plan(suite("faceforensics", forensics), tmp_path)
    names = {system.name: system.card.technique for system in planned.systems}
    assert names["neuraltextures@faceforensics"] == "reenactment"
    assert len(names) == 6
    assert {unit.id for unit in planned.plan.units} == {"real", *(f"index {name}" for name in names)}
    assert all(system.is_fake and not system.pairs for system in planned.systems)
    learned = {system.name for system in planned.systems if system.trains}
    assert set(names) - learned == {"deepfakedetection@faceforensics"}  # no fake of it is in the validation split
    chosen = plan(suite("faceforensics", forensics, data={"manipulations": ["FaceSwap"]}), tmp_path)
    assert [system.name for system in chosen.systems] == ["faceswap@faceforensics"]


def test_what_is_chosen_is_part_of_the_identity_and_the_place_is_not(forensics: Path, tmp_path: Path) -> None:
    def fingerprint(**data: object) -> str:
        planned = plan(suite("faceforensics", forensics, data=data), tmp_path)
        return planned.plan.fingerprint(planned.plan.units[0], {})

    assert fingerprint() == fingerprint()
    assert fingerprint(compression="c23") != fingerprint()


def test_wrong_choices_are_named(forensics: Path, tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="no 'deepfake' in this copy of faceforensics; did you mean 'deepfakes'"):
        plan(suite("faceforensics", forensics, data={"manipulations": ["deepfake"]}), tmp_path)
    with pytest.raises(InputError, match=r"nothing of 'faceforensics' \(FaceForensics\+\+, compression c40\)"):
        plan(suite("faceforensics", forensics, data={"compression": "c40"}), tmp_path)
    write_fixture("voxceleb1", tmp_path / "vox")
    with pytest.raises(SuiteError, match="generators: expected at least one entry; voxceleb1"):
        plan(suite("voxceleb1", tmp_path / "vox"), tmp_path)
    for data in ({"media": "wav"}, {"splits": {"train": 1, "validation": 0, "test": 0}}, {"people": 5}, {"size": 64}):
        with pytest.raises(ValidationError, match="takes no"):
            suite("faceforensics", forensics, data=data)
    with pytest.raises(ValidationError, match="takes no terms"):
        suite("faceforensics", forensics, data={"terms": {"people": "none"}})
    with pytest.raises(ValidationError, match="expected at least one entry; dataset 'folder'"):
        suite("folder", forensics)


def test_two_compressions_ask_for_a_choice(tmp_path: Path) -> None:
    root = tmp_path / "ff"
    write_fixture("faceforensics", root)
    (root / "original_sequences/youtube/c40/videos").mkdir(parents=True)
    (root / "original_sequences/youtube/c40/videos/000.mp4").write_bytes(b"x")
    with pytest.raises(RefusedError):  # no fixture any more
        plan(suite("faceforensics", root), tmp_path)
    accept("faceforensics")
    with pytest.raises(SuiteError, match="this copy has c23, c40; choose one"):
        plan(suite("faceforensics", root), tmp_path)
    assert plan(suite("faceforensics", root, data={"compression": "c23"}), tmp_path).systems


def accept(name: str) -> None:
    import datetime

    from fauxbench.harness.safeguards.terms import TermsRecord, record_terms, terms_file

    today = datetime.datetime.now(tz=datetime.UTC).date()
    record_terms(terms_file(), TermsRecord(dataset=name, grant="a form", purposes=("evaluate",), accepted=today))


def test_a_run_reads_the_sets_into_the_store_and_measures_them(tmp_path: Path) -> None:
    root = tmp_path / "dfb ü"
    write_fixture("deepfakebench", root)
    asked = suite(
        "deepfakebench",
        root,
        data={"list_name": "FaceForensics++"},
        metrics=["fd"],
        instruments=["spectrum"],
    )
    done = fauxbench.run(asked, runs=tmp_path / "runs", store=tmp_path / "store", workers=1)
    rows = {row.system: row for row in done.results.rows if row.metric == "fd[spectrum]" and row.role == "system"}
    row = rows["ff-df@deepfakebench"]
    assert (row.value is not None, row.n, row.expected) == (True, 4, 4)
    assert done.results.reference["terms"]["people"] == "rendered"
    assert done.results.reference["dataset"] == "deepfakebench"
    sets = [MediaSet.open(path.parent) for path in Store(tmp_path / "store").root.rglob("set/card.json")]
    origins = {one.card.name: one.asked()[Split.TEST] for one in sets if one.card.origin == "deepfakebench"}
    assert origins == {"deepfakebench": 4, "ff-df@deepfakebench": 4}
