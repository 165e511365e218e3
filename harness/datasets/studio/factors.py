"""The named numbers that make a person, a state and a scene of the studio.

Every picture of the studio is a pure function of three dictionaries of floats. The tables below give each number its
name, range and meaning, in a fixed order, so that a vector of factors can be written to disk and read back. The
`sample_*` functions draw the dictionaries from a `numpy.random.Generator`; correlations (grey hair comes with age,
beards with masculinity) live there and nowhere else.

The units of faces: centimetres on an average head, in which the eyes stand at height 0 and the chin at -11.5.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np

Distribution = Literal["uniform", "normal", "broad", "half", "integer", "derived"]


class Factor(NamedTuple):
    """One named number.

    Attributes:
        name: Unique over all three tables.
        low: Smallest value ever drawn.
        high: Largest value ever drawn.
        description: What the number means, with its unit.
        distribution: `uniform` over the range; `normal`, centred with a standard deviation of a quarter of the range
            and truncated to it; `broad`, the same with a third of the range; `half`, a half-normal that starts at
            `low`; `integer`, a whole number; `derived`, drawn in code from other factors.
    """

    name: str
    low: float
    high: float
    description: str
    distribution: Distribution = "uniform"


def _shape(name: str, description: str) -> Factor:
    return Factor(name, -1.0, 1.0, description, "broad")


PERSON: tuple[Factor, ...] = (
    Factor("masculinity", 0.0, 1.0, "0 feminine to 1 masculine build; shifts jaw, brow ridge, neck and beard"),
    Factor("age", 18.0, 80.0, "years; drives wrinkles, sagging, grey hair and hairline"),
    _shape("head_width", "width of the skull"),
    _shape("head_height", "height of the vault above the brows"),
    _shape("head_depth", "length of the skull from front to back"),
    _shape("face_length", "length of the face from eyes to chin"),
    _shape("face_width", "width of the face at the cheeks"),
    _shape("forehead_slope", "forehead upright (-1) or receding (+1)"),
    _shape("temple_hollow", "temples full (-1) or hollow (+1)"),
    _shape("brow_ridge", "prominence of the ridge above the eyes"),
    _shape("cheekbone", "prominence of the cheekbones"),
    _shape("cheek_full", "cheeks hollow (-1) or full (+1)"),
    _shape("jaw_width", "width between the angles of the jaw"),
    _shape("jaw_square", "jaw tapering (-1) or square (+1)"),
    _shape("chin_width", "width of the chin"),
    _shape("chin_length", "height of the chin"),
    _shape("chin_forward", "chin receding (-1) or projecting (+1)"),
    Factor("chin_cleft", 0.0, 1.0, "depth of the cleft of the chin", "half"),
    _shape("midface_forward", "upper jaw and cheeks flat (-1) or projecting (+1)"),
    _shape("eye_spacing", "distance between the eyes"),
    _shape("eye_height", "eyes set low (-1) or high (+1)"),
    _shape("eye_size", "width of the eye's opening"),
    _shape("eye_open", "height of the eye's opening at rest"),
    _shape("eye_tilt", "outer corners low (-1) or high (+1)"),
    _shape("eye_depth", "eyes prominent (-1) or deep-set (+1)"),
    _shape("lid_crease", "upper lid covered by its fold (-1) or with a high crease (+1)"),
    _shape("nose_length", "length of the nose"),
    _shape("nose_width", "width of the wings of the nose"),
    _shape("nose_bridge_height", "bridge flat (-1) or high (+1)"),
    _shape("nose_bridge_width", "width of the bridge"),
    _shape("nose_hump", "profile concave (-1) or convex (+1)"),
    _shape("nose_tip_size", "tip fine (-1) or bulbous (+1)"),
    _shape("nose_tip_up", "tip drooping (-1) or upturned (+1)"),
    _shape("nose_forward", "projection of the tip"),
    _shape("nostril_size", "size of the nostrils"),
    _shape("mouth_width", "width of the mouth"),
    _shape("mouth_height", "mouth low (-1) or high (+1)"),
    _shape("upper_lip", "fullness of the upper lip"),
    _shape("lower_lip", "fullness of the lower lip"),
    _shape("lip_forward", "projection of the lips"),
    _shape("cupid_bow", "depth of the bow of the upper lip"),
    _shape("mouth_corner", "corners of the mouth turned down (-1) or up (+1) at rest"),
    _shape("philtrum", "depth of the groove above the upper lip"),
    _shape("ear_size", "size of the ears"),
    _shape("ear_out", "ears flat (-1) or protruding (+1)"),
    _shape("neck_width", "width of the neck"),
    _shape("shoulder_width", "width of the shoulders"),
    _shape("skew_eyes", "asymmetry: one eye higher"),
    _shape("skew_mouth", "asymmetry: mouth drawn to one side"),
    _shape("skew_nose", "asymmetry: nose bent to one side"),
    _shape("skew_jaw", "asymmetry: jaw shifted to one side"),
    Factor("melanin", 0.0, 1.0, "pigment of the skin, 0 very light to 1 very dark"),
    _shape("skin_warmth", "skin cool and pink (-1) or olive and yellow (+1)"),
    Factor("redness", 0.0, 1.0, "blood in cheeks, nose and ears", "half"),
    Factor("freckles", 0.0, 1.0, "density of freckles", "derived"),
    Factor("moles", 0.0, 8.0, "number of moles", "integer"),
    Factor("pores", 0.2, 1.0, "depth of pores and fine grain"),
    Factor("blemishes", 0.0, 1.0, "small red spots", "half"),
    Factor("oiliness", 0.0, 1.0, "gloss of the skin"),
    Factor("wrinkles", 0.0, 1.0, "depth of lines on forehead, eyes and mouth", "derived"),
    Factor("eye_bags", 0.0, 1.0, "bags and dark rings under the eyes", "derived"),
    Factor("lip_colour", 0.0, 1.0, "lips pale (0) to strongly coloured (1)"),
    Factor("iris_melanin", 0.0, 1.0, "iris blue and grey (0) over green and hazel to dark brown (1)", "derived"),
    Factor("iris_tint", 0.0, 1.0, "hue of a light iris, grey-blue (0) to green (1)"),
    Factor("hair_melanin", 0.0, 1.0, "hair blond (0) over brown to black (1)", "derived"),
    Factor("hair_red", 0.0, 1.0, "red pigment of the hair", "derived"),
    Factor("grey", 0.0, 1.0, "share of grey hairs", "derived"),
    Factor("hair_curl", 0.0, 1.0, "hair straight (0), wavy, curly, tightly coiled (1)", "derived"),
    Factor("hairline", -1.0, 1.0, "hairline low (-1) or high (+1)", "derived"),
    Factor("baldness", 0.0, 1.0, "hair lost on the crown and temples", "derived"),
    Factor("brow_thick", 0.0, 1.0, "thickness of the eyebrows", "derived"),
    _shape("brow_arch", "eyebrows straight (-1) or arched (+1)"),
    _shape("brow_height", "eyebrows low (-1) or high (+1)"),
    Factor("brow_dense", 0.3, 1.0, "density of the eyebrows"),
    Factor("lashes", 0.0, 1.0, "length of the eyelashes"),
    Factor("beard_growth", 0.0, 1.0, "how densely a beard can grow", "derived"),
    Factor("texture_seed", 0.0, 16777215.0, "seed of the pattern of freckles, moles, wrinkles and strands", "integer"),
)

STATE: tuple[Factor, ...] = (
    Factor("yaw", -45.0, 45.0, "degrees about the vertical; positive turns the face to the right of the picture"),
    Factor("pitch", -20.0, 20.0, "degrees; positive looks up", "normal"),
    Factor("roll", -15.0, 15.0, "degrees; positive tilts the head clockwise in the picture", "normal"),
    Factor("brow_inner_up", 0.0, 1.0, "AU1, inner brow raised"),
    Factor("brow_outer_up", 0.0, 1.0, "AU2, outer brow raised"),
    Factor("brow_lower", 0.0, 1.0, "AU4, brows drawn down and together"),
    Factor("lid_raise", 0.0, 1.0, "AU5, upper lid raised"),
    Factor("cheek_raise", 0.0, 1.0, "AU6, cheeks raised"),
    Factor("lid_tight", 0.0, 1.0, "AU7, lids tightened"),
    Factor("nose_wrinkle", 0.0, 1.0, "AU9, nose wrinkled"),
    Factor("upper_lip_raise", 0.0, 1.0, "AU10, upper lip raised"),
    Factor("smile", 0.0, 1.0, "AU12, corners of the mouth pulled up"),
    Factor("dimple", 0.0, 1.0, "AU14, corners of the mouth tightened"),
    Factor("frown", 0.0, 1.0, "AU15, corners of the mouth pulled down"),
    Factor("chin_raise", 0.0, 1.0, "AU17, chin and lower lip raised"),
    Factor("lip_press", 0.0, 1.0, "AU24, lips pressed together"),
    Factor("jaw_open", 0.0, 1.0, "AU26 and AU27, jaw lowered; 1 is 3 cm between the teeth"),
    Factor("jaw_side", -1.0, 1.0, "jaw shifted sideways"),
    Factor("lip_width", -1.0, 1.0, "mouth narrowed (-1) or stretched (+1, AU20)"),
    Factor("lip_round", 0.0, 1.0, "AU18 and AU22, lips rounded and pushed forward"),
    Factor("lip_part", 0.0, 1.0, "AU25, lips parted over closed teeth"),
    Factor("tongue", 0.0, 1.0, "tongue low (0) to raised behind the upper teeth (1)"),
    Factor("blink_left", 0.0, 1.0, "lid of the eye on the left of the picture, 0 open to 1 closed"),
    Factor("blink_right", 0.0, 1.0, "lid of the eye on the right of the picture, 0 open to 1 closed"),
    Factor("gaze_x", -1.0, 1.0, "eyes turned, +1 is 30 degrees to the right of the picture"),
    Factor("gaze_y", -1.0, 1.0, "eyes turned, +1 is 25 degrees up"),
)

SCENE: tuple[Factor, ...] = (
    Factor("head_size", 0.5, 0.72, "height from chin to crown as a share of the picture's height"),
    Factor("offset_x", -0.06, 0.06, "face right of the centre, as a share of the picture's height", "normal"),
    Factor("offset_y", -0.05, 0.05, "face above its usual place, as a share of the picture's height", "normal"),
    Factor("focal_length", 35.0, 135.0, "millimetres on 35 mm film: strength of the perspective"),
    Factor("key_azimuth", -80.0, 80.0, "degrees, key light from the left (-) or right (+) of the picture", "normal"),
    Factor("key_elevation", -10.0, 70.0, "degrees, height of the key light", "normal"),
    Factor("key_strength", 0.5, 1.5, "radiance of the key light"),
    Factor("key_soft", 0.0, 1.0, "softness of shadows, 0 sun to 1 overcast"),
    Factor("key_warmth", -1.0, 1.0, "colour of the key light, -1 is 9000 K, +1 is 3200 K", "normal"),
    Factor("fill_strength", 0.15, 0.8, "light from everywhere"),
    Factor("fill_warmth", -1.0, 1.0, "colour of the fill light", "normal"),
    Factor("rim_strength", 0.0, 1.0, "light from behind", "half"),
    Factor("rim_side", -1.0, 1.0, "side of the light from behind"),
    Factor("background_kind", 0.0, 1.0, "below 0.2 plain wall, 0.4 studio paper, 0.7 room, else outdoors"),
    Factor("background_seed", 0.0, 16777215.0, "seed of the background's layout", "integer"),
    Factor("background_hue", 0.0, 1.0, "hue of walls and furniture"),
    Factor("background_light", 0.2, 1.0, "brightness of the background"),
    Factor("background_defocus", 0.0, 1.0, "defocus of the background, 1 is a disc of 6 % of the height"),
    Factor("exposure", -0.5, 0.5, "stops", "normal"),
    Factor("contrast", -1.0, 1.0, "tone curve flat (-1) or steep (+1)", "normal"),
    Factor("saturation", 0.75, 1.2, "colour saturation of the camera", "normal"),
    Factor("blur", 0.0, 1.0, "blur of the lens, 1 is a standard deviation of 0.4 % of the height", "half"),
    Factor("noise", 0.0, 1.0, "sensor noise, 1 is a standard deviation of about 5 levels in the mid tones", "half"),
    Factor("noise_seed", 0.0, 16777215.0, "seed of the sensor noise; change it for every frame of a clip", "integer"),
    Factor("jpeg_quality", 60.0, 98.0, "quality of the JPEG compression, the last step; 100 leaves it out"),
    Factor("vignette", 0.0, 1.0, "darkening of the corners", "half"),
    Factor("hair_length", 0.0, 1.0, "0 shaved, 0.2 cropped, 0.5 to the jaw, 1 to the chest", "derived"),
    Factor("hair_volume", 0.0, 1.0, "hair flat (0) or full (1)"),
    Factor("hair_part", -1.0, 1.0, "place of the parting, left (-) or right (+)"),
    Factor("hair_fringe", 0.0, 1.0, "hair over the forehead", "derived"),
    Factor("hair_back", 0.0, 1.0, "hair combed back and tied", "derived"),
    Factor("beard_length", 0.0, 1.0, "0 clean-shaven, 0.15 stubble, 0.5 short, 1 long", "derived"),
    Factor("beard_shape", 0.0, 1.0, "0 moustache only, 0.5 goatee, 1 full beard"),
    Factor("glasses", 0.0, 1.0, "above 0.5 glasses are worn", "derived"),
    Factor("glasses_shape", 0.0, 1.0, "lenses round (0) to square (1)"),
    Factor("glasses_size", 0.0, 1.0, "lenses small (0) to large (1)"),
    Factor("glasses_rim", 0.0, 1.0, "rim of thin metal (0) to thick plastic (1)"),
    Factor("glasses_dark", 0.0, 1.0, "frame light (0) to black (1)"),
    Factor("clothes_kind", 0.0, 1.0, "below 0.35 T-shirt, 0.6 jumper, 0.85 shirt with collar, else jacket"),
    Factor("clothes_hue", 0.0, 1.0, "hue of the clothes"),
    Factor("clothes_saturation", 0.0, 0.8, "saturation of the clothes"),
    Factor("clothes_value", 0.04, 0.85, "brightness of the clothes"),
    Factor("clothes_pattern", 0.0, 1.0, "below 0.6 plain, 0.8 stripes, else checks"),
)

POINTS: tuple[str, ...] = (
    "left_eye",
    "right_eye",
    "nose",
    "mouth_left",
    "mouth_right",
    "chin",
    "brow_left",
    "brow_right",
    "lip_upper",
    "lip_lower",
    "lid_upper_left",
    "lid_lower_left",
    "lid_upper_right",
    "lid_lower_right",
)
"""Names of the true points; left and right are those of the picture, as in MTCNN.

