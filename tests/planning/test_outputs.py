from pathlib import Path

from PIL import Image
from tests.planning.plans import FOLDER, fingerprints, folder_data, outputs, plan, units


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
