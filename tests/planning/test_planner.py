import datetime
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fauxbench.harness.conditions.control import DEGRADED, degradation_of
from fauxbench.harness.errors import FauxbenchError, InputError, RefusedError, SuiteError
from fauxbench.harness.instruments import instrument_card
from fauxbench.harness.media.item import Split
from fauxbench.harness.plan import Unit, dependents
from fauxbench.harness.planning.model import RowPlan, SuitePlan
from fauxbench.harness.planning.planner import plan_suite
from fauxbench.harness.safeguards.consent import consents_file
from fauxbench.harness.stats.classification import DECIDED, METRICS
from fauxbench.harness.stats.lines import THRESHOLDS
from fauxbench.harness.store.schema import comparability_key
from fauxbench.harness.suite import Suite

STUDIO = {"dataset": "studio", "people": 12, "per_person": 5, "size": 32}
NOBODY = {"people": "none"}
MISSING = "not computed: weights of inception-2015 missing, see fauxbench doctor"


def plan(tmp_path: Path, *systems: object, sets_only: bool = False, **more: object) -> SuitePlan:
    document = {
        "suite": "s",
        "data": STUDIO,
        "generators": list(systems),
        "metrics": ["fd", "kd", "is", "ssim"],
        **more,
    }
    return plan_suite(Suite.model_validate(document), tmp_path, tmp_path / "weights", sets_only=sets_only)


def folder_data(photographs: Path, **terms: object) -> dict[str, object]:
    return {"dataset": "folder", "path": str(photographs), **({"terms": terms} if terms else {})}


def units(planned: SuitePlan) -> dict[str, str]:
    return {unit.id: unit.kind for unit in planned.plan.units}


def fingerprints(planned: SuitePlan) -> dict[str, str]:
    """Return the fingerprint of each unit, as if every output were named by its unit's fingerprint."""
    found: dict[str, str] = {}
    for unit in planned.plan.units:
        found[unit.id] = planned.plan.fingerprint(unit, found)
    return found


def test_every_system_is_made_measured_and_compared_with_the_control(tmp_path: Path) -> None:
    planned = plan(tmp_path, "dcgan", "environment")
    assert units(planned)["real"] == "render"
    assert {id_ for id_, kind in units(planned).items() if kind in {"fit", "generate"}} == {
        "fit dcgan@1 seed 0",
        "generate dcgan@1 seed 0",
        "generate environment@2 seed 0",
    }
    rows = {(row.system, row.metric, row.role) for row in planned.rows}
    assert ("real", "fd[spectrum]", "control") in rows
    assert ("dcgan@1", "fd[spectrum]", "system") in rows
    assert ("environment@2", "ssim", "system") in rows
    assert ("dcgan@1", "ssim", "system") not in rows  # made from nothing
    assert ("dcgan@1", "memorisation[thumbnail]", "system") in rows
    assert ("environment@2", "memorisation[thumbnail]", "system") not in rows
    assert [system.pairs for system in planned.systems] == [False, True]


@pytest.mark.parametrize("metrics", [[], ["fd"], ["memorisation"]])
def test_memorisation_is_always_on(metrics: list[str], tmp_path: Path) -> None:
    planned = plan(tmp_path, "dcgan", metrics=metrics)
    assert [row.metric for row in planned.rows].count("memorisation[thumbnail]") == 1


def test_every_set_metric_has_its_control(tmp_path: Path) -> None:
    planned = plan(tmp_path, "dcgan", metrics=["fd", "kd"])
    controls = {row.metric for row in planned.rows if row.role == "control"}
    realism = [row for row in planned.rows if row.section == "realism" and row.role == "system"]
    measured = {row.metric for row in realism if "memorisation" not in row.metric}
    assert controls == measured == {"fd[spectrum]", "kd[spectrum]", "fid", "kid"}
    sizes = {row.n for row in planned.rows if row.role == "control"}
    assert sizes == {plan_counts(planned)[Split.TEST]}


def plan_counts(planned: SuitePlan) -> Mapping[Split, int]:
    unit = next(unit for unit in planned.plan.units if unit.kind == "generate")
    return {Split(name): n for name, n in dict(unit.key["counts"]).items()}


