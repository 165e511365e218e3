"""Pictures of reserved people for studio-face: who, what they do, and everything else drawn anew."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..datasets.studio.factors import STATE, sample_person, sample_scene, sample_state
from ..datasets.studio.recipe import RESERVED_PEOPLE, person_factors
from ..instruments import studio_face
from .runtime import Arrays

Factors = dict[str, float]

SEED = 0
"""Of the population; people with an index of `RESERVED_PEOPLE` and above are in no other set."""
TEST_PEOPLE = RESERVED_PEOPLE + 900_000
"""First of the people that only tests see; training begins at `RESERVED_PEOPLE`."""
HAIR = ("hair_melanin", "hair_red", "grey", "hair_curl", "hairline", "baldness")
"""What the renderer gives to the person although one can change it: dyed, permed, shaved."""
LOOK = ("beard_length", "beard_shape", "hair_length")
"""What a texture of the skin depends on: kept within a look, because painting it takes half the time of a picture."""

UNITS = tuple(f.name for f in STATE if f.name not in {"yaw", "pitch", "roll", "tongue"})
LIGHT = ("key_azimuth", "key_elevation", "key_strength", "key_soft", "key_warmth", "fill_strength", "exposure")
TRAITS = ("masculinity", "age", "melanin")
SEEN = ("yaw", "pitch", "roll", *UNITS, *LIGHT, *TRAITS)
"""The studio's factors that the network reads off a picture."""

_LOOKS, _PER_LOOK = 2, 4
PER_PERSON = _LOOKS * _PER_LOOK
PEOPLE = 4
"""In a job."""
_FREE = ("jaw_side", "lip_width", "gaze_x", "gaze_y")


def free_state(rng: np.random.Generator, max_yaw: float) -> Factors:
    """Draw a state whose action units are independent, a quarter of them at work: wider than the recipe's."""
    state = sample_state(rng, max_yaw=max_yaw)
    for unit in UNITS:
        if unit in _FREE:
            state[unit] = float(rng.uniform(-1.0, 1.0)) if rng.uniform() < 0.5 else 0.0
        else:
            state[unit] = float(rng.uniform()) if rng.uniform() < 0.25 else float(abs(rng.normal(0.0, 0.04)))
    if rng.uniform() < 0.7:
        state["blink_right"] = state["blink_left"]
    return state


def with_new_hair(person: Factors, rng: np.random.Generator) -> Factors:
    """Return the same person with the hair of somebody else."""
    other = sample_person(rng)
    return {**person, **{name: other[name] for name in HAIR}}


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceJobs:
    """Job k renders a few people, `PER_PERSON` close pictures each, in looks that share hair and beard.

    Attributes:
        size: Pixels of the face's part of a picture, which alone is rendered.
        seed: Of everything but the people.
        mixed: Whether pictures come in all sizes, because finer renders look different: one job in four is rendered
            smaller and enlarged, one in four finer and reduced, and one in eight whole, as pictures in sets are.
    """

    size: int
    seed: int = 1
    mixed: bool = True

    def __call__(self, k: int) -> Arrays:
        """Return what `shoot` returns."""
        rng = np.random.default_rng([SEED, self.seed, k])
        persons, states, scenes = [], [], []
        for place in range(PEOPLE):
            body = person_factors(SEED, RESERVED_PEOPLE + (k * PEOPLE + place) % (TEST_PEOPLE - RESERVED_PEOPLE))
            for _ in range(_LOOKS):
                look = with_new_hair(body, rng) if rng.uniform() < 0.75 else body
                first = sample_scene(rng, body)
                for _ in range(_PER_LOOK):
                    persons.append(look)
                    draw = free_state if rng.uniform() < 0.5 else sample_state
                    states.append(draw(rng, max_yaw=35.0))
                    scenes.append({**sample_scene(rng, body), **{name: first[name] for name in LOOK}})
        if self.mixed and k % 8 == 2:
            made = shoot(persons, states, scenes, self._whole, self._whole)
            return {**made, **_cut(made["pixels"], made["points"], self.size)}
        return shoot(persons, states, scenes, self.size, self._rendered(k), close=True)

    @property
    def _whole(self) -> int:
        return round(self.size / (studio_face.BOTTOM - studio_face.TOP))

    def _rendered(self, k: int) -> int:
        if self.mixed and k % 4 == 1:
            return 7 * self.size // 6
        return 2 * self.size // 3 if self.mixed and k % 4 == 0 else self.size


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutFaces:
    """Job k renders held-out person k: every picture with its own hair, beard, clothes, light and background.

    Attributes:
        size: Pixels of a picture.
        per_person: Pictures of each person.
        rendered: Pixels at which it is rendered before it is brought to `size`.
        new_hair: Whether colour, curl and line of the hair are drawn anew as well; without, as in the recipe.
        free: Whether action units are drawn independently instead of as in the recipe.
        first: Offset into the held-out people.
    """

    size: int
    per_person: int
    rendered: int
    new_hair: bool = True
    free: bool = False
    first: int = 0

    def __call__(self, k: int) -> Arrays:
        """Return what `shoot` returns of whole pictures, and `label` (rows,) the number of the person."""
        number = TEST_PEOPLE + self.first + k
        rng = np.random.default_rng([SEED, number, int(self.new_hair), int(self.free)])
        body = person_factors(SEED, number)
        persons = [with_new_hair(body, rng) if self.new_hair else body for _ in range(self.per_person)]
        draw = free_state if self.free else sample_state
        states = [draw(rng, max_yaw=30.0) for _ in persons]
        scenes = [sample_scene(rng, body) for _ in persons]
        out = shoot(persons, states, scenes, self.size, self.rendered)
        return {**out, "label": np.full(self.per_person, number)}