Eyes: the foremost point of an eyeball that looks ahead, whatever the gaze. Nose: the tip. Mouth: the corners
where the lips meet. Chin: its foremost point. Brows: the middle of the ridge beneath each. Lips: the middle of either
edge at the slit. Lids: the middle of each edge."""

EXPRESSIONS: Mapping[str, Mapping[str, float]] = {
    "neutral": {},
    "happy": {"smile": 0.8, "cheek_raise": 0.7, "lip_part": 0.5, "lid_tight": 0.2},
    "slight_smile": {"smile": 0.4, "cheek_raise": 0.2},
    "laughing": {"smile": 1.0, "cheek_raise": 0.9, "jaw_open": 0.35, "lip_part": 0.6, "lid_tight": 0.4},
    "sad": {"brow_inner_up": 0.8, "frown": 0.7, "chin_raise": 0.4, "brow_lower": 0.3},
    "angry": {"brow_lower": 0.9, "lid_tight": 0.6, "lip_press": 0.7, "nose_wrinkle": 0.2},
    "surprised": {"brow_inner_up": 0.8, "brow_outer_up": 0.8, "lid_raise": 0.8, "jaw_open": 0.5},
    "disgusted": {"nose_wrinkle": 0.9, "upper_lip_raise": 0.6, "brow_lower": 0.4, "lid_tight": 0.4},
    "afraid": {"brow_inner_up": 0.9, "brow_outer_up": 0.4, "lid_raise": 0.7, "lip_width": 0.6, "lip_part": 0.5},
    "speaking": {"jaw_open": 0.25, "lip_part": 0.3},
    "rounding": {"lip_round": 0.8, "jaw_open": 0.15, "lip_width": -0.5},
    "doubtful": {"brow_lower": 0.5, "dimple": 0.6, "frown": 0.3},
}
"""Named mixtures of action units (Ekman and Friesen, Facial Action Coding System, 1978), weights 0 to 1."""


def factor_names() -> tuple[str, ...]:
    """Return the names of all factors: person, state, scene, in the order of the tables."""
    return tuple(factor.name for table in (PERSON, STATE, SCENE) for factor in table)


def _draw(factor: Factor, rng: np.random.Generator) -> float:
    middle, spread = (factor.low + factor.high) / 2, (factor.high - factor.low) / 4
    if factor.distribution == "integer":
        return float(rng.integers(int(factor.low), int(factor.high) + 1))
    if factor.distribution == "normal":
        return min(max(float(rng.normal(middle, spread)), factor.low), factor.high)
    if factor.distribution == "broad":
        return min(max(float(rng.normal(middle, spread * 4 / 3)), factor.low), factor.high)
    if factor.distribution == "half":
        return min(factor.low + abs(float(rng.normal(0.0, 1.5 * spread))), factor.high)
    return float(rng.uniform(factor.low, factor.high))


def _draw_table(table: tuple[Factor, ...], rng: np.random.Generator) -> dict[str, float]:
    return {factor.name: _draw(factor, rng) for factor in table}


def _clip_table(table: tuple[Factor, ...], values: dict[str, float]) -> dict[str, float]:
    return {f.name: min(max(float(values[f.name]), f.low), f.high) for f in table}


def sample_person(rng: np.random.Generator) -> dict[str, float]:
    """Draw one person.

    Args:
        rng: Source of randomness; nothing else is random.

    Returns:
        A value for every factor of `PERSON`, in the table's order.
    """
    p = _draw_table(PERSON, rng)
    p["age"] = 18.0 + 62.0 * float(rng.beta(1.3, 2.0))
    old = max(0.0, (p["age"] - 28.0) / 52.0)
    male = p["masculinity"] = float(np.clip(0.5 + 0.5 * np.sign(rng.uniform(-1, 1)) * rng.beta(3.0, 2.0), 0.0, 1.0))
    lean = male - 0.5
    for name, weight in (("jaw_width", 0.5), ("jaw_square", 0.7), ("brow_ridge", 0.9), ("chin_width", 0.5)):
        p[name] += weight * lean
    for name, weight in (("neck_width", 1.2), ("shoulder_width", 1.2), ("nose_length", 0.4), ("chin_length", 0.3)):
        p[name] += weight * lean
    for name, weight in (
        ("upper_lip", 0.9),
        ("lower_lip", 0.8),
        ("eye_open", 0.6),
        ("brow_arch", 0.8),
        ("eye_size", 0.5),
        ("cheek_full", 0.4),
    ):
        p[name] -= weight * lean
    p["lip_colour"] = float(np.clip(p["lip_colour"] - 0.4 * lean, 0.0, 1.0))
    _sample_colour(p, old, rng)
    p["wrinkles"] = old * rng.uniform(0.7, 1.15) + rng.uniform(0.0, 0.06)
    p["eye_bags"] = 0.6 * old * rng.uniform(0.5, 1.2) + 0.25 * rng.beta(1.5, 4.0)
    p["hairline"] = rng.normal(0.0, 0.35) + 0.4 * male * old
    p["baldness"] = (
        rng.beta(1.2, 1.6) * float(np.clip(2.0 * old, 0.0, 1.0)) if male > 0.5 and rng.uniform() < 0.5 else 0.0
    )
    p["brow_thick"] = 0.15 + 0.35 * male + 0.4 * rng.beta(2.0, 2.0)
    p["beard_growth"] = float(np.clip((male - 0.45) * 2.2, 0.0, 1.0)) * rng.uniform(0.5, 1.0)
    return _clip_table(PERSON, p)


def _sample_colour(p: dict[str, float], old: float, rng: np.random.Generator) -> None:
    """Draw skin, hair and iris pigments together: dark skin rarely has light hair or eyes."""
    dark = p["melanin"] = float(rng.beta(1.0, 1.35))
    light = max(0.0, 1.0 - 2.4 * dark)
    p["freckles"] = (rng.beta(1.2, 2.5) if rng.uniform() < 0.35 else 0.05 * rng.uniform()) * (0.3 + 0.7 * light)
    p["iris_melanin"] = 1.0 - (1.0 - rng.beta(0.8, 0.9)) * light if light else rng.uniform(0.8, 1.0)
    p["hair_melanin"] = 1.0 - (1.0 - rng.beta(1.2, 1.2)) * light if light else rng.uniform(0.85, 1.0)
    p["hair_red"] = rng.beta(1.0, 2.0) * light if rng.uniform() < 0.3 else 0.08 * rng.uniform()
    p["grey"] = float(np.clip((old - 0.25) * rng.uniform(0.4, 2.2), 0.0, 1.0))
    coil = float(np.clip((dark - 0.6) * 3.0, 0.0, 1.0))
    p["hair_curl"] = coil * rng.uniform(0.7, 1.0) + (1.0 - coil) * rng.beta(0.9, 2.2) * 0.75


def sample_state(rng: np.random.Generator, *, max_yaw: float = 30.0, min_yaw: float = 0.0) -> dict[str, float]:
    """Draw one state: pose, expression, gaze.

    Args:
        rng: Source of randomness.
        max_yaw: Largest absolute yaw in degrees, at most 45.
        min_yaw: Smallest absolute yaw in degrees.

    Returns:
        A value for every factor of `STATE`, in the table's order.

    Raises:
        ValueError: If not 0 <= min_yaw <= max_yaw <= 45.
    """
    if not 0.0 <= min_yaw <= max_yaw <= 45.0:
        raise ValueError(f"yaw range is {min_yaw} to {max_yaw} degrees; give 0 <= min_yaw <= max_yaw <= 45")
    s = {factor.name: 0.0 for factor in STATE}
    side = 1.0 if rng.uniform() < 0.5 else -1.0
    s["yaw"] = side * rng.uniform(min_yaw, max_yaw)
    s["pitch"], s["roll"] = rng.normal(0.0, 6.0), rng.normal(0.0, 5.0)
    name = str(rng.choice(list(EXPRESSIONS)))
    strength = rng.uniform(0.35, 1.0)
    for unit, weight in EXPRESSIONS[name].items():
        s[unit] += strength * weight * rng.uniform(0.75, 1.25)
    units = [f.name for f in STATE[3:22] if f.name not in ("jaw_side", "lip_width")]
    for unit in units:
        s[unit] += abs(rng.normal(0.0, 0.05))
    s["jaw_side"], s["tongue"] = rng.normal(0.0, 0.08), rng.uniform(0.0, 0.7)
    closed = rng.uniform(0.7, 1.0) if rng.uniform() < 0.04 else abs(rng.normal(0.0, 0.06))
    s["blink_left"] = s["blink_right"] = closed
    if rng.uniform() < 0.4:
        s["gaze_x"], s["gaze_y"] = rng.normal(0.0, 0.35), rng.normal(0.0, 0.2)
    else:  # into the camera
        s["gaze_x"], s["gaze_y"] = -s["yaw"] / 30.0 + rng.normal(0.0, 0.05), -s["pitch"] / 25.0 + rng.normal(0.0, 0.05)
    return _clip_table(STATE, s)


def sample_scene(rng: np.random.Generator, person: Mapping[str, float] | None = None) -> dict[str, float]:
    """Draw one scene: light, camera, background, and what a person changes from day to day: hair cut, beard, clothes.

    Args:
        rng: Source of randomness.
        person: Whose scene it is: sets how likely long hair and beards are. Without it, they are as in the population.

    Returns:
        A value for every factor of `SCENE`, in the table's order.
    """
    c = _draw_table(SCENE, rng)
    male = person["masculinity"] if person is not None else rng.uniform()
    age = person["age"] if person is not None else 40.0
    c["focal_length"] = float(np.exp(rng.uniform(np.log(35.0), np.log(135.0))))
    c["key_elevation"] = rng.normal(32.0, 14.0)
    c["hair_length"] = rng.uniform(0.1, 0.45) if rng.uniform() < 0.1 + 0.8 * male else rng.uniform(0.4, 1.0)
    c["hair_fringe"] = rng.uniform(0.3, 1.0) if rng.uniform() < 0.35 else 0.0
    c["hair_back"] = rng.uniform(0.5, 1.0) if rng.uniform() < 0.25 else 0.0
    c["beard_length"] = rng.beta(1.1, 2.2) if rng.uniform() < 0.6 else 0.03 * rng.uniform()
    c["glasses"] = float(rng.uniform() < 0.15 + 0.003 * age)
    c["glasses_dark"] = 1.0 - rng.beta(1.0, 2.5)
    if rng.uniform() < 0.35:
        c["clothes_saturation"] *= 0.2
    return _clip_table(SCENE, c)


def markdown_table(table: tuple[Factor, ...]) -> str:
    """Return a factor table as GitHub Markdown, for the manual."""
    rows = [f"| `{f.name}` | {f.low:g} | {f.high:g} | {f.distribution} | {f.description} |" for f in table]
    return "\n".join(["| factor | low | high | drawn | meaning |", "|---|---|---|---|---|", *rows]) + "\n"
