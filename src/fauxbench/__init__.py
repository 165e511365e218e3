"""fauxbench: a benchmark for generators of synthetic media and for the detectors that should catch them."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .harness.canonical import digest_of_file as digest_of_file
    from .harness.cards import DetectorCard as DetectorCard
    from .harness.cards import GeneratorCard as GeneratorCard
    from .harness.compare import compare as compare
    from .harness.conditions.table import Condition as Condition
    from .harness.contracts import Artifact as Artifact
    from .harness.contracts import Context as Context
    from .harness.contracts import Detector as Detector
    from .harness.contracts import FitTask as FitTask
    from .harness.contracts import Generator as Generator
    from .harness.contracts import Output as Output
    from .harness.contracts import Request as Request
    from .harness.contracts import ScoreRecord as ScoreRecord
    from .harness.errors import Failure as Failure
    from .harness.errors import FauxbenchError as FauxbenchError
    from .harness.errors import InputError as InputError
    from .harness.errors import MediaError as MediaError
    from .harness.generate import generate as generate
    from .harness.measure import measure as measure
    from .harness.media.content import FileMedia as FileMedia
    from .harness.media.content import ImageMedia as ImageMedia
    from .harness.media.content import SoundMedia as SoundMedia
    from .harness.media.content import VideoMedia as VideoMedia
    from .harness.media.images import crop_square as crop_square
    from .harness.media.images import read_image as read_image
    from .harness.media.images import resize as resize
    from .harness.media.item import Item as Item
    from .harness.run import run as run

_HOME = {
    "Artifact": "contracts",
    "Condition": "conditions.table",
    "Context": "contracts",
    "Detector": "contracts",
    "DetectorCard": "cards",
    "Failure": "errors",
    "FauxbenchError": "errors",
    "FileMedia": "media.content",
    "FitTask": "contracts",
    "Generator": "contracts",
    "GeneratorCard": "cards",
    "ImageMedia": "media.content",
    "InputError": "errors",
    "Item": "media.item",
    "MediaError": "errors",
    "Output": "contracts",
    "Request": "contracts",
    "ScoreRecord": "contracts",
    "SoundMedia": "media.content",
    "VideoMedia": "media.content",
    "crop_square": "media.images",
    "digest_of_file": "canonical",
    "compare": "compare",
    "generate": "generate",
    "measure": "measure",
    "read_image": "media.images",
    "run": "run",
    "resize": "media.images",
}
"""Where each public name lives; it is imported when it is first asked for, so that the command line starts fast."""

__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'fauxbench' has no attribute '{name}'")
    return getattr(import_module(f".harness.{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return list(__all__)
