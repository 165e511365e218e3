"""The weights that come with the package give the numbers that their cards record, on held-out people and voices."""

import numpy as np
import pytest

from fauxbench.harness.instruments import check_weights, instrument_cards, load_instrument, weights_path
from fauxbench.harness.training import install
from fauxbench.harness.training.face import WHOLE
from fauxbench.harness.training.face_tests import HARMS as FACE_HARMS
from fauxbench.harness.training.face_tests import Graded, blend_curve, damage_curve, expression_curve
from fauxbench.harness.training.faces import SEEN, HeldOutFaces
from fauxbench.harness.training.sync_tests import curves
from fauxbench.harness.training.verification import (
    is_monotone,
    offset_shares,
    regression,
    verification,
)
from fauxbench.harness.training.voice_tests import told

SHIPPED = [name for name in install.ABOUT if (install.WEIGHTS / f"{name}.safetensors").is_file()]


def shipped(name, folder):
    if name not in SHIPPED:
        pytest.skip(f"{name} has no weights in the package yet")
    return load_instrument(name, folder), instrument_cards()[name].measured


def joined(jobs, count):
    parts = [jobs(k) for k in range(count)]
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


@pytest.mark.parametrize("name", SHIPPED)
def test_weights_come_with_the_package_and_are_small(name, tmp_path):
    card = instrument_cards()[name]
    path = weights_path(card, tmp_path)
    assert path.parent.resolve() == install.WEIGHTS
    assert path.stat().st_size < install.LARGEST
    check_weights(card, path)


def test_recorded_numbers_keep_the_floors():
    for name in SHIPPED:
        measured = instrument_cards()[name].measured
        assert measured.get("eer strict", 0.0) <= 0.05
        assert measured.get("eer one language", 0.0) <= 0.05
        assert measured.get("exact 240p", 1.0) >= 0.8
        assert measured.get("within_one_frame 240p", 1.0) >= 0.95


def test_recorded_curves_of_faces_all_rise():
    manual = install.MANUAL.read_text(encoding="utf-8")
    section = manual.partition("<!-- measured: studio-face -->")[2].partition("<!-- end: studio-face -->")[0]
    rows = [row.strip("| ").split(" | ") for row in section.partition("| change |")[2].splitlines()[2:] if row]
    assert {row[0] for row in rows} == {*FACE_HARMS, "identity blend", "expression error"}
    for name, steps, rises in rows:
        values = [float(step.partition(": ")[2]) for step in steps.split(", ")]
        assert rises == "yes", name
        assert is_monotone(values), name
        assert values[-1] > 1.05 * values[0], name


@pytest.mark.slow
def test_faces_are_told_apart_and_read_as_recorded(tmp_path):
    face, measured = shipped("studio-face", tmp_path)
    strict = joined(HeldOutFaces(size=WHOLE, per_person=6, rendered=WHOLE), 40)
    found = face.extract(strict["pixels"])
    assert verification(found["identity"], strict["label"])["eer"] == pytest.approx(measured["eer strict"], abs=0.03)
    free = joined(HeldOutFaces(size=WHOLE, per_person=2, rendered=WHOLE, free=True, first=50_000), 60)
    known = [face.factor_names.index(name) for name in SEEN]
    errors = regression(face.extract(free["pixels"])["factors"][:, known], free["seen"], SEEN)
    for name in ("yaw", "smile", "jaw_open"):
        assert errors[name]["mae"] == pytest.approx(measured[f"mae {name}"], rel=0.3)
    assert min(errors[name]["r2"] for name in ("jaw_open", "blink_left", "blink_right")) > 0.5
    for harm in FACE_HARMS.values():
        values = damage_curve(face, strict["pixels"], harm)["value"]
        assert is_monotone(values, slack=0.05 * values[0]), values  # of so few pictures small steps are within chance
        assert values[-1] > 1.2 * values[0]
        assert values[-1] > 1.2 * values[0], values
    blend = joined(Graded(size=WHOLE, change="blend"), 12)
    assert blend_curve(face.extract(blend["pixels"])["identity"])["monotone"]
    mood = joined(Graded(size=WHOLE, change="expression"), 12)
    assert expression_curve(face, face.extract(mood["pixels"])["factors"])["monotone"]


@pytest.mark.slow
def test_offsets_are_found_as_recorded(tmp_path):
    pytest.importorskip("espeakng_loader")
    from fauxbench.harness.training.talks import HeldOutTalks

    sync, measured = shipped("studio-sync", tmp_path)
    clips = joined(HeldOutTalks(height=None), 24)
    found = curves(sync, clips)
    shares = offset_shares(found.argmin(1) - 15, clips["offset"])
    assert shares["exact"] == pytest.approx(measured["exact close"], abs=0.15)
    assert shares["within_one_frame"] == pytest.approx(measured["within_one_frame close"], abs=0.1)
    place = np.arange(24), 15 + clips["offset"]
    assert is_monotone(
        [found[place].mean(), found[place[0], place[1] + 1].mean(), found[place[0], place[1] + 3].mean()]
    )


@pytest.mark.slow
def test_voices_are_told_apart_as_recorded(tmp_path):
    pytest.importorskip("espeakng_loader")
    from fauxbench.harness.training.talks import HeldOutVoices

    voice, measured = shipped("studio-voice", tmp_path)
    for name, jobs in (
        ("one language", HeldOutVoices(per_voice=4)),
        ("several languages", HeldOutVoices(per_voice=4, languages=2, first=20_000)),
    ):
        sounds = joined(jobs, 60)
        rate = verification(told(voice, sounds), sounds["label"])["eer"]
        assert rate == pytest.approx(measured[f"eer {name}"], abs=0.03)
