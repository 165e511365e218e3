"""The studio: rendered people who never lived, with every factor known.

Importing this package is light: the renderer and torch live in `studio.render`, which `render_pictures` loads on first
use.
"""

from .factors import EXPRESSIONS, PERSON, POINTS, SCENE, STATE, Factor, sample_person, sample_scene, sample_state
from .recipe import RESERVED_PEOPLE, Picture, StudioRecipe, person_factors, picture_factors, render_pictures

__all__ = [
    "EXPRESSIONS",
    "PERSON",
    "POINTS",
    "RESERVED_PEOPLE",
    "SCENE",
    "STATE",
    "Factor",
    "Picture",
    "StudioRecipe",
    "person_factors",
    "picture_factors",
    "render_pictures",
    "sample_person",
    "sample_scene",
    "sample_state",
]
