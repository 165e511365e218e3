"""How a suite describes a system that is attached by a command or over HTTP."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from ..cards import Document, GeneratorCard

Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Kind = Literal["fully_synthetic", "partially_synthetic", "augmented_real"]


class Described(Document):
    """What a card would say of a system whose code is elsewhere."""

    technique: str = "unknown"
    """gan, diffusion, swap, lip-sync, ...; consent records name it."""
    modality: Literal["image", "video", "audio"] = "image"
    uses: tuple[Literal["target", "references", "driver", "audio", "text", "attributes"], ...] = ()
    """What it reads of a request."""
    attributes: dict[str, tuple[float, ...]] = {}
    """Attribute -> strengths that are asked for in turn, -1 to 1."""
    licence: str = ""
    reference: str = ""
    """Its paper."""
    largest_mb: float = Field(default=1024, gt=0, le=1 << 20, allow_inf_nan=False)
    """An output larger than this is a failure; it is never read as a whole."""

    def card(self, name: str, version: str, kind: Kind) -> GeneratorCard:
        """Return the system's card."""
        return GeneratorCard(
            name=name,
            version=version,
            kind=kind,
            title=self.title,
            technique=self.technique,
            modality=self.modality,
            uses=self.uses,
            attributes=self.attributes,
            licence=self.licence,
            reference=self.reference,
            fits=self.trains,
        )

    @property
    def largest(self) -> int:
        """The largest output in bytes."""
        return int(self.largest_mb * 2**20)

    @property
    def title(self) -> str:
        """How the card calls it."""
        return "a system made elsewhere"

    @property
    def trains(self) -> bool:
        """Whether it is trained before it is asked."""
        return False


class CommandSpec(Described):
    """A program that speaks JSON lines on standard input and output."""

    argv: tuple[Annotated[str, Field(min_length=1)], ...] = Field(min_length=1)
    """The program and its arguments; no shell reads them."""
    folder: Path = Path()
    """Working folder, relative to the suite."""
    files: tuple[Path, ...] = ()
    """Files and folders, relative to the working folder, whose content makes the numbers: code and weights."""
    environment: dict[str, str] = {}
    """Variables set on top of what is there."""
    heartbeat: Seconds = 300
    """Seconds without a line from the program after which it is ended."""
    fits: bool = False
    """Whether it is to be trained first."""

    @property
    def title(self) -> str:
        """The program's name."""
        return f"command {Path(self.argv[0]).name}"

    @property
    def trains(self) -> bool:
        """Whether it is trained before it is asked."""
        return self.fits


class HttpSpec(Described):
    """A service that answers POST requests."""

    url: str
    token: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """Name of the environment variable that holds a bearer token; the token itself is never recorded."""
    timeout: Seconds = 60
    """Seconds for one answer, from connecting to its last byte."""
    retries: int = Field(default=4, ge=0, le=20)
    """Further attempts after 429, 5xx or a broken connection."""
    backoff: Seconds = 0.5
    """Seconds before the first of them; doubled each time. Retry-After of the service counts if it is longer."""
    per_second: float | None = Field(default=None, gt=0, le=1000, allow_inf_nan=False)
    """Requests a second at most."""

    @field_validator("url")
    @classmethod
    def _usable(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise ValueError(f"not a URL: {error}") from error
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("expected http://HOST[:PORT]/PATH or https://...")
        if port == 0 or not url.isascii() or not url.isprintable() or " " in url:
            raise ValueError("expected printable ASCII without blanks, and a port from 1 to 65535")
        if parts.username is not None or parts.password is not None:
            raise ValueError("a name or password does not belong in a suite; set `token` to a variable that holds it")
        if parts.fragment:
            raise ValueError("a fragment (#...) is never sent; leave it out")
        return url

    @property
    def title(self) -> str:
        """The service's host."""
        return f"service at {urlsplit(self.url).netloc}"
