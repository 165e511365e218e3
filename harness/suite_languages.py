"""Languages in a suite: tonal ones against others, a system against its control.

`languages: {synthesiser: eSpeak NG 1.52, systems: [voiceclone@1], control: voiceclone@copy, ...}`; see docs/voices.md.
"""

from typing import Annotated

from pydantic import Field, model_validator

from .cards import Document

Name = Annotated[str, Field(min_length=1)]


class LanguagesSpec(Document):
    """What is compared between tonal and other languages, and by which controls."""

    synthesiser: Name
    """Who spoke: the sentence of every result names it, because what is found is about its speech."""
    systems: tuple[Name, ...] = Field(min_length=1)
    """`name@version` of what is compared with the control."""
    control: Name
    """`name@version` of the same chain without what the systems do."""
    flattened: Name
    """`name@version` of the same chain with one F0: keeps a language from being judged where it passes."""
    shuffled: Name
    """`name@version` of the same chain with F0 that changed places."""
    tonal: tuple[Name, ...] = ()
    """Codes, as items carry them; default: those of the suite's data that the studio knows as tonal."""
    others: tuple[Name, ...] = ()
    """The other side; default likewise."""

    @model_validator(mode="after")
    def _apart(self) -> "LanguagesSpec":
        controls = (self.control, self.flattened, self.shuffled)
        if len({*controls, *self.systems}) < len(controls) + len(self.systems):
            raise ValueError("systems, control, flattened and shuffled must be different systems")
        if len({*self.tonal, *self.others}) < len(self.tonal) + len(self.others):
            raise ValueError("tonal, others: a language is given twice")
        if bool(self.tonal) != bool(self.others):
            raise ValueError("tonal, others: give both, or neither")
        return self
