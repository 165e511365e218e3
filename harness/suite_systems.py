"""Systems and detectors in a suite: the entries of `generators` and `detectors`."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from .cards import Document, Name, Version
from .connect.spec import CommandSpec, HttpSpec
from .suite_data import Splits


def _version(value: object) -> object:
    """Accept `version: 2` as well as `version: "2"`; a float is refused, because 1.10 would become 1.1."""
    if isinstance(value, float):
        message = f"a version with a point needs quotes, because 1.10 is read as 1.1; found {value}"
        raise ValueError(message)  # noqa: TRY004 - pydantic collects it
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


SystemVersion = Annotated[Version, BeforeValidator(_version)]


def by_name(value: object) -> object:
    """Let `cnn` stand for `{use: cnn}`."""
    return {"use": value} if isinstance(value, str) else value


class SystemSpec(Document):
    """A generator in a suite: a system under test."""

    use: str
    """A name, `path/to/file.py:Class`, `folder` for outputs made elsewhere, `command` or `http`."""
    name: Name | None = None
    version: Annotated[SystemVersion | None, Field(default=None)]
    parameters: dict[str, Any] = {}
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(default=(0,), min_length=1)
    """Training seeds; from three on, compare speaks about the recipe."""
    time_limit: float = Field(default=1800.0, gt=0, allow_inf_nan=False)
    """Seconds for each unit (fit, generate)."""
    path: Path | None = None
    """folder: where the outputs lie."""
    manifest: Path | None = None
    """folder: CSV or JSONL with a column `file` and any of id, split, seed, target, language."""
    kind: Literal["fully_synthetic", "partially_synthetic", "augmented_real"] | None = None
    splits: Splits | None = None
    """folder: which part detectors may train on; default: all is test."""
    command: CommandSpec | None = None
    """command: the program."""
    http: HttpSpec | None = None
    """http: the service."""
    weights: Path | None = None
    """A folder that `save` wrote, loaded instead of training."""
    refit: bool = False
    """Train anew, even where weights come with the system."""
    parts: dict[Literal["target", "audio"], Annotated["SystemSpec", BeforeValidator(by_name)]] = {}
    """A chain: systems that make what this one is given, in place of items of the real set."""

    @model_validator(mode="after")
    def _keys_fit(self) -> "SystemSpec":
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds must differ, found {list(self.seeds)}")
        own = {"folder": ("path", "manifest", "splits"), "command": ("command",), "http": ("http",)}
        for use, names in own.items():
            given = [n for n in names if getattr(self, n) is not None]
            if self.use != use and given:
                raise ValueError(f"{', '.join(given)}: only for use '{use}'")
        if self.use not in own and self.kind is not None:
            raise ValueError(f"kind: only for use {', '.join(own)}; the card of '{self.use}' says it")
        if self.use in own:
            missing = [n for n in (own[self.use][0], "name", "version", "kind") if getattr(self, n) is None]
            if missing:
                raise ValueError(f"use '{self.use}' needs {', '.join(missing)}")
        if self.weights is not None and self.use in {"folder", "http"}:
            raise ValueError(f"weights: not for use '{self.use}', which loads none")
        if self.parameters and self.use == "folder":
            raise ValueError("parameters: not for use 'folder', whose outputs are finished")
        return self

    @field_validator("parts")
    @classmethod
    def _asked(cls, parts: dict[str, "SystemSpec"], info: ValidationInfo) -> dict[str, "SystemSpec"]:
        finished = [role for role, spec in parts.items() if spec.use == "folder"]
        if finished or (parts and info.data.get("use") == "folder"):
            raise ValueError("a chain is of systems that are asked, and outputs of a folder are finished")
        return parts


class DetectorSpec(Document):
    """A detector in a suite: a part that is trained here, or a file of scores made elsewhere."""

    use: str = ""
    parameters: dict[str, Any] = {}
    seed: int = Field(default=0, ge=0)
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = ()
    """Several trainings: each is a detector of its own, `NAME.seedN`, and a table says how far they are apart."""
    time_limit: float = Field(default=1800.0, gt=0, allow_inf_nan=False)
    pooling: Annotated[str | None, Field(default=None, pattern=r"^(mean|max|top-[1-9][0-9]*)$")]
    """How the scores of frames become one of a clip: mean, max or top-K; default: the detector's own way."""
    scores: Path | None = None
    """A CSV or Parquet file, see `stats/score_file.py`; instead of `use`."""
    name: Name | None = None
    """scores: what the tables call the detector."""
    trained_on: Annotated[str | None, Field(default=None, pattern=r"^\w[\w .,@+-]*$")]
    """scores: what it was trained on, in words."""
    target: Literal["visual", "audio", "any"] | None = None
    """scores: the truth that it is scored against; default: audio for sounds, else visual."""
    train_on: tuple[str | tuple[str, ...], ...] = ()
    """What this one is trained on, as the suite's `train_on`, which is the default: a detector of voices learns nothing
    from fakes whose sound is real."""

    @model_validator(mode="after")
    def _one_source(self) -> "DetectorSpec":
        own = [n for n in ("name", "trained_on", "target") if getattr(self, n) is not None]
        if self.seeds and (self.scores is not None or "seed" in self.model_fields_set):
            raise ValueError("seeds: not beside `seed` or `scores`")
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds must differ, found {list(self.seeds)}")
        if self.scores is None:
            if not self.use:
                raise ValueError("expected `use`, or `scores` with a name")
            if own:
                raise ValueError(f"{', '.join(own)}: only beside `scores`; the card of '{self.use}' says it")
        elif self.use or self.parameters or self.train_on:
            raise ValueError("`scores` takes no `use`, `parameters` and `train_on`: the detector ran elsewhere")
        elif self.name is None:
            raise ValueError("`scores` needs a name")
        return self
