import subprocess
import sys
import time

import pytest

import fauxbench

PUBLIC = [
    "Artifact",
    "Condition",
    "Context",
    "Detector",
    "DetectorCard",
    "Failure",
    "FauxbenchError",
    "FileMedia",
    "FitTask",
    "Generator",
    "GeneratorCard",
    "ImageMedia",
    "InputError",
    "Item",
    "MediaError",
    "MediaSet",
    "Output",
    "Request",
    "ScoreRecord",
    "SoundMedia",
    "Suite",
    "Terms",
    "VideoMedia",
    "backbone_weights",
    "cmmd",
    "compare",
    "confidence_floor",
    "crop_square",
    "density_coverage",
    "digest_of_file",
    "f0_agreement",
    "f0_contour",
    "flicker",
    "frame_uniformity",
    "frechet_distance",
    "frechet_distance_infinity",
    "generate",
    "has_sound",
    "identity_drift",
    "inception_score",
    "kernel_distance",
    "lip_sync",
    "log_mel",
    "lpips",
    "lser",
    "measure",
    "mel_cepstral_distortion",
    "mouth_correlation",
    "ms_ssim",
    "neighbour_scores",
    "open_clip",
    "piper_voice",
    "precision_recall",
    "psnr",
    "read_image",
    "read_sound",
    "realism_score",
    "resize",
    "run",
    "si_sdr",
    "speaker_similarity",
    "speech_activity",
    "ssim",
    "sync_features",
    "sync_windows",
    "synthesise",
    "tone_agreement",
]
HEAVY = {"torch", "torchvision", "timm", "cv2", "librosa", "scipy", "sklearn", "skimage", "av", "PIL", "matplotlib"}


def test_the_public_names_are_exact() -> None:
    """A name that appears here is a promise; one that goes breaks a stranger's generator."""
    assert fauxbench.__all__ == PUBLIC
    assert dir(fauxbench) == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there_and_is_what_type_checkers_see(name: str) -> None:
    found = getattr(fauxbench, name)
    assert found.__name__ == name
    assert found.__doc__
    source = (fauxbench.__file__ or "", f"import {name} as {name}\n")
    with open(source[0], encoding="utf-8") as file:  # noqa: PTH123
        assert source[1] in file.read()


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'rnu'"):
        fauxbench.rnu  # noqa: B018


def test_star_gives_the_public_names() -> None:
    names: dict[str, object] = {}
    exec("from fauxbench import *", names)
    assert set(PUBLIC) <= set(names)


def imported(*order: str) -> set[str]:
    """Return the top modules that an order imports in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *order], capture_output=True, text=True, check=True, timeout=60
    )
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines() if "|" in line}


def test_importing_fauxbench_imports_nothing_heavy() -> None:
    found = imported("-c", "import fauxbench")
    assert "fauxbench" in found
    assert not found & {*HEAVY, "numpy", "pydantic", "typer"}


@pytest.mark.parametrize("what", ["generators", "detectors", "metrics", "instruments", "connectors", "suites"])
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_lists_are_read_from_cards_alone(what: str, form: list[str]) -> None:
    assert not imported("-m", "fauxbench", "list", what, *form) & HEAVY


@pytest.mark.parametrize("order", [["--help"], ["run", "--help"], ["compare", "--help"], ["generate", "-h"]])
def test_help_imports_nothing_heavy(order: list[str]) -> None:
    assert not imported("-m", "fauxbench", *order) & HEAVY


@pytest.mark.slow
def test_lists_come_in_under_half_a_second() -> None:
    spans = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "fauxbench", "list", "generators"], check=True, capture_output=True)
        spans.append(time.perf_counter() - began)
    assert min(spans) < 0.5
