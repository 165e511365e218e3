"""The keys of the marks: a secret for the watermark, and a chain of two certificates for content credentials.

KEYS/               mode 700, outside the store: `FAUXBENCH_KEYS`, or `keys` in the user's configuration folder
  watermark.key     32 random bytes in hexadecimal: who has them can find the watermark, and remove it
  authority.key     of the certificate that signs the other one; only `renew` needs it
  authority.pem     that certificate: give it to whoever shall trust your files
  signing.key       signs every file that leaves
  signing.pem       its certificate, then the authority's
  known.jsonl       what was made by which run: a watermark has room for a few letters of it only

Nothing here asks the network: certificates are made on this machine, and signatures carry no time stamp of a service.
"""

import datetime
import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..canonical import digest_of_bytes
from ..errors import InputError

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

WATERMARK, AUTHORITY_KEY, AUTHORITY = "watermark.key", "authority.key", "authority.pem"
SIGNING_KEY, SIGNING = "signing.key", "signing.pem"
FILES = (WATERMARK, AUTHORITY_KEY, AUTHORITY, SIGNING_KEY, SIGNING)
KEY_BYTES = 32
SIGNING_YEARS, AUTHORITY_YEARS = 10, 20
"""Without a time stamp a signature holds no longer than its certificate, so certificates live long."""
_EARLIER = datetime.timedelta(days=1)
"""Certificates begin a day early: other machines' clocks may be behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The keys of this user."""

    folder: Path
    watermark: bytes
    """32 bytes."""
    signing_key: bytes
    """PEM."""
    chain: bytes
    """PEM: the signing certificate and its authority's."""
    authority: bytes
    """PEM."""
    begins: datetime.datetime
    ends: datetime.datetime
    """Of the signing certificate."""

    @property
    def fingerprint(self) -> str:
        """The sha256 of the chain: tells keys apart and tells no secret."""
        return digest_of_bytes([self.chain])


def keys_folder() -> Path:
    """Return where the keys are kept: `FAUXBENCH_KEYS`, or `keys` in the user's configuration folder.

    Raises:
        InputError: That is inside the store, which others may be given.
    """
    from platformdirs import user_config_path

    given, store = os.environ.get("FAUXBENCH_KEYS"), os.environ.get("FAUXBENCH_STORE")
    folder = Path(given).absolute() if given else user_config_path("fauxbench") / "keys"
    if store and folder.is_relative_to(Path(store).absolute()):
        raise InputError(f"{folder}: keys do not belong into the store ({store}); set FAUXBENCH_KEYS to another folder")
    return folder


def own_keys(folder: Path | None = None, now: datetime.datetime | None = None) -> Keys:
    """Return the user's keys, ready to mark with; they are made when there are none.

    Raises:
        InputError: They cannot be made, read or used: the message says why and what to do.
    """
    place = folder or keys_folder()
    if not place.exists():
        make_keys(place, now)
    keys = read_keys(place)
    wrong = why_not_sign(keys, now)
    if wrong:
        raise InputError(wrong)
    return keys


def why_not_sign(keys: Keys, now: datetime.datetime | None = None) -> str | None:
    """Return why the keys cannot sign now, or None."""
    now = now or datetime.datetime.now(tz=datetime.UTC)
    if now < keys.begins:
        return (
            f"this machine's clock says {now:%Y-%m-%d %H:%M} UTC, which is before the keys in {keys.folder} were made "
            f"({keys.begins:%Y-%m-%d}): set the clock"
        )
    if now > keys.ends:
        return (
            f"the signing certificate in {keys.folder} expired on {keys.ends:%Y-%m-%d} (this machine's clock says "
            f"{now:%Y-%m-%d}): if the clock is right, make a new one with `fauxbench keys init --renew`"
        )
    return None


