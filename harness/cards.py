"""Cards: what is known of a part without importing its code; one `card.toml` lies beside every such part."""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .canonical import JSON
from .errors import InputError

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
Version = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the nearest known word, or nothing."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean '{near[0]}'?" if near else ""


class Document(BaseModel):
    """Base of every document on disk: unknown keys are errors, instances do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Parameter(Document):
    """One parameter of a generator or detector."""

    default: bool | int | float | str
    description: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    sampling: bool = False
    """Of a generator: whether it is read in `generate` alone, so that a trained one serves all its values."""

    def check(self, name: str, value: JSON) -> bool | int | float | str:
        """Return `value` as the type of the default, or raise InputError that names what is legal."""
        wanted = type(self.default)
        if wanted is float and type(value) is int:
            value = float(value)
        if type(value) is not wanted:
            raise InputError(f"{name}: found {value!r}, expected {wanted.__name__} (default {self.default!r})")
        if isinstance(value, str):
            if self.choices and value not in self.choices:
                raise InputError(f"{name}: found {value!r}, legal: {', '.join(self.choices)}")
            return value
        low = float("-inf") if self.low is None else self.low
        high = float("inf") if self.high is None else self.high
        if not low <= value <= high or value in {float("inf"), float("-inf")}:
            raise InputError(f"{name}: found {value!r}, legal: {low} to {high}")
        return value


class PartCard(Document):
    """What every part says of itself."""

    name: Name
    version: Version
    title: str
    description: str = ""
    modality: Literal["image", "video", "audio"] = "image"
    licence: str = "Apache-2.0"
    reference: str = ""
    """The paper or standard."""
    entry: str = ""
    """`module:Class` relative to the card's folder, for instance `model:DCGAN`."""
    parameters: dict[str, Parameter] = {}

    def fill(self, given: Mapping[str, JSON]) -> dict[str, JSON]:
        """Return every parameter, `given` checked and the rest by default.

        Raises:
            InputError: An unknown parameter, a wrong type or a value out of range.
        """
        for name in given:
            if name not in self.parameters:
                known = ", ".join(sorted(self.parameters)) or "none"
                hint = did_you_mean(name, self.parameters)
                raise InputError(f"{self.name} has no parameter '{name}'{hint}; it has: {known}")
        return {
            name: parameter.check(f"{self.name}.{name}", given[name]) if name in given else parameter.default
            for name, parameter in self.parameters.items()
        }


class SmallEdit(Document):
    """When an edit by a trained network is so small that the person counts as augmented, not as fake."""

    parameter: str
    """A number among the card's parameters."""
    at_most: float


class Choice(Document):
    """One value of a parameter."""

    parameter: str
    value: str


class Recipe(Document):
    """How the weights that come with a system were trained: on rendered people whom no suite draws by default."""

    size: int = 64
    """Side of the train pictures."""
    people: int = Field(ge=3)
    per_person: int = Field(default=0, ge=0)
    clips: int = Field(default=0, ge=0)
    """Talking clips of each person, in place of pictures."""
    sounds: int = Field(default=0, ge=0)
    """Beside the clips, spoken sounds of each person in each language: speech needs more than faces."""
    seconds: float = Field(default=3.0, ge=1)
    """Length of a clip, and of a sound."""
    languages: tuple[str, ...] = ("en",)
    """Spoken in turn by the people."""
    population: int = Field(ge=1)
    """Seed of the studio; a suite with this seed trains its systems anew, or they would know its people."""
    seed: int = 0
    """Of the training."""
    parameters: dict[str, bool | int | float | str] = {}


class GeneratorCard(PartCard):
    """A system under test."""

    technique: str
    """gan, dcgan, autoencoder, swap, lip-sync, editing, ..."""
    kind: Literal["fully_synthetic", "partially_synthetic", "augmented_real"]
    fits: bool = False
    """Whether `fit` must run before `generate`."""
    uses: tuple[Literal["target", "references", "driver", "audio", "text", "attributes"], ...] = ()
    """The fields of a Request that it reads."""
    parts: dict[Literal["target", "audio"], str] = {}
    """A chain: the systems that make what it is given, where a suite names no others."""
    attributes: dict[str, tuple[float, ...]] = {}
    """Attribute -> the strengths that are asked for in turn, -1 (as low as it gets) to 1."""
    small_edit: SmallEdit | None = None
    """Up to which strength its kind is augmented_real."""
    audio_language: Literal["same", "other"] = "same"
    """What the sound that it is given is in: its target's language, where somebody speaks it, or another one."""
    other_language: Choice | None = None
    """The value that makes `audio_language` `other`."""
    cost: float = 60.0
    """Seconds that a fit with default parameters takes on one core, for estimates before the first run."""
    recipe: Recipe | None = None
    """How the weights that come with it are trained: `fauxbench fit NAME --ship`."""
    weights: dict[str, str] = {}
    """Files of a trained one that come with the part, below `weights/`, with their sha256; `save` wrote them."""

    def with_parameters(self, parameters: Mapping[str, JSON]) -> "GeneratorCard":
        """Return the card of the system with these parameters: a small edit makes augmented real items."""
        changed: dict[str, str] = {}
        small, other = self.small_edit, self.other_language
        if small is not None and float(parameters[small.parameter]) <= small.at_most:
            changed["kind"] = "augmented_real"
        if other is not None and parameters[other.parameter] == other.value:
            changed["audio_language"] = "other"
        return self.model_copy(update=changed)


