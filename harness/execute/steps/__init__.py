"""The steps: one function for each kind of unit. Only workers import them."""

from collections.abc import Callable
from importlib import import_module

from ..step import Outcome, Step

_HOME = {
    "index": "sets",
    "render": "sets",
    "gather": "sets",
    "collect": "sets",
    "stills": "stills",
    "alter": "alter",
    "condition": "alter",
    "shift": "robustness",
    "retain": "robustness",
    "fit": "systems",
    "generate": "systems",
    "render_perfect": "perfect",
    "extract": "measures",
    "measure": "measures",
    "train": "detection",
    "detect": "detection",
    "import_scores": "detection",
    "threshold": "detection",
    "evaluate": "detection",
    "traits": "shortcuts",
    "shortcuts": "shortcuts",
    "overlap": "shortcuts",
    "reencoded": "shortcuts",
    "label": "utility",
    "learn": "utility",
    "gained": "utility",
    "taught_detector": "utility",
    "safety": "safety",
    "by_language": "languages",
    "languages_detected": "languages",
    "synthesiser_tones": "languages",
    "tones_of_text": "languages",
    "contrast_languages": "languages",
}


def step_function(kind: str) -> Callable[[Step], Outcome]:
    """Return the function that runs units of a kind."""
    function: Callable[[Step], Outcome] = getattr(import_module(f".{_HOME[kind]}", __name__), kind)
    return function
