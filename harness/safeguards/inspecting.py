"""What a file carries: watermark, credentials, XMP, and the row beside it. Whatever the file is, an answer comes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from ..canonical import JSON, digest_of_file
from ..errors import InputError, MediaError
from ..media.images import read_image
from ..media.item import Modality
from ..media.read import content_of, modality_of, read_frames, read_sound
from .border import PROVENANCE
from .credentials import Credentials, read_credentials
from .keys import Keys, keys_folder, read_keys
from .ledger import look_up
from .marking import payload_text, rate_of
from .watermark import Found, find_in_frames, find_in_picture, find_in_sound
from .watermark.lattice import FALSE_POSITIVES
from .watermark.picture import SMALLEST
from .xmp import read_xmp

SYNTHETIC = frozenset(
    {
        "algorithmicMedia",
        "algorithmicallyEnhanced",
        "compositeSynthetic",
        "compositeWithTrainedAlgorithmicMedia",
        "trainedAlgorithmicMedia",
    }
)
"""IPTC digital source types of what no camera or microphone recorded as it is."""
FRAMES = 250
"""Frames of a clip that are searched for a watermark."""
CALLED = {Modality.IMAGE: "picture", Modality.VIDEO: "clip", Modality.AUDIO: "sound"}
_ABOVE = 8
"""Folders above a file in which a sidecar is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """The row of `provenance.jsonl` that speaks of a file."""

    path: Path
    row: Mapping[str, JSON]
    intact: bool
    """Whether the file's bytes are those that left."""
    same_content: bool
    """Whether its decoded content is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """Everything that was found in and beside a file."""

    path: Path
    modality: Modality
    content: str | None
    """sha256 over what it shows or sounds like; None if it cannot be decoded."""
    damage: str | None
    """Why it cannot be decoded, or None."""
    watermark: Found | None
    not_searched: str | None
    """Why no watermark was looked for, or None."""
    too_small: str | None
    """Why such a file never has a watermark, or None."""
    credentials: Credentials
    xmp: str | None
    sidecar: Sidecar | None
    maker: Mapping[str, JSON] | None
    """What this machine remembers of the run and maker in the watermark."""

    @property
    def marked(self) -> bool:
        """Whether anything that can be believed says that the file is synthetic.

        XMP alone, a row that is not this file's, and a broken signature cannot.
        """
        beside = self.sidecar is not None and self.sidecar.same_content and bool(self.sidecar.row.get("synthetic"))
        return self.watermark is not None or self._signed or beside

    @property
    def _signed(self) -> bool:
        """Whether a signature that holds says so, whoever signed."""
        kind = str(self.credentials.source_type).rsplit("/", 1)[-1]
        return self.credentials.state in {"trusted", "valid"} and kind in SYNTHETIC

    @property
    def findings(self) -> tuple[str, ...]:
        """What is wrong with it, one sentence each."""
        return tuple(filter(None, (self._damage(), self._signature(), self._contradiction(), self._row())))

    def _damage(self) -> str | None:
        return f"the file cannot be decoded: {self.damage}" if self.damage else None

    def _signature(self) -> str | None:
        found = self.credentials
        if found.state == "invalid":
            codes = ", ".join(found.problems) or "no reason given"
            return f"the signature does not hold ({codes}): the file or its credentials were changed after signing"
        if found.state == "valid" and found.facts is not None:
            return (
                f"the credentials speak for fauxbench, but were signed by '{found.signer}', whom this machine does not "
                "know; if you do, give their authority.pem with --authority"
            )
        return None

    def _contradiction(self) -> str | None:
        told = (self.credentials.facts or {}).get("watermark")
        mark = self.watermark.mark if self.watermark else None
        if self.credentials.state == "trusted" and mark is not None and told != payload_text(mark):
            return f"the credentials speak of another watermark ({told}) than the file carries ({payload_text(mark)})"
        return None

    def _row(self) -> str | None:
        if self.sidecar is None or self.sidecar.intact:
            return None
        kept = "; what it shows or sounds like is the same" if self.sidecar.same_content else ""
        return f"the file is not the one that {self.sidecar.path} speaks of: its bytes differ{kept}"

    @property
    def by_chance(self) -> float:
        """How often, at most, an unmarked file like this one is taken for a marked one.

        A search of either the picture or the sound has two stages.
        """
        return FALSE_POSITIVES * (4 if self.modality is Modality.VIDEO else 2)

    @property
    def verdict(self) -> str:
        """One sentence: what the file is, as far as its marks say."""
        if not self.marked:
            if self.damage:
                return f"cannot be read as a {CALLED[self.modality]}; no mark found"
            if self.not_searched:
                return f"no mark found; no watermark was looked for: {self.not_searched}"
            if self.too_small:
                return f"no mark found; {self.too_small}, so this does not say that the file is real"
            return (
                f"no mark found. An unmarked file is taken for a marked one at most once in {1 / self.by_chance:,.0f}; "
                "a mark can be destroyed, so this does not say that the file is real"
            )
        kind, made = self._kind(), self._made()
        if kind == "rendered" and made.startswith("made by "):
            return f"synthetic: {kind}{made.removeprefix('made')}"
        return f"synthetic: {', '.join(filter(None, (kind.replace('_', ' '), made)))}"

    def _kind(self) -> str:
        mark = self.watermark.mark if self.watermark else None
        if mark is not None:
            return "rendered" if mark.kind == "real" else str(mark.kind)
        if self.sidecar is not None and self.sidecar.same_content:
            return "rendered" if self.sidecar.row.get("kind") == "real" else str(self.sidecar.row.get("kind"))
        return str(self.credentials.source_type or "a watermark of this key is there, too weak to be read").split("/")[
            -1
        ]

    def _made(self) -> str:
        facts = self.credentials.facts if self.credentials.state == "trusted" else None
        row = self.sidecar.row if self.sidecar is not None and self.sidecar.same_content else None
        known: Mapping[str, JSON] = facts or row or {}
        mark = self.watermark.mark if self.watermark else None
        if known:
            return f"made by {known.get('generator')}, run {known.get('made_by')}"
        if self.maker is not None:
            return f"made by {self.maker.get('name')}, run {self.maker.get('made_by')}"
        if mark is not None:
            return f"made by a run that begins with {mark.run} (this machine does not remember it)"
        return f"signed by {self.credentials.signer}" if self.credentials.state == "valid" else ""

    def record(self) -> dict[str, JSON]:
        """Return it as JSON."""
        found, signed = self.watermark, self.credentials
        mark = found.mark if found else None
        watermark: dict[str, JSON] = {"found": found is not None, "not_searched": self.not_searched}
        watermark["too_small"] = self.too_small
        watermark["false_positive_rate"] = found.false_positive_rate if found else self.by_chance
        if found:
            fields = {name: getattr(mark, name) for name in ("run", "item", "generator")} if mark else None
            watermark |= {"mark": fields and {**fields, "kind": str(mark and mark.kind)}, "corrected": found.corrected}
        return {
            "file": str(self.path),
            "modality": str(self.modality),
            "marked": self.marked,
            "verdict": self.verdict,
            "findings": list(self.findings),
            "damage": self.damage,
            "watermark": watermark,
            "maker": dict(self.maker) if self.maker else None,
            "credentials": {
                "state": signed.state,
                "problems": list(signed.problems),
                "signer": signed.signer,
                "program": signed.program,
                "digital_source_type": signed.source_type,
                "facts": dict(signed.facts) if signed.facts is not None else None,
            },
            "xmp": self.xmp,
            "sidecar": {
                "path": str(self.sidecar.path),
                "intact": self.sidecar.intact,
                "same_content": self.sidecar.same_content,
                "row": dict(self.sidecar.row),
            }
            if self.sidecar
            else None,
        }


def inspect(path: Path, authorities: Sequence[Path] = ()) -> Inspection:
    """Say what a file carries.

    Args:
        path: A picture, clip or sound.
        authorities: Certificates (PEM) of others whose signatures are to count as trusted.

    Raises:
        InputError: No such file, none that fauxbench reads, or the user's keys or a certificate cannot be read.
    """
    if not path.is_file():
        raise InputError(f"{path}: {'a folder' if path.is_dir() else 'no such file'}; give one file")
    modality = modality_of(path)
    if modality is None:
        raise InputError(f"{path}: neither a picture, a clip nor a sound by its name; there is nothing to inspect")
    folder = keys_folder()
    keys = read_keys(folder) if folder.exists() else None
    trusted = [_certificate(one) for one in authorities] + ([keys.authority] if keys else [])
    content, shape, damage = _content(path, modality)
    not_searched = "the file cannot be decoded" if damage else None
    if keys is None:
        not_searched = f"there is no key in {folder}, so nothing was ever marked with it"
    found = _search(path, modality, keys) if keys and not damage else None
    return Inspection(
        path=path,
        modality=modality,
        content=content,
        damage=damage,
        watermark=found,
        not_searched=not_searched,
        too_small=_too_small(shape),
        credentials=_credentials(path, trusted, damage),
        xmp=read_xmp(path),
        sidecar=_sidecar(path, content),
        maker=look_up(folder, found.mark) if found and found.mark else None,
    )


def _credentials(path: Path, trusted: Sequence[bytes], damage: str | None) -> Credentials:
    """Return what the credentials say; of a file that is damaged so far that they cannot be read, that alone."""
    found = read_credentials(path, trusted)
    told = found.signer or found.program or found.facts
    return replace(found, state="unreadable") if damage and found.state == "invalid" and not told else found


def _certificate(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"--authority {path}: cannot be read: {error.strerror}") from error
    if b"-----BEGIN CERTIFICATE-----" not in data:
        raise InputError(f"--authority {path}: not a certificate (PEM)")
    return data


def _content(path: Path, modality: Modality) -> tuple[str | None, Mapping[str, JSON], str | None]:
    """Return the digest of the content and what is known of its form, or why there is none."""
    try:
        return *content_of(path, modality), None
    except MediaError as error:
        return None, {}, str(error).removeprefix(f"{path}: ")


def _too_small(shape: Mapping[str, JSON]) -> str | None:
    """Say that a picture has no room for a watermark; a clip without sound neither."""
    sides = [int(shape[name]) for name in ("width", "height") if shape.get(name)]
    if not sides or min(sides) >= SMALLEST:
        return None
    size = "x".join(map(str, sides))
    return f"a picture of {size} has no room for a watermark (that takes {SMALLEST} pixels on the shorter side)"


def _search(path: Path, modality: Modality, keys: Keys) -> Found | None:
    """Look for a watermark in all that can hold one; the surest is returned."""
    found: list[Found | None] = []
    try:
        if modality is Modality.IMAGE:
            found.append(find_in_picture(read_image(path), keys.watermark))
        elif modality is Modality.VIDEO:
            found.append(find_in_frames(islice(read_frames(path), FRAMES), keys.watermark))
        rate = 0 if modality is Modality.IMAGE else rate_of(path)
        if rate:
            found.append(find_in_sound(read_sound(path, rate), rate, keys.watermark))
    except (MediaError, ValueError):  # too small or too short to hold one
        pass
    sure = [one for one in found if one is not None]
    return min(sure, key=lambda one: (one.mark is None, one.false_positive_rate)) if sure else None


def _sidecar(path: Path, content: str | None) -> Sidecar | None:
    """Find the row that speaks of a file, in its folder or one above; a damaged sidecar is none."""
    place = path.absolute()
    for folder in list(place.parents)[:_ABOVE]:
        rows = folder / PROVENANCE
        if not rows.is_file():
            continue
        name = place.relative_to(folder).as_posix()
        for row in _rows(rows):
            if row.get("file") == name:
                intact = row.get("sha256") == digest_of_file(path)
                same = intact or (content is not None and content in {row.get("content"), row.get("master")})
                return Sidecar(path=rows, row=row, intact=intact, same_content=same)
    return None


def _rows(path: Path) -> list[Mapping[str, JSON]]:
    rows: list[Mapping[str, JSON]] = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            rows.append(row)
    return rows