def shoot(
    persons: list[Factors],
    states: list[Factors],
    scenes: list[Factors],
    size: int,
    rendered: int,
    *,
    close: bool = False,
) -> Arrays:
    """Render pictures and put down what they show.

    Args:
        persons: One a picture, like `states` and `scenes`.
        states: What they do.
        scenes: Light, background, camera.
        size: Pixels of the result.
        rendered: Pixels at which it is rendered first.
        close: Whether to render only the part that studio-face looks at, at a fraction of the time.

    Returns:
        `pixels` (rows, size, size, 3) uint8, `seen` (rows, len(SEEN)), `person` (rows, factors of `PERSON`) and
        `points` (rows, 2 * points) in shares of the picture, float32.
    """
    from ..datasets.studio.render import render

    if close:
        scenes = [close_up(scene, studio_face.TOP, studio_face.BOTTOM) for scene in scenes]
    made = render(persons, states, scenes, rendered)
    pixels = made.pixels.cpu().numpy()
    points = (made.points.cpu().numpy() / rendered).reshape(len(pixels), -1).astype(np.float32)
    if rendered != size:
        pixels = np.stack([_resized(picture, size) for picture in pixels])
    facts = [{**p, **s, **c} for p, s, c in zip(persons, states, scenes, strict=True)]
    seen = np.array([[fact[name] for name in SEEN] for fact in facts], dtype=np.float32)
    person = np.array([list(p.values()) for p in persons], dtype=np.float32)
    return {"pixels": pixels, "seen": seen, "person": person, "points": points}


def _cut(pixels: np.ndarray, points: np.ndarray, size: int) -> Arrays:
    """Return the face's part of whole pictures, and its points."""
    parts = np.stack([_resized(studio_face.face(picture), size) for picture in pixels])
    high = studio_face.BOTTOM - studio_face.TOP
    corner = np.array([0.5 - high / 2, studio_face.TOP], dtype=np.float32)
    return {"pixels": parts, "points": ((points.reshape(len(points), -1, 2) - corner) / high).reshape(points.shape)}


def close_up(scene: Mapping[str, float], top: float, bottom: float) -> Factors:
    """Return a scene that shows only the rows from `top` to `bottom`: the same camera with a longer lens."""
    zoom = 1.0 / (bottom - top)
    return {
        **scene,
        "head_size": zoom * scene["head_size"],
        "focal_length": zoom * scene["focal_length"],
        "offset_x": zoom * scene["offset_x"],
        "offset_y": 0.47 - zoom * (0.47 - scene["offset_y"] - top),
        "blur": min(1.0, zoom * scene["blur"]),
    }


def _resized(picture: np.ndarray, size: int) -> np.ndarray:
    if len(picture) == size:
        return picture
    import cv2

    how = cv2.INTER_AREA if len(picture) > size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (size, size), interpolation=how))