class DetectorCard(PartCard):
    """A detector; `target` is the truth that it is scored against."""

    target: Literal["visual", "audio", "any"] = "visual"
    also: tuple[Literal["image", "video", "audio"], ...] = ()
    """Other media that it reads: the frames of clips, or their sound."""
    fits: bool = True
    cost: float = 60.0
    argument: str = ""
    """The parameter that `NAME:ARGUMENT` sets."""
    weights: dict[str, str] = {}
    """Files of a trained one that come with the part, below `weights/`, with their sha256."""


class Weights(Document):
    """A file of weights, locked: nothing else is loaded in its place."""

    file: str
    """Name of the file in the weights folder."""
    url: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int
    """Bytes."""
    licence: str


Purpose = Literal[
    "distribution",
    "neighbours",
    "classes",
    "identity",
    "factors",
    "sync",
    "speaker",
    "frames",
    "structure",
    "mouth",
    "speech",
]
"""What the numbers of an instrument are good for, and what a metric reads."""


class InstrumentCard(Document):
    """A network with fixed weights, or a fixed transform, that turns media into numbers."""

    name: Name
    version: Version
    title: str
    reference: str = ""
    entry: str
    """`module:Class` in `harness/instruments`."""
    modality: Literal["image", "video", "audio"] = "image"
    """What `extract` reads: pictures, clips (VideoMedia) or sounds (SoundMedia)."""
    sound: bool = False
    """Clips: whether it hears them too; a clip without sound is then a counted failure."""
    fps: float | None = None
    """Clips: frames a second at which it wants them; None is as they are."""
    outputs: tuple[str, ...] = ("features",)
    """Names of the arrays that `extract` returns."""
    purpose: tuple[Purpose, ...]
    """What metrics may use it for."""
    weights: Weights | None = None
    weights_of: str | None = None
    """The instrument whose file of weights this one reads too."""
    measured: dict[str, float] = {}
    """What the shipped weights reach on held-out data, by name; a test repeats it."""


class MetricCard(Document):
    """A metric: what it needs, what form it has, which way is better."""

    name: Name
    version: Version
    title: str
    form: Literal["set", "paired", "single"]
    """`set`: two sets; `paired`: an item and the item it was made from; `single`: the synthetic set alone."""
    direction: Literal["lower", "higher", "none"]
    purpose: Purpose | Literal["pixels"]
    """Which instruments it reads; `pixels` needs none."""
    modality: tuple[Literal["image", "video", "audio"], ...] = ("image",)
    """What it can be measured on: sets of pictures, of clips, of sounds."""
    truth: bool = False
    """Whether it reads the perfect results, which the studio renders from the factors it knows."""
    asked: tuple[Literal["target", "references", "driver", "attributes"], ...] = ()
    """Only for systems that are given one of these; empty: for all."""
    display: dict[str, str] = {}
    """Name shown with a given instrument, for instance `inception-2015 = "fid"`; otherwise `name[instrument]`."""
    minimum_n: int = 2
    """Fewer items than this and the score is flagged."""
    unit: str = ""
    range: tuple[float | None, float | None] = (None, None)
    reference: str
    entry: str
    """`module:Class` in `harness/metrics`."""

    def shown_as(self, instrument: str | None) -> str:
        """Return the name that tables print."""
        if instrument is None:
            return self.name
        return self.display.get(instrument, f"{self.name}[{instrument}]")


C = TypeVar("C", bound="PartCard")


def read_card(path: Path, card_type: type[C]) -> C:
    """Read a `card.toml`.

    Raises:
        InputError: The file is missing, is not TOML, or does not describe such a part.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"no card: {path} ({error.strerror}); every part has a card.toml beside its code") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not TOML: {error}") from error
    try:
        return card_type.model_validate(table)
    except ValidationError as error:
        lines = [
            f"{'.'.join(map(str, e['loc'])) or 'card'}: {e['msg']}, found {e['input']!r:.80}" for e in error.errors()
        ]
        raise InputError(f"{path}: " + "; ".join(lines)) from error