def test_missing_weights_give_a_row_that_says_so_and_no_unit(tmp_path: Path) -> None:
    planned = plan(tmp_path, "dcgan")
    by_inception = [row for row in planned.rows if row.metric in {"fid", "kid", "is"}]
    assert {(row.metric, row.system) for row in by_inception} >= {
        ("fid", "real"),
        ("fid", "dcgan@1"),
        ("is", "dcgan@1"),
    }
    assert all(row.reason == MISSING and row.sources == () for row in by_inception)
    assert not any("inception" in name for name in units(planned))
    assert all(row.reason is None and row.sources for row in planned.rows if "spectrum" in row.metric)


def test_weights_that_are_there_are_used(tmp_path: Path) -> None:
    from fauxbench.harness.instruments import instrument_card, weights_path

    path = weights_path(instrument_card("inception-2015"), tmp_path / "weights")
    assert path is not None
    path.parent.mkdir()
    path.write_bytes(b"")
    planned = plan(tmp_path, "dcgan")
    assert all(row.reason is None for row in planned.rows)
    assert "extract inception-2015 of real" in units(planned)


def test_an_identical_copy_shares_the_fit_but_not_the_label(tmp_path: Path) -> None:
    copy = {"use": "dcgan", "version": "1-copy"}
    planned = plan(tmp_path, "dcgan", copy, {"use": "dcgan", "version": 2, "parameters": {"steps": 7}})
    found = fingerprints(planned)
    assert found["fit dcgan@1 seed 0"] == found["fit dcgan@1-copy seed 0"] != found["fit dcgan@2 seed 0"]
    assert found["generate dcgan@1 seed 0"] != found["generate dcgan@1-copy seed 0"]
    first, second, third = planned.systems
    assert first.digest == second.digest != third.digest
    assert [system.name for system in planned.systems] == ["dcgan@1", "dcgan@1-copy", "dcgan@2"]


