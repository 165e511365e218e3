from pathlib import Path

import pytest

from fauxbench.harness.plan import Plan, Unit, dependents, numeric_class
from fauxbench.harness.store.store import Store


def unit(name: str, kind: str = "fit", **inputs: str) -> Unit:
    return Unit(id=name, kind=kind, what=name, key={"name": name}, inputs=inputs)


UNITS = (unit("real"), unit("fit", real="real"), unit("generate", real="real", weights="fit"), unit("other"))


def test_units_come_after_their_inputs() -> None:
    assert Plan(units=UNITS).unit("fit") is UNITS[1]
    with pytest.raises(ValueError, match="'fit' is given twice or comes before"):
        Plan(units=(UNITS[1], UNITS[0]))
    with pytest.raises(ValueError, match="'real' is given twice"):
        Plan(units=(UNITS[0], UNITS[0]))


def test_what_a_failure_takes_with_it() -> None:
    assert dependents(UNITS, "real") == {"fit", "generate"}
    assert dependents(UNITS, "fit") == {"generate"}
    assert dependents(UNITS, "other") == set()


def test_the_fingerprint_is_over_key_inputs_and_numeric_class() -> None:
    plan = Plan(units=UNITS)
    first = plan.fingerprint(UNITS[1], {"real": "a"})
    assert first == plan.fingerprint(unit("fit", real="real"), {"real": "a", "unrelated": "z"})
    assert first != plan.fingerprint(UNITS[1], {"real": "b"})
    assert first != Plan(units=UNITS, device="cuda").fingerprint(UNITS[1], {"real": "a"})
    renamed = Unit(id="fit again", kind="fit", what="x", key={"name": "fit"}, inputs={"real": "real"}, cost=9)
    assert first == plan.fingerprint(renamed, {"real": "a"})  # neither id nor cost nor limit counts


def test_devices_of_one_type_are_one_numeric_class() -> None:
    assert numeric_class("cuda:1") == numeric_class("cuda")
    assert numeric_class("cpu") != numeric_class("cuda")
    kind, dtype, torch, machine = numeric_class("cpu").split()
    assert (kind, dtype) == ("cpu", "float32")
    assert torch.startswith("torch-")
    assert torch.count(".") == 1
    assert machine


def put(store: Store, plan: Plan, one: Unit, output: str, **outputs: str) -> None:
    fingerprint = plan.fingerprint(one, outputs)
    with store.lock(fingerprint), store.partial(fingerprint) as folder:
        store.commit(one.kind, fingerprint, folder, {"output": output, "seconds": 0, "facts": {}})


def test_a_unit_behind_a_missing_one_counts_as_missing(tmp_path: Path) -> None:
    store, plan = Store(tmp_path), Plan(units=UNITS)
    put(store, plan, UNITS[1], "w", real="r")
    assert plan.cached(store) == {}
    put(store, plan, UNITS[0], "r")
    assert set(plan.cached(store)) == {"real", "fit"}
    put(store, plan, UNITS[2], "g", real="r", fit="w")
    assert set(plan.cached(store)) == {"real", "fit", "generate"}
