"""Phonemes to visemes: what the mouth does for every mnemonic that eSpeak emits in the studio's languages.

A viseme is a target for the mouth's factors and how strongly it insists on it (its dominance, after Cohen and Massaro,
Modeling coarticulation in synthetic visual speech, 1993): lips must close for /b/ whatever stands beside it, while /k/
takes the lips of its neighbours. The grouping follows the usual one of lip-reading (Fisher, Confusions among visually
perceived consonants, 1968): bilabial, labiodental, dental, alveolar, sibilant, postalveolar, velar, rounded glide, and
vowels by height, backness and rounding.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

PAUSES = frozenset({"_", "_:", "_::", "_!", "_;_", "_^_"})
"""Mnemonics of silence."""
BOUNDARIES = frozenset({"_|", "||", "|", ":", "-", ""})
"""Mnemonics without a sound of their own: what stands beside them goes on."""


class Viseme(NamedTuple):
    """A target of the mouth; the first seven numbers are those of a mouth track, in its order."""

    jaw: float
    """`jaw_open`."""
    width: float
    """`lip_width`, narrowed (-) or stretched (+)."""
    round: float
    """`lip_round`."""
    part: float
    """`lip_part`."""
    press: float
    """`lip_press`."""
    tongue: float
    """`tongue`."""
    tuck: float
    """Lower lip raised to the upper teeth, in `chin_raise` and `upper_lip_raise`."""
    jaw_force: float = 1.0
    """Dominance over jaw and tongue."""
    lip_force: float = 1.0
    """Dominance over how far the lips part, press and tuck."""
    shape_force: float = 1.0
    """Dominance over their width and rounding."""
    closes: bool = False
    """Whether the lips meet."""


VISEMES: Mapping[str, Viseme] = MappingProxyType(
    {
        "rest": Viseme(0.0, 0.0, 0.0, 0.0, 0.05, 0.2, 0.0, 0.6, 0.5, 0.5),
        # vowels
        "open": Viseme(0.44, 0.10, 0.0, 0.30, 0.0, 0.05, 0.0),
        "open_front": Viseme(0.31, 0.30, 0.0, 0.30, 0.0, 0.10, 0.0),
        "open_central": Viseme(0.28, 0.05, 0.0, 0.30, 0.0, 0.10, 0.0),
        "mid_front": Viseme(0.22, 0.40, 0.0, 0.30, 0.0, 0.20, 0.0),
        "near_close_front": Viseme(0.15, 0.40, 0.0, 0.30, 0.0, 0.25, 0.0),
        "close_front": Viseme(0.09, 0.60, 0.0, 0.35, 0.0, 0.30, 0.0),
        "central": Viseme(0.18, 0.10, 0.0, 0.25, 0.0, 0.20, 0.0, 0.6, 0.5, 0.5),
        "rhotic": Viseme(0.16, -0.10, 0.25, 0.25, 0.0, 0.35, 0.0),
        "close_back": Viseme(0.11, 0.25, 0.0, 0.30, 0.0, 0.20, 0.0),
        "open_round": Viseme(0.32, -0.15, 0.40, 0.25, 0.0, 0.05, 0.0),
        "mid_round": Viseme(0.21, -0.30, 0.65, 0.20, 0.0, 0.10, 0.0, 1.0, 1.0, 2.0),
        "near_close_round": Viseme(0.13, -0.30, 0.60, 0.15, 0.0, 0.15, 0.0, 1.0, 1.0, 2.0),
        "close_round": Viseme(0.09, -0.50, 0.95, 0.12, 0.0, 0.15, 0.0, 1.0, 1.0, 3.0),
        "mid_front_round": Viseme(0.19, -0.20, 0.60, 0.22, 0.0, 0.20, 0.0, 1.0, 1.0, 2.0),
        "close_front_round": Viseme(0.09, -0.35, 0.85, 0.15, 0.0, 0.30, 0.0, 1.0, 1.0, 3.0),
        # consonants
        "bilabial": Viseme(0.02, 0.0, 0.0, 0.0, 0.80, 0.2, 0.0, 3.0, 6.0, 0.15, closes=True),
        "bilabial_open": Viseme(0.08, 0.0, 0.05, 0.08, 0.0, 0.2, 0.0, 2.0, 3.0, 0.3),
        "labiodental": Viseme(0.04, 0.05, 0.0, 0.08, 0.0, 0.2, 0.9, 5.0, 6.0, 0.25),
        "dental": Viseme(0.11, 0.10, 0.0, 0.30, 0.0, 0.75, 0.0, 2.0, 1.0, 1.0),
        "alveolar": Viseme(0.10, 0.10, 0.0, 0.25, 0.0, 0.90, 0.0, 1.5, 0.25, 0.25),
        "sibilant": Viseme(0.04, 0.30, 0.0, 0.35, 0.0, 0.60, 0.0, 4.0, 1.0, 0.7),
        "postalveolar": Viseme(0.06, -0.20, 0.50, 0.30, 0.0, 0.60, 0.0, 3.0, 1.0, 2.5),
        "palatal_sibilant": Viseme(0.06, 0.30, 0.05, 0.35, 0.0, 0.60, 0.0, 3.0, 1.0, 1.0),
        "palatal": Viseme(0.10, 0.45, 0.0, 0.30, 0.0, 0.40, 0.0, 1.5, 0.8, 0.8),
        "velar": Viseme(0.14, 0.05, 0.0, 0.25, 0.0, 0.25, 0.0, 0.6, 0.15, 0.15),
        "approximant_r": Viseme(0.11, -0.15, 0.30, 0.20, 0.0, 0.50, 0.0, 1.0, 1.0, 1.0),
        "labial_glide": Viseme(0.07, -0.50, 1.0, 0.08, 0.0, 0.15, 0.0, 2.0, 3.0, 4.0),
        "glottal": Viseme(0.16, 0.05, 0.0, 0.25, 0.0, 0.20, 0.0, 0.1, 0.1, 0.1),
    }
)

_SHORT = {
    "open": "a a: A A: aa A@ A# A~",
    "open_front": "E E: E2 E# a2",
    "open_central": "V a# 3",
    "mid_front": "e e: e#",
    "near_close_front": "I I2 I#",
    "close_front": "i i: i2",
    "central": "@ @- @: @2 @5 @#",
    "rhotic": "3: @r",
    "open_round": "0 0# O O: O@ o@ O~",
    "mid_round": "o o:",
    "near_close_round": "U U@ UR",
    "close_round": "u u:",
    "close_front_round": "y y:",
    "bilabial": "p b m m- ph p_h",
    "bilabial_open": "B",
    "labiodental": "f v v#",
    "dental": "T D",
    "alveolar": "t d n l n- l- t# d# t2 th t_h t[ d_ d[ l^ l. n^ J^ r * ** R R2 R3 r.",
    "sibilant": "s z ts tsh z#",
    "postalveolar": "S Z tS dZ s. z. ts. ts.h",
    "palatal_sibilant": "S; Z; tS; dZ; tS;h",
    "palatal": "j ; C",
    "velar": "k g kh k_h N N- q x X Q g#",
    "approximant_r": "r-",
    "labial_glide": "w w#",
    "glottal": "h ?",
}
_LONG = {
    "aI": "open near_close_front",
    "ai": "open near_close_front",
    "aU": "open near_close_round",
    "au": "open near_close_round",
    "eI": "mid_front near_close_front",
    "ei": "mid_front near_close_front",
    "OI": "open_round near_close_front",
    "oI": "mid_round near_close_front",
    "oi": "open_round near_close_front",
    "Oi": "open_round near_close_front",
    "oU": "mid_round near_close_round",
    "ou": "mid_round near_close_round",
    "e@": "open_front central",
    "i@": "close_front central",
    "u@": "close_round central",
    "@I": "central near_close_front",
    "@i": "central near_close_front",
    "iu": "close_front close_round",
    "ui": "close_round close_front",
    "Eu": "open_front near_close_round",
    "eu": "mid_front near_close_round",
}

BASE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {name: (viseme,) for viseme, names in _SHORT.items() for name in names.split()}
    | {name: tuple(visemes.split()) for name, visemes in _LONG.items()}
)
"""Mnemonic -> visemes in order, each with an equal share of the phoneme; for all families that say no other."""


def _table(text: str) -> Mapping[str, tuple[str, ...]]:
    """Read `mnemonic: viseme viseme; ...` - a semicolon that belongs to a mnemonic has no space behind it."""
    rows = (row.rpartition(":") for row in " ".join(text.split()).split("; "))
    return MappingProxyType({name.strip(): tuple(visemes.split()) for name, _, visemes in rows})


FAMILIES: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "germanic": _table(
            """r: approximant_r; @L: central alveolar; OY: open_round near_close_front; W: mid_front_round;
            Y:: mid_front_round; Y: mid_front_round; pF: bilabial labiodental; aI@: open near_close_front central;
            aU@: open near_close_round central; iR: close_front central; i@3: close_front central;
            aa: open_front; a: open_front"""
        ),
        "romance": _table("eU: mid_front near_close_round; aU: open near_close_round; l^: palatal; J^: palatal"),
        "austronesian": _table("@U: central near_close_round"),
        "sinitic": _table(
            """o-: close_back; i[: sibilant; i.: postalveolar; Au: open mid_round; iA: close_front open;
            iAu: close_front open mid_round; iE: close_front open_front; io: close_front mid_round;
            iou: close_front mid_round; ong: mid_round velar; uA: close_round open; ua: close_round open;
            uai: close_round open near_close_front; uei: close_round mid_front near_close_front;
            uo: close_round mid_round; yu: close_front_round; y&: close_front_round open_front;
            yE: close_front_round open_front; y@: close_front_round central; yi: close_front_round close_front;
            aai: open near_close_front; aau: open near_close_round; ang: open_central velar; aang: open velar;
            eng: open_front velar; ing: near_close_front velar; oeng: mid_front_round velar;
            ung: near_close_round velar; ng: velar; oe: mid_front_round; eo: mid_front_round;
            eoi: mid_front_round close_front_round; c: sibilant; z: sibilant"""
        ),
        "vietic": _table(
            """y: close_back; y@: close_back central; iE: close_front mid_front; O#: open_round; o#: mid_round;
            O+: open_round; o@: mid_round central; e-: mid_front; c: palatal_sibilant; tS: palatal_sibilant;
            yI: close_back near_close_front; a:I: open near_close_front; a:U: open near_close_round;
            iU: close_front near_close_round; u-: close_round; O-: open_round"""
        ),
        "tai": _table(
            """W: close_back; W@: close_back central; a:i: open near_close_front; a:u: open near_close_round;
            aW: open close_back; Wi: close_back close_front; tS: palatal_sibilant; c: palatal_sibilant"""
        ),
    }
)
"""What a language family does otherwise: the same mnemonic may be another sound."""


def visemes_of(mnemonic: str, family: str) -> tuple[str, ...] | None:
    """Return the visemes of a phoneme, in order; none for a pause or a boundary.

    Returns:
        Names in `VISEMES`, or None if the table has no such mnemonic.
    """
    if mnemonic in PAUSES or mnemonic in BOUNDARIES:
        return ()
    return FAMILIES.get(family, {}).get(mnemonic) or BASE.get(mnemonic)