def make_keys(folder: Path, now: datetime.datetime | None = None) -> None:
    """Make new keys in a folder that does not exist; of two processes that do it at once, one wins.

    Raises:
        InputError: There are keys already, or the folder cannot be written.
    """
    if folder.exists():
        raise InputError(f"{folder}: there already; delete it yourself if you mean to lose what it can find")
    part = folder.with_name(f".{folder.name}-{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        part.mkdir(mode=0o700)
        _write(part / WATERMARK, secrets.token_hex(KEY_BYTES).encode() + b"\n")
        authority_key, authority = _authority(now or datetime.datetime.now(tz=datetime.UTC))
        _write(part / AUTHORITY_KEY, _key_pem(authority_key))
        _write(part / AUTHORITY, _pem(authority))
        _write_signing(part, authority_key, authority, now)
        try:
            part.rename(folder)
        except OSError:
            if not (folder / WATERMARK).is_file():  # else another process was first: its keys are the keys
                raise
    except OSError as error:
        raise InputError(
            f"{folder}: keys cannot be written: {error.strerror}; set FAUXBENCH_KEYS to a folder that can"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def renew_keys(folder: Path, now: datetime.datetime | None = None) -> None:
    """Make a new signing key and certificate; the authority and the watermark's secret stay.

    Raises:
        InputError: There are no keys, or they cannot be read or written.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    _check_modes(folder)
    try:
        authority_key = load_pem_private_key((folder / AUTHORITY_KEY).read_bytes(), None)
        authority = x509.load_pem_x509_certificate((folder / AUTHORITY).read_bytes())
        if not isinstance(authority_key, EllipticCurvePrivateKey):
            raise ValueError("not a key on an elliptic curve")  # noqa: TRY004, TRY301 - told as damage below
        _write_signing(folder, authority_key, authority, now)
    except ValueError as error:
        raise InputError(f"{folder}: the authority's key is damaged: {error}") from error
    except OSError as error:
        raise InputError(f"{folder}: keys cannot be renewed: {error.strerror}") from error


def read_keys(folder: Path) -> Keys:
    """Read keys, whatever the clock says.

    Raises:
        InputError: There are none, others can read them, or they are damaged.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    _check_modes(folder)
    try:
        secret = bytes.fromhex((folder / WATERMARK).read_text(encoding="ascii").strip())
        key, chain = (folder / SIGNING_KEY).read_bytes(), (folder / SIGNING).read_bytes()
        authority = (folder / AUTHORITY).read_bytes()
        signing = x509.load_pem_x509_certificates(chain)[0]
        public = [
            one.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            for one in (load_pem_private_key(key, None).public_key(), signing.public_key())
        ]
        if len(secret) != KEY_BYTES or public[0] != public[1]:
            raise ValueError("the signing key is not that of its certificate")  # noqa: TRY301 - told as damage below
    except (OSError, ValueError, IndexError) as error:
        raise InputError(
            f"{folder}: the keys are damaged ({error}); put them back from a copy, or move the folder away and make "
            "new ones with `fauxbench keys init`"
        ) from error
    return Keys(
        folder=folder,
        watermark=secret,
        signing_key=key,
        chain=chain,
        authority=authority,
        begins=signing.not_valid_before_utc,
        ends=signing.not_valid_after_utc,
    )


def _check_modes(folder: Path) -> None:
    if not folder.is_dir():
        raise InputError(f"{folder}: no keys; make them with `fauxbench keys init`")
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise InputError(
            f"{folder}: {', '.join(missing)} is missing; put it back from a copy, or move the folder away and make new "
            "keys with `fauxbench keys init`"
        )
    if os.name != "posix":
        return
    for path, mode in ((folder, 0o700), *((folder / name, 0o600) for name in FILES)):
        found = path.stat().st_mode & 0o777
        if found & 0o077:
            raise InputError(f"{path}: others can get at the keys (mode {found:o}); run: chmod {mode:o} '{path}'")


def _write(path: Path, data: bytes) -> None:
    """Write a file that nobody else could ever open."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
    part.replace(path)


def _write_signing(
    folder: Path,
    authority_key: "EllipticCurvePrivateKey",
    authority: "x509.Certificate",
    now: datetime.datetime | None = None,
) -> None:
    key, certificate = _signing(authority_key, authority, now or datetime.datetime.now(tz=datetime.UTC))
    _write(folder / SIGNING_KEY, _key_pem(key))
    _write(folder / SIGNING, _pem(certificate) + _pem(authority))


def _authority(now: datetime.datetime) -> tuple["EllipticCurvePrivateKey", "x509.Certificate"]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"fauxbench authority {secrets.token_hex(4)}")
    ends = now + datetime.timedelta(days=365 * AUTHORITY_YEARS)
    builder = _certificate(name, name, now, ends).public_key(key.public_key())
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    return key, builder.sign(key, hashes.SHA256())


def _signing(
    authority_key: "EllipticCurvePrivateKey", authority: "x509.Certificate", now: datetime.datetime
) -> tuple["EllipticCurvePrivateKey", "x509.Certificate"]:
    """Return a key and its certificate, as C2PA asks for them: for signatures, and with a stated purpose."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    key = ec.generate_private_key(ec.SECP256R1())
    ends = min(now + datetime.timedelta(days=365 * SIGNING_YEARS), authority.not_valid_after_utc)
    builder = _certificate(_name("fauxbench"), authority.subject, now, ends).public_key(key.public_key())
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    for extension, critical in (
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usage(signs_certificates=False), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (issuer, False),
    ):
        builder = builder.add_extension(extension, critical=critical)
    return key, builder.sign(authority_key, hashes.SHA256())


def _certificate(
    subject: "x509.Name", issuer: "x509.Name", now: datetime.datetime, ends: datetime.datetime
) -> "x509.CertificateBuilder":
    from cryptography import x509

    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
    return builder.serial_number(x509.random_serial_number()).not_valid_before(now - _EARLIER).not_valid_after(ends)


def _usage(*, signs_certificates: bool) -> "x509.KeyUsage":
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> "x509.Name":
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    parts = ((NameOID.ORGANIZATION_NAME, "fauxbench"), (NameOID.COMMON_NAME, common))
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in parts])


def _pem(certificate: "x509.Certificate") -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM)


def _key_pem(key: "EllipticCurvePrivateKey") -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
