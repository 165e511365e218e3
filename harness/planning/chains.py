"""Planning chains: systems whose results are what another system is given."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from ..cards import GeneratorCard
from ..errors import SuiteError
from ..media.item import Modality
from ..plan import Unit
from ..suite import SystemSpec
from .model import REAL, Draft, System, code_of

STILLS = "stills"
"""Unit id of the pictures that systems of pictures learn from, where the real set holds clips."""
TAKES: Mapping[str, tuple[str, ...]] = MappingProxyType({"target": ("image", "video"), "audio": ("audio", "video")})
"""What the system that makes a part may make."""


def plan_parts(
    draft: Draft,
    spec: SystemSpec,
    card: GeneratorCard,
    name: str,
    plan: Callable[[Draft, SystemSpec], System],
) -> dict[str, str]:
    """Add the systems of a chain, each asked as many items as the last; return the inputs that their sets are.

    Their sets are nobody's rows: what is measured is what comes out at the end of the chain.

    Raises:
        SuiteError: A part that the system does not use, or that makes other media than it takes.
    """
    specs = {role: SystemSpec(use=use, version=None) for role, use in card.parts.items()} | dict(spec.parts)
    inputs: dict[str, str] = {}
    for role, part in specs.items():
        if role not in card.uses:
            raise SuiteError(f"parts: '{card.name}' is given no {role}; it uses: {', '.join(card.uses) or 'nothing'}")
        label = f"{part.name or part.use.rpartition(':')[2].lower()}.{name.replace('@', '-')}.{role}"
        system = plan(draft, part.model_copy(update={"name": label}))
        if system.card.modality not in TAKES[role]:
            wanted = " or ".join(TAKES[role])
            raise SuiteError(f"parts.{role}: '{part.use}' makes {system.card.modality}, and {role} is {wanted}")
        inputs[f"part {role}"] = system.sets[0]
    if "audio" in card.uses and "audio" not in specs and draft.modality is Modality.IMAGE:
        raise SuiteError(
            f"'{card.name}' is given speech, and the real set holds pictures: render clips or sounds, or give it "
            "`parts: {audio: tts}`"
        )
    return inputs


def learns_from(draft: Draft, card: GeneratorCard) -> str:
    """Return the unit of the set that a system is fitted on: of clips, those that make pictures see stills."""
    if card.modality != "image" or draft.modality is not Modality.VIDEO:
        return REAL
    code = code_of("execute/steps/stills.py", "media")
    return draft.add(Unit(id=STILLS, kind="stills", what="stills", key={"code": code}, inputs={"real": REAL}, cost=5))