def test_fingerprints_know_neither_time_nor_place(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    first = plan(tmp_path, {"use": "dcgan", "time_limit": 5})
    second = plan(tmp_path / "elsewhere", {"use": "dcgan", "time_limit": 9})
    assert fingerprints(first) == fingerprints(second)
    assert fingerprints(first) != fingerprints(plan(tmp_path, "dcgan", seed=1))


def test_each_training_seed_is_a_unit_and_all_are_one_row(tmp_path: Path) -> None:
    planned = plan(tmp_path, {"use": "dcgan", "seeds": [3, 4]}, {"use": "environment", "seeds": [3, 4]})
    assert planned.systems[0].seeds == (3, 4)
    assert planned.systems[1].seeds == (3,)  # nothing is trained
    row = next(row for row in planned.rows if row.system == "dcgan@1" and row.metric == "fd[spectrum]")
    assert [source[0] for source in row.sources] == [3, 4]


def test_counts_follow_the_real_splits_or_the_suite(tmp_path: Path) -> None:
    with_detectors = plan(tmp_path, "dcgan", detectors=["cnn"])
    assert sum(plan_counts(with_detectors).values()) == 60
    without = plan_counts(plan(tmp_path, "dcgan"))
    assert (without[Split.TRAIN], without[Split.VALIDATION]) == (0, 0)  # only detectors learn from them
    asked = plan_counts(plan(tmp_path, "dcgan", n={"train": 7, "test": 9}))
    assert (asked[Split.TRAIN], asked[Split.TEST]) == (7, 9)


def test_only_sets_are_made_when_nothing_else_is_wanted(tmp_path: Path) -> None:
    planned = plan(tmp_path, "environment", sets_only=True, detectors=["cnn"])
    assert set(units(planned).values()) == {"render", "generate"}
    assert planned.rows == ()


# Detection


def test_detectors_are_trained_on_each_fake_system_and_on_all(tmp_path: Path) -> None:
    planned = plan(tmp_path, "dcgan", {"use": "dcgan", "version": 2}, "environment", detectors=["cnn"])
    trained = {name for name, kind in units(planned).items() if kind == "train"}
    assert trained == {"train cnn on dcgan@1", "train cnn on dcgan@2", "train cnn on all"}
    alarms = {row.system for row in planned.rows if row.section == "false_alarms"}
    assert alarms == {"real", "environment@2"}
    detection = [row for row in planned.rows if row.section == "detection" and row.role == "system"]
    assert {row.metric for row in detection} == set(METRICS)
    at = {which: {r.metric for r in detection if r.slice["threshold"] == which} for which in THRESHOLDS}
    assert at == {"0.5": set(DECIDED), "validation": set(METRICS), "pooled": set(DECIDED)}
    assert all(row.optional == (row.slice.get("level") == "frame") for row in detection)
    chosen = plan(tmp_path, "dcgan", detectors=["cnn"], train_on=["dcgan@1"])
    assert {name for name, kind in units(chosen).items() if kind == "train"} == {"train cnn on dcgan@1"}


GENERATORS = ("dcgan", {"use": "dcgan", "version": 2}, {"use": "dcgan", "name": "other", "version": 1})


@pytest.mark.parametrize(
    ("train_on", "labels"),
    [
        (["leave-one-out"], {"all but dcgan": ["other@1"], "all but other": ["dcgan@1", "dcgan@2"]}),
        (
            ["all", "all but other@1"],
            {"all": ["dcgan@1", "dcgan@2", "other@1"], "all but other@1": ["dcgan@1", "dcgan@2"]},
        ),
        (
            ["all", "all but other+dcgan@2"],
            {"all": ["dcgan@1", "dcgan@2", "other@1"], "all but other+dcgan@2": ["dcgan@1"]},
        ),
        (["leave-one-out", "all but other"], {"all but dcgan": ["other@1"], "all but other": ["dcgan@1", "dcgan@2"]}),
    ],
)
def test_named_protocols(train_on: list[str], labels: dict[str, list[str]], tmp_path: Path) -> None:
    planned = plan(tmp_path, *GENERATORS, detectors=["cnn"], train_on=train_on)
    trained = {
        unit.id.removeprefix("train cnn on "): [role.partition("-")[2] for role in unit.inputs if role != "0-real"]
        for unit in planned.plan.units
        if unit.kind == "train"
    }
    assert trained == labels
    for unit in planned.plan.units:
        if unit.kind == "train":  # a system that fails takes no other with it
            fakes = frozenset(unit.inputs) - {"0-real"}
            assert unit.soft == (fakes if len(fakes) > 1 else frozenset())
    tested = {(row.slice["train"], row.system) for row in planned.rows if row.section == "detection"}
    assert tested >= {(label, name) for label in labels for name in ("dcgan@1", "dcgan@2", "other@1")}


def test_a_protocol_that_leaves_nothing_is_refused(tmp_path: Path) -> None:
    for train_on, message in {
        "leave-one-out": "leave-one-out needs two generators",
        "all but dcgan": "'all but dcgan' leaves nothing to train on",
        "all but dcgn": "'all but dcgn' leaves nothing out; did you mean 'dcgan'",
        "all but dcgan+gon": "'all but gon' leaves nothing out",
    }.items():
        with pytest.raises(SuiteError, match=message):
            plan(tmp_path, "dcgan", detectors=["cnn"], train_on=[train_on])


def test_a_broken_system_spoils_neither_thresholds_nor_groups(tmp_path: Path) -> None:
    planned = plan(tmp_path, *GENERATORS, detectors=["cnn"], train_on=["dcgan@1"])
    lost = dependents(planned.plan.units, "generate other@1 seed 0")
    assert "detect other@1 by cnn on dcgan@1" in lost
    assert not lost & {
        "threshold cnn on dcgan@1",
        "evaluate dcgan@2 by cnn on dcgan@1",
        "evaluate groups by cnn on dcgan@1",
    }
    assert "threshold cnn on dcgan@1" in dependents(planned.plan.units, "generate dcgan@1 seed 0")


def test_a_file_of_scores_is_a_detector(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("item,score\n")
    spec = {"scores": "mine.csv", "name": "mine"}
    planned = plan(tmp_path, "dcgan", "environment", detectors=["cnn", spec])
    assert {u.id for u in planned.plan.units if u.kind == "import_scores"} == {
        f"import {name} by mine on elsewhere" for name in ("real", "dcgan@1", "environment@2")
    }
    rows = [row for row in planned.rows if row.slice.get("detector") == "mine"]
    assert {row.detector_unit for row in rows} == {None}
    for wrong, message in (
        ({**spec, "scores": "gone.csv"}, "is no file"),
        ({**spec, "name": "cnn"}, "'cnn' is given twice"),
        ({"scores": "mine.csv"}, "needs a name"),
        ({**spec, "use": "cnn"}, "takes no `use`"),
    ):
        with pytest.raises((SuiteError, ValueError), match=message):
            plan(tmp_path, "dcgan", detectors=["cnn", wrong])


# What the suite names and is not there


def outputs(tmp_path: Path, count: int = 6) -> Path:
    folder = tmp_path / "outputs"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(count):
        Image.fromarray(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(folder / f"{number}.png")
    return folder


FOLDER = {"use": "folder", "name": "mine", "version": 1, "kind": "fully_synthetic", "path": "outputs"}
WRONG: dict[str, tuple[dict[str, object], type[Exception], str]] = {
    "generator": (
        {"generators": ["dcgn"]},
        SuiteError,
        r"generators\.0: unknown generator 'dcgn'; did you mean 'dcgan'",
    ),
    "second generator": ({"generators": ["dcgan", "enviroment"]}, SuiteError, r"generators\.1: .*mean 'environment'"),
    "file": ({"generators": ["gone.py:System"]}, SuiteError, r"generators\.0: gone\.py:System: no such file"),
    "detector": ({"detectors": ["cnm"]}, SuiteError, r"detectors\.0: unknown detector 'cnm'; did you mean 'cnn'"),
    "detector twice": ({"detectors": ["cnn", "cnn"]}, SuiteError, r"detectors\.1: 'cnn' is given twice|detectors\.0"),
    "metric": ({"metrics": ["fd", "ks"]}, SuiteError, r"metrics\.1: no metric 'ks'; .*there are: fd"),
    "metric by its shown name": ({"metrics": ["fid"]}, SuiteError, r"metrics\.0: no metric 'fid'; it is 'fd' through"),
    "instrument": ({"instruments": ["spectra"]}, SuiteError, r"instruments\.0: no instrument 'spectra'; did you mean"),
    "train_on": ({"detectors": ["cnn"], "train_on": ["dcgan"]}, SuiteError, r"train_on\.0: no fake system 'dcgan'"),
    "train_on a real one": (
        {"generators": ["dcgan", "environment"], "detectors": ["cnn"], "train_on": ["environment@2"]},
        SuiteError,
        r"train_on\.0: no fake system 'environment@2'.*there are: dcgan@1",
    ),
    "parameter": (
        {"generators": [{"use": "dcgan", "parameters": {"step": 5}}]},
        SuiteError,
        r"generators\.0: dcgan has no parameter 'step'; did you mean 'steps'",
    ),
    "value": (
        {"generators": [{"use": "dcgan", "parameters": {"steps": "many"}}]},
        SuiteError,
        r"generators\.0: dcgan\.steps: found 'many', expected int",
    ),
    "infinite value": (
        {"detectors": [{"use": "cnn", "parameters": {"learning_rate": float("inf")}}]},
        SuiteError,
        r"detectors\.0: cnn",
    ),
    "system twice": ({"generators": ["dcgan", "dcgan"]}, SuiteError, r"generators\.1: 'dcgan@1' is given twice"),
    "data": (
        {"data": {"dataset": "folder", "path": "gone"}},
        SuiteError,
        r"data\.path: expected a folder at .*gone, fou",
    ),
    "data that is a file": (
        {"data": {"dataset": "folder", "path": "a.txt"}},
        SuiteError,
        r"data\.path: .*found a file",
    ),
    "outputs": ({"generators": [{**FOLDER, "path": "gone"}]}, SuiteError, r"generators: 'mine': path: .*nothing there"),
    "manifest": (
        {"generators": [{**FOLDER, "manifest": "gone.csv"}]},
        SuiteError,
        r"generators\.0: manifest .*gone\.csv",
    ),
    "empty data": ({"data": {"dataset": "folder", "path": "empty"}}, InputError, "empty: no pictures, clips or sounds"),
    "too few people": (
        {"data": {"dataset": "folder", "path": "outputs", "splits": {"train": 0.5, "validation": 0.2, "test": 0.3}}},
        InputError,
        "2 identities cannot be split",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_there_is_said_with_its_key(case: str, tmp_path: Path) -> None:
    more, kind, words = WRONG[case]
    outputs(tmp_path, count=2)
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.txt").write_text("x")
    before = sorted(tmp_path.rglob("*"))
    document = {"generators": ["dcgan"], **more}
    systems = document.pop("generators")
    with pytest.raises(kind, match=words):
        plan(tmp_path, *systems, **document)  # type: ignore[misc]
    assert sorted(tmp_path.rglob("*")) == before  # planning writes nothing


# Folders of finished outputs


def test_a_folder_is_a_system_that_is_cut_to_n(photographs: Path, tmp_path: Path) -> None:
    outputs(tmp_path, 40)
    planned = plan(tmp_path, FOLDER, data=folder_data(photographs), n={"test": 11})
    unit = planned.plan.unit("collect mine@1")
    assert dict(unit.key["counts"])["test"] == 11
    assert (planned.systems[0].pairs, planned.systems[0].trains) == (False, False)
    again = plan(tmp_path, FOLDER, data=folder_data(photographs), n={"test": 12})
    assert fingerprints(again)["collect mine@1"] != fingerprints(planned)["collect mine@1"]


def test_a_folder_pairs_by_name_or_by_manifest(photographs: Path, tmp_path: Path) -> None:
    folder = outputs(tmp_path)
    (tmp_path / "m.csv").write_text("file,target,split\n0.png,p00/0.png,train\n1.png,p01/0.png,test\n")
    planned = plan(tmp_path, {**FOLDER, "manifest": "m.csv"}, data=folder_data(photographs))
    assert (planned.systems[0].pairs, planned.systems[0].trains) == (True, True)
    assert "ssim" in {row.metric for row in planned.rows if row.system == "mine@1"}
    (folder / "p00").mkdir()
    (folder / "p00" / "0.jpg").write_bytes((folder / "0.png").read_bytes())
    assert plan(tmp_path, FOLDER, data=folder_data(photographs)).systems[0].pairs


def test_a_link_to_nothing_does_not_stop_the_plan(photographs: Path, tmp_path: Path) -> None:
    (photographs / "p00" / "gone.png").symlink_to("nothing")
    (outputs(tmp_path) / "gone.png").symlink_to("nothing")
    assert "collect mine@1" in units(plan(tmp_path, FOLDER, data=folder_data(photographs)))


def test_changed_files_change_the_plan(photographs: Path, tmp_path: Path) -> None:
    folder = outputs(tmp_path)
    first = fingerprints(plan(tmp_path, FOLDER, data=folder_data(photographs)))
    Image.new("RGB", (9, 9)).save(folder / "0.png")
    second = fingerprints(plan(tmp_path, FOLDER, data=folder_data(photographs)))
    assert first["collect mine@1"] != second["collect mine@1"]
    assert first["real"] == second["real"]
    Image.new("RGB", (9, 9)).save(photographs / "p00" / "0.png")
    assert fingerprints(plan(tmp_path, FOLDER, data=folder_data(photographs)))["real"] != first["real"]


# Terms and consent


@pytest.mark.parametrize(("use", "permit"), [("dcgan", "train"), ("environment", "edit")])
def test_real_people_need_terms(use: str, permit: str, photographs: Path, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=f"permit '{permit}'"):
        plan(tmp_path, use, data=folder_data(photographs))
    with pytest.raises(RefusedError, match=f"permit '{permit}'"):
        plan(tmp_path, use, data=folder_data(photographs, permits=["evaluate", "publish", "manipulate"], grant="me"))
    assert plan(tmp_path, use, data=folder_data(photographs, permits=["evaluate", permit], grant="me")).systems
    assert plan(tmp_path, use, data=folder_data(photographs, people="none")).systems
    assert plan(tmp_path, use).systems  # rendered


def test_detectors_learn_from_real_people_by_terms_and_consents(
    good_system: str, photographs: Path, tmp_path: Path
) -> None:
    def train(**terms: object) -> Unit:
        given = folder_data(photographs, **terms)
        units = plan(tmp_path, good_system, data=given, detectors=["spectrum"]).plan.units
        return next(unit for unit in units if unit.kind == "train")

    with pytest.raises(RefusedError, match=r"training 'spectrum' on real people: .* permit 'train'"):
        train()
    allowed = {"permits": ["evaluate", "train"], "grant": "me"}
    without = train(**allowed)
    assert without.key == train(people="none").key
    consent(consents_file(), purposes=["train"])
    assert train(**allowed).key != without.key
    assert train(people="none").key == without.key


@pytest.fixture
def swap(write_system: Callable[..., str]) -> str:
    body = "def generate(self, requests, context):\n    yield from ()"
    return write_system("swap", body, kind="partially_synthetic", uses='["target"]')


def consent(path: Path, **changes: object) -> None:
    today = datetime.datetime.now(tz=datetime.UTC).date()
    record = {
        "person": "p00",
        "techniques": ["test"],
        "purposes": ["benchmark"],
        "granted": "2020-01-01",
        "expires": str(today + datetime.timedelta(days=9)),
        "form": "0" * 64,
    }
    path.write_text(json.dumps({**record, **changes}) + "\n")


def test_consent_and_terms_are_part_of_what_is_generated(swap: str, photographs: Path, tmp_path: Path) -> None:
    def generated(data: object) -> str:
        return fingerprints(plan(tmp_path, swap, data=data))["generate swap@1 seed 0"]

    real = folder_data(photographs)
    nobody = generated(folder_data(photographs, people="none"))
    without = generated(real)
    assert nobody != without
    consent(tmp_path / "consents.jsonl")
    granted = generated(real)
    assert granted != without
    consent(tmp_path / "consents.jsonl", expires="2021-01-01")
    assert generated(real) == without
    consent(tmp_path / "consents.jsonl", revoked="2021-01-01")
    assert generated(real) == without
    assert generated(folder_data(photographs, people="none")) == nobody
    (tmp_path / "consents.jsonl").write_text("hello")
    with pytest.raises(FauxbenchError, match="line 1: not a consent record"):
        generated(real)


def test_what_suites_cannot_give_is_said(write_system: Callable[..., str], tmp_path: Path) -> None:
    use = write_system("voice", "def generate(self, requests, context):\n    yield from ()", uses='["text", "audio"]')
    with pytest.raises(SuiteError, match="'voice' is given speech, and the real set holds pictures"):
        plan(tmp_path, use)


def row_of(planned: SuitePlan, system: str, metric: str) -> RowPlan:
    (row,) = (row for row in planned.rows if (row.system, row.metric) == (system, metric))
    return row


def test_the_degraded_control_is_in_every_suite_with_the_key_of_the_control(tmp_path: Path) -> None:
    planned = plan(tmp_path, "dcgan", "environment")
    for metric in ("fd[spectrum]", "kd[spectrum]"):
        control, degraded = row_of(planned, "real", metric), row_of(planned, DEGRADED, metric)
        assert degraded.role == "control"
        assert (degraded.protocol, degraded.n) == (control.protocol, control.n)
    assert not any(row.system == DEGRADED and row.metric == "fid" for row in planned.rows)  # weights missing: said once
    extract = planned.plan.unit("extract spectrum of real degraded")
    assert extract.key["splits"] == ["train", "validation"]
    assert extract.key["n"] == row_of(planned, "real", "fd[spectrum]").n


def test_positions_are_made_of_the_rows_own_units_where_n_is_equal(tmp_path: Path) -> None:
    planned = plan(tmp_path, {"use": "dcgan", "seeds": [3, 4]})
    row = row_of(planned, "dcgan@1", "fd[spectrum]")
    assert row.compared is not None
    assert row.compared.systems == tuple(unit for _, unit, _ in row.sources)
    assert row.compared.control == row_of(planned, "real", "fd[spectrum]").sources[0][1]
    assert row.compared.degraded == row_of(planned, DEGRADED, "fd[spectrum]").sources[0][1]
    assert row_of(planned, "dcgan@1", "memorisation[thumbnail]").compared is None
    assert not any(" at " in name for name in units(planned))


@pytest.mark.parametrize(
    ("asked", "shares", "n", "again"),
    [
        (9, None, 9, {"real", "real-degraded", "dcgan@1"}),  # fewer than the reference: all three again, cut to 9
        (30, {"train": 0.25, "validation": 0, "test": 0.75}, 15, {"real", "real-degraded", "dcgan@1"}),
        (30, {"train": 0.5, "validation": 0, "test": 0.5}, 30, set()),
        (70, {"train": 0.5, "validation": 0, "test": 0.5}, 30, {"dcgan@1"}),
        (30, {"train": 0, "validation": 0, "test": 1}, 30, {"dcgan@1"}),  # half against half
    ],
)
def test_elsewhere_all_are_measured_again_at_one_n(
    asked: int, shares: dict[str, float] | None, n: int, again: set[str], tmp_path: Path
) -> None:
    data = {**STUDIO, **({"splits": shares} if shares else {})}
    folder = tmp_path / "made"
    folder.mkdir()
    Image.fromarray(np.zeros((32, 32, 3), dtype=np.uint8)).save(folder / "0.png")
    system = {"use": "folder", "name": "dcgan", "version": 1, "kind": "fully_synthetic", "path": "made"}
    row = row_of(plan(tmp_path, system, data=data, n={"test": asked}), "dcgan@1", "fd[spectrum]")
    planned = plan(tmp_path, system, data=data, n={"test": asked})
    assert row.compared is not None
    assert row.compared.n == n
    named = {"real": row.compared.control, DEGRADED: row.compared.degraded, "dcgan@1": row.compared.systems[0]}
    assert {name for name, unit in named.items() if unit.endswith(f" at {n}")} == again
    keys = [planned.plan.unit(unit).key for unit in named.values()]
    assert {key.get("n", asked) for key in keys} == {n}
    assert len({key["held_out"] for key in keys if "held_out" in key}) == 1


DEGRADATIONS = {
    "spectrum": "down by 1.5, JPEG 85, up again",
    "clip-spectrum": "down by 1.5, JPEG 85, up again",
    "sound-spectrum": "pink noise at 20 dB",
    "studio-voice": "pink noise at 20 dB",
    "studio-sync": "sound 200 ms late",
    "mouth-pixels": "sound 200 ms late",
}


def test_what_an_instrument_reads_decides_how_real_items_are_degraded() -> None:
    said = {name: degradation_of(instrument_card(name)).said for name in DEGRADATIONS}
    assert said == DEGRADATIONS


def test_the_suite_s_protocol_is_in_the_key_and_its_defaults_are_not(tmp_path: Path) -> None:
    protocols = {}
    for name, more in {
        "none": {},
        "default": {"resize": "clean", "precision": "fp32"},
        "tf1": {"resize": "tf1"},
    }.items():
        row = row_of(plan(tmp_path, "dcgan", **more), "dcgan@1", "fid")
        protocols[name] = comparability_key(dict(row.protocol))
    assert protocols["none"] == protocols["default"] != protocols["tf1"]
    assert row.protocol["options"] == {"resize": "tf1"}
    assert "options" not in row_of(plan(tmp_path, "dcgan", resize="tf1"), "dcgan@1", "fd[spectrum]").protocol
    with pytest.raises(SuiteError, match="no option 'resize'; spectrum have: none"):
        plan(tmp_path, "dcgan", resize="tf1", instruments=["spectrum"], metrics=["fd"])
