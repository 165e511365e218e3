"""XMP: the digital source type in the packet that picture programs and search engines read.

PNG, JPEG and WebP take it from Pillow when they are written; to MP4 and WAV it is added as a box or a chunk of its own
(XMP specification part 3, sections 1.1.2 to 1.1.5 and 1.2.7). FLAC has no place for it.
"""

import mmap
import re
import struct
from pathlib import Path

_NAMESPACE = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_BOX = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
"""Names the `uuid` box of an MP4 that holds XMP."""
_CHUNK = b"_PMX"
"""Names the chunk of a WAV that holds XMP."""
_READ = re.compile(rb"Iptc4xmpExt:DigitalSourceType[^>]{0,20}?[\"'>]\s*(https?://[^\"'<\s]{1,200})")
_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="{namespace}" Iptc4xmpExt:DigitalSourceType="{source_type}"/>'
    '</rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
)

XMP_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".mp4", ".mov", ".wav"})
"""Forms that have a place for it."""


def packet(source_type: str) -> bytes:
    """Return the packet that names a digital source type."""
    return _PACKET.format(namespace=_NAMESPACE, source_type=source_type).encode()


def jpeg_segment(source_type: str) -> bytes:
    """Return the packet as a JPEG's APP1 segment."""
    body = b"http://ns.adobe.com/xap/1.0/\0" + packet(source_type)
    return b"\xff\xe1" + struct.pack(">H", 2 + len(body)) + body


def add_xmp(path: Path, source_type: str) -> None:
    """Add the packet to a finished MP4, MOV or WAV; other forms are left as they are."""
    if path.suffix in {".mp4", ".mov"}:
        body = _BOX + packet(source_type)
        with path.open("ab") as file:
            file.write(struct.pack(">I4s", 8 + len(body), b"uuid") + body)
    elif path.suffix == ".wav":
        body = packet(source_type)
        with path.open("r+b") as file:
            file.seek(0, 2)
            file.write(struct.pack("<4sI", _CHUNK, len(body)) + body + b"\0" * (len(body) % 2))
            size = file.tell() - 8
            file.seek(4)
            file.write(struct.pack("<I", size))


def read_xmp(path: Path) -> str | None:
    """Return the digital source type that a file's XMP names, or None."""
    with path.open("rb") as file:
        if not path.stat().st_size:
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            found = _READ.search(data)
            return found[1].decode("ascii", errors="replace") if found else None
