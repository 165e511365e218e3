"""What is done to pictures, and to every frame of a clip: the rows of the table."""

from ..media.item import Modality
from .change import SEED, Change, Choice, Span, ladder, steps

_LIGHT = Change(
    name="light",
    modality=Modality.IMAGE,
    title="exposure, colour and direction of the light",
    function="light:adjust_light",
    draws={
        "exposure": ladder((0.1, 0.3), (0.3, 0.5), (0.5, 0.8), (0.8, 1.2), (1.2, 1.8), either=True),
        "warmth": ladder((5, 15), (15, 25), (25, 40), (40, 60), (60, 90), either=True),
        "gradient": ladder((0.05, 0.15), (0.15, 0.3), (0.3, 0.5), (0.5, 0.7), (0.7, 0.95)),
        "direction": (Span(low=0.0, high=360.0),),
        "gamma": ladder((1.02, 1.1), (1.1, 1.2), (1.2, 1.35), (1.35, 1.6), (1.6, 2.0), log=True, either=True),
    },
)
_RESOLUTION = Change(
    name="resolution",
    modality=Modality.IMAGE,
    title="down and up again",
    function="resolution:change_resolution",
    draws={"factor": ladder((1.2, 1.5), (1.5, 2.0), (2.0, 2.6), (2.6, 3.6), (3.6, 5.0), log=True)},
    constants={"jpeg": 0},
)
_BACKGROUND = Change(
    name="background",
    modality=Modality.IMAGE,
    title="another background behind an estimated foreground",
    function="background:replace_background",
    draws={
        "backdrop": (Choice(("blur", "gradient", "texture")),),
        "amount": ladder((0.2, 0.3), (0.35, 0.5), (0.55, 0.7), (0.75, 0.9), (1.0, 1.0)),
        "seed": SEED,
    },
    constants={"feather": 0.03, "foreground": "grabcut"},
)
_JPEG = Change(
    name="jpeg",
    modality=Modality.IMAGE,
    title="one JPEG encoding",
    function="encoding:compress",
    draws={"quality": tuple(Span(low=low, high=low + 6, whole=True) for low in (88, 70, 45, 20, 5))},
    constants={"chroma": "4:2:0"},
)
_RESAMPLE = Change(
    name="resample",
    modality=Modality.IMAGE,
    title="down and up again with a named filter",
    function="sampling:resample",
    draws={"factor": ladder((1.05, 1.2), (1.4, 1.7), (1.9, 2.4), (2.8, 3.6), (4.0, 5.0), log=True)},
    constants={"filter": "bicubic"},
)
_MOVE = Change(
    name="move",
    modality=Modality.IMAGE,
    title="moved by whole pixels",
    function="sampling:move",
    draws={
        name: tuple(Span(low=rung, high=rung + 1, whole=True, either=True) for rung in (1, 2, 3, 5, 8))
        for name in ("right", "down")
    },
)
_COLOURS = Change(
    name="colours",
    modality=Modality.IMAGE,
    title="channels rounded to fewer levels",
    function="damage:round_colours",
    draws={
        "step": tuple(
            Span(low=low, high=high, whole=True) for low, high in ((2, 4), (5, 8), (10, 16), (20, 32), (40, 64))
        )
    },
)
_CONTRAST = Change(
    name="contrast",
    modality=Modality.IMAGE,
    title="less contrast",
    function="damage:change_contrast",
    draws={"factor": ladder((0.85, 0.95), (0.7, 0.8), (0.5, 0.6), (0.3, 0.4), (0.1, 0.2))},
)
_BLUR = Change(
    name="blur",
    modality=Modality.IMAGE,
    title="Gaussian blur, relative to the shorter side",
    function="damage:blur",
    draws={"sigma": ladder((0.006, 0.01), (0.011, 0.016), (0.018, 0.026), (0.03, 0.045), (0.05, 0.08))},
)
_NOISE = Change(
    name="noise",
    modality=Modality.IMAGE,
    title="Gaussian noise",
    function="damage:add_noise",
    draws={
        "deviation": ladder((2, 4), (6, 9), (11, 16), (20, 30), (40, 60)),
        "seed": SEED,
    },
    moving=True,
)
_COVER = Change(
    name="cover",
    modality=Modality.IMAGE,
    title="a grey block in front",
    function="damage:cover",
    draws={
        "share": ladder((0.01, 0.02), (0.03, 0.05), (0.07, 0.1), (0.15, 0.2), (0.3, 0.4)),
        "x": (Span(low=0.0, high=1.0),),
        "y": (Span(low=0.0, high=1.0),),
    },
)
_WEBP = Change(
    name="webp",
    modality=Modality.IMAGE,
    title="one WebP encoding",
    function="encoding:compress_webp",
    draws={"quality": tuple(Span(low=low, high=low + 6, whole=True) for low in (88, 70, 45, 20, 2))},
)
_HEIGHT = Change(
    name="height",
    modality=Modality.IMAGE,
    title="brought to a height, and left there; never up-scaled",
    function="geometry:bring_to_height",
    draws={"height": steps(1080, 720, 480, 360, 240)},
    resizes=True,
)
_SCALE = Change(
    name="scale",
    modality=Modality.IMAGE,
    title="made smaller, and left there",
    function="geometry:scale_down",
    draws={"factor": steps(1.25, 1.5, 2.0, 3.0, 4.5)},
    resizes=True,
)
_SATURATION = Change(
    name="saturation",
    modality=Modality.IMAGE,
    title="less saturated colours",
    function="damage:change_saturation",
    draws={"factor": ladder((0.75, 0.85), (0.55, 0.65), (0.35, 0.45), (0.15, 0.25), (0.0, 0.0))},
)
_GAMMA = Change(
    name="gamma",
    modality=Modality.IMAGE,
    title="middle tones darker or lighter",
    function="light:adjust_light",
    draws={"gamma": ladder((1.05, 1.15), (1.2, 1.35), (1.4, 1.6), (1.7, 2.0), (2.2, 2.8), log=True, either=True)},
)
_BLOCKS = Change(
    name="blocks",
    modality=Modality.IMAGE,
    title="square blocks lost, in clips others in every frame",
    function="damage:drop_blocks",
    draws={"share": ladder((0.01, 0.015), (0.02, 0.03), (0.04, 0.06), (0.08, 0.12), (0.18, 0.25)), "seed": SEED},
    constants={"side": 8},
    moving=True,
)
_ROTATION = Change(
    name="rotation",
    modality=Modality.IMAGE,
    title="turned about the middle, the edge repeated",
    function="geometry:rotate",
    draws={"degrees": ladder((1, 2), (3, 5), (7, 10), (13, 18), (25, 35), either=True)},
)
_CROP = Change(
    name="crop",
    modality=Modality.IMAGE,
    title="a part of the picture, cut out and left at its size",
    function="geometry:crop",
    draws={
        "share": ladder((0.9, 0.95), (0.8, 0.88), (0.7, 0.78), (0.6, 0.66), (0.5, 0.55)),
        "x": (Span(low=0.25, high=0.75),),
        "y": (Span(low=0.25, high=0.75),),
    },
    constants={"side": 0},
    resizes=True,
)
_TEXT = Change(
    name="text",
    modality=Modality.IMAGE,
    title="a line of white text with a dark edge",
    function="geometry:write_text",
    draws={
        "height": ladder((0.03, 0.04), (0.05, 0.06), (0.08, 0.1), (0.13, 0.16), (0.2, 0.25)),
        "x": (Span(low=0.0, high=1.0),),
        "y": (Span(low=0.0, high=1.0),),
        "text": (Choice(("BREAKING NEWS", "follow for more", "LIVE 21:04", "who is this?")),),
    },
)
PICTURES = (
    *(_LIGHT, _RESOLUTION, _BACKGROUND, _JPEG, _RESAMPLE, _MOVE, _COLOURS, _CONTRAST, _BLUR, _NOISE, _COVER),
    *(_WEBP, _HEIGHT, _SCALE, _SATURATION, _GAMMA, _BLOCKS, _ROTATION, _CROP, _TEXT),
)
