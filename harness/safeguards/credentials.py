"""Content credentials: a signed manifest inside the file, by C2PA, made and checked without a network.

The manifest says what kind of file it is (IPTC digital source type), which Items it was made from, and which watermark
it carries. It does not survive re-encoding; the watermark does.
"""

import importlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from ..canonical import JSON
from ..errors import InputError, MediaError
from .keys import Keys

FACTS = "org.fauxbench.item"
"""Label of the assertion that holds what fauxbench knows of the file."""
WATERMARK = "org.fauxbench.watermark.1"
"""Names our watermark where a manifest speaks of it."""
_TITLE = 200
"""Characters of a title; ids can be longer."""

State = Literal["trusted", "valid", "invalid", "unreadable", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingredient:
    """An Item that a file was made from."""

    title: str
    content: str | None = None
    """sha256 over its decoded content, if it is known."""
    format: str = "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a manifest is to say."""

    title: str
    source_type: str
    facts: Mapping[str, JSON]
    created: bool
    """Made from nothing, or made from `ingredients`, the altered one first."""
    watermark: str | None
    """What the watermark holds, as text; None where the file was too small for one."""
    ingredients: Sequence[Ingredient] = ()

    def manifest(self) -> dict[str, JSON]:
        """Return the manifest as c2pa takes it."""
        made = {"action": "c2pa.created" if self.created else "c2pa.edited", "digitalSourceType": self.source_type}
        actions: list[dict[str, JSON]] = [made]
        document: dict[str, JSON] = {
            "claim_generator_info": [{"name": "fauxbench", "version": _version()}],
            "title": self.title[:_TITLE],
        }
        if not self.created:
            parents = self.ingredients or (Ingredient(title="unknown"),)
            document["ingredients"] = [_ingredient(one, place) for place, one in enumerate(parents)]
            actions.insert(0, {"action": "c2pa.opened", "parameters": {"ingredientIds": ["parent-0"]}})
        assertions: list[dict[str, JSON]] = [{"label": FACTS, "data": dict(self.facts)}]
        if self.watermark is not None:
            actions.append({"action": "c2pa.watermarked"})
            block = {"scope": {}, "value": self.watermark}
            assertions.append({"label": "c2pa.soft-binding", "data": {"alg": WATERMARK, "blocks": [block]}})
        document["assertions"] = [{"label": "c2pa.actions.v2", "data": {"actions": actions}}, *assertions]
        return document


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a file's manifest says, and whether it may be believed."""

    state: State
    """`trusted`: intact, and signed under an authority that we know; `valid`: intact, signed by somebody else;
    `unreadable`: neither they nor what the file shows can be read, so that nothing says it was ever signed."""
    problems: tuple[str, ...] = ()
    """C2PA's codes of what is wrong."""
    signer: str | None = None
    program: str | None = None
    """Who made the claim."""
    source_type: str | None = None
    facts: Mapping[str, JSON] | None = None
    """What fauxbench said of the file."""


def sign(source: Path, target: Path, claim: Claim, keys: Keys) -> None:
    """Write `source` to `target` with a signed manifest; nothing may change the file after this.

    Raises:
        InputError: c2pa-python is not installed.
        MediaError: The file cannot be signed.
        OSError: The disk is full.
    """
    c2pa = library()
    info = c2pa.C2paSignerInfo(alg=b"es256", sign_cert=keys.chain, private_key=keys.signing_key, ta_url=None)
    context = _context(c2pa, keys.authority)
    mime = mime_of(source)
    if mime is None:
        raise MediaError(f"{source}: not a form that content credentials fit into")
    try:
        with (
            c2pa.Signer.from_info(info) as signer,
            c2pa.Builder(claim.manifest(), context) as builder,
            source.open("rb") as before,
            target.open("w+b") as after,
        ):
            builder.sign(signer, mime, before, after)
    except c2pa.C2paError as error:
        target.unlink(missing_ok=True)
        raise MediaError(f"{source}: cannot be signed: {error}") from error


def read_credentials(path: Path, authorities: Sequence[bytes]) -> Credentials:
    """Read and check the manifest of a file; whatever the file is, an answer comes, and nothing is fetched.

    Args:
        path: The file.
        authorities: Certificates (PEM) whose signatures count as trusted.

    Raises:
        InputError: c2pa-python is not installed.
    """
    c2pa = library()
    mime = mime_of(path)
    if mime is None:
        return Credentials(state="none")
    context = _context(c2pa, b"".join(authorities))
    try:
        with path.open("rb") as file, c2pa.Reader(mime, file, context=context) as reader:
            told = json.loads(reader.json())
    except c2pa.C2paError.ManifestNotFound:
        return Credentials(state="none")
    except (c2pa.C2paError, ValueError) as error:
        return Credentials(state="invalid", problems=(f"the manifest cannot be read: {error}"[:300],))
    return _credentials(told)


def _credentials(told: Mapping[str, Any]) -> Credentials:
    manifest = told.get("manifests", {}).get(told.get("active_manifest"), {})
    assertions = {one.get("label", ""): one.get("data") for one in manifest.get("assertions", ())}
    actions = [a for label, data in assertions.items() if label.startswith("c2pa.actions") for a in data["actions"]]
    types = [action["digitalSourceType"] for action in actions if "digitalSourceType" in action]
    info = (manifest.get("claim_generator_info") or [{}])[0]
    signature = manifest.get("signature_info") or {}
    facts = assertions.get(FACTS)
    codes = dict.fromkeys(str(one.get("code")) for one in told.get("validation_status") or ())
    states: dict[str, State] = {"Trusted": "trusted", "Valid": "valid"}
    return Credentials(
        state=states.get(str(told.get("validation_state")), "invalid"),
        problems=tuple(codes),
        signer=", ".join(filter(None, dict.fromkeys((signature.get("issuer"), signature.get("common_name"))))) or None,
        program=" ".join(filter(None, (info.get("name"), info.get("version")))) or None,
        source_type=types[-1] if types else None,
        facts=facts if isinstance(facts, dict) else None,
    )


def mime_of(path: Path) -> str | None:
    """Return the form of a file by its first bytes, if credentials fit into it; names can be wrong."""
    with path.open("rb") as file:
        head = file.read(12)
    for at, magic, mime in (
        (0, b"\x89PNG", "image/png"),
        (0, b"\xff\xd8\xff", "image/jpeg"),
        (8, b"WEBP", "image/webp"),
        (0, b"GIF8", "image/gif"),
        (0, b"II*\0", "image/tiff"),
        (0, b"MM\0*", "image/tiff"),
        (8, b"WAVE", "audio/wav"),
        (8, b"AVI ", "video/avi"),
        (0, b"fLaC", "audio/flac"),
        (0, b"ID3", "audio/mpeg"),
        (0, b"\xff\xfb", "audio/mpeg"),
        (4, b"ftypqt", "video/quicktime"),
        (4, b"ftypM4A", "audio/mp4"),
        (4, b"ftyp", "video/mp4"),
    ):
        if head[at : at + len(magic)] == magic:
            return mime
    return None


@cache
def _version() -> str:
    return version("fauxbench")


def library() -> Any:  # noqa: ANN401 - c2pa has no types
    """Import c2pa-python.

    Raises:
        InputError: It is not installed.
    """
    try:
        return importlib.import_module("c2pa")
    except ImportError as error:
        raise InputError(
            f"content credentials need c2pa-python ({error}): reinstall fauxbench. Without it nothing "
            "synthetic can leave, because it could not be marked"
        ) from error


def _ingredient(one: Ingredient, place: int) -> dict[str, JSON]:
    record: dict[str, JSON] = {
        "title": one.title[:_TITLE],
        "format": one.format,
        "relationship": "componentOf" if place else "parentOf",
        "label": f"parent-{place}",
    }
    return record | ({"instance_id": f"sha256:{one.content}"} if one.content else {})


def _context(c2pa: Any, authorities: bytes) -> Any:  # noqa: ANN401 - c2pa has no types
    """Return settings without thumbnails (they multiply the size), and without any question to the network."""
    settings: dict[str, JSON] = {
        "builder": {"thumbnail": {"enabled": False}},
        "verify": {"verify_trust": True, "remote_manifest_fetch": False, "ocsp_fetch": False},
    }
    if authorities:
        settings["trust"] = {"trust_anchors": authorities.decode()}
    return c2pa.Context(c2pa.Settings.from_dict(settings))
