"""Faces kept in the store, by the content of a file and the protocol: a second call reads them."""

import platform
import time
from collections.abc import Mapping
from pathlib import Path

from ..canonical import JSON, digest_of, digest_of_file
from ..errors import MediaError
from ..sources import HARNESS, reached
from ..store.memory import Memory, Seen
from ..store.store import Store, fingerprint
from .faces import FaceFinder
from .prepare import FaceSet, prepare
from .protocol import FaceProtocol

KIND = "faces"
BYTES = "bytes"
"""The reader under which digests over a file's bytes are remembered."""


def faces_of(
    path: Path,
    protocol: FaceProtocol,
    finder: FaceFinder,
    store: Store,
    *,
    mask: Path | None = None,
    content: str | None = None,
) -> FaceSet:
    """Return the faces of a clip or picture, from the store where the same were made before.

    Args:
        path: A clip or picture.
        protocol: What is done.
        finder: Finds the faces.
        store: Keeps them, in a folder each.
        mask: White where `path` was altered; for the choice `mask`.
        content: Digest of the clip's content, where it is known (`Item.content`); else that of the file's bytes is
            taken, which is remembered for a file that does not change.

    Raises:
        MediaError: See `prepare`; nothing is kept then.
        IntegrityError: What is in the store is damaged.
    """
    memory = Memory(store.memory_file)
    inputs = {"media": content or content_digest(path, memory)}
    if protocol.choice == "mask" and mask is not None:
        inputs["mask"] = content_digest(mask, memory)
    name = fingerprint(KIND, identity_of(protocol, finder.identity), inputs)
    finished = store.find(KIND, name)
    if finished is None:
        with store.lock(name):
            finished = store.find(KIND, name)  # by another process, while we waited
            if finished is None:
                began = time.monotonic()
                with store.partial(name) as folder:
                    made = prepare(path, protocol, finder, folder, mask=mask)
                    record: dict[str, JSON] = {
                        "output": digest_of(made.record()),
                        "seconds": time.monotonic() - began,
                        "facts": {"faces": len(made.faces), "missing": len(made.missing), "people": made.people},
                    }
                    finished = store.commit(KIND, name, folder, record)
    return FaceSet.read(finished.folder)


def identity_of(protocol: FaceProtocol, finder: Mapping[str, JSON]) -> Mapping[str, JSON]:
    """Return whatever could change the faces of one clip: protocol, finder, our sources, libraries, machine type."""
    sources = reached([HARNESS / "preprocess" / "prepare.py"])
    return {
        "protocol": protocol.record(),
        "finder": dict(finder),
        "code": digest_of({file.relative_to(HARNESS).as_posix(): digest_of_file(file) for file in sources}),
        "machine": platform.machine(),
    }


def content_digest(path: Path, memory: Memory) -> str:
    """Return the sha256 over a file's bytes, remembered as long as its size, time and inode stay the same.

    Raises:
        MediaError: It cannot be read.
    """
    try:
        seen = Seen.now(path, BYTES)
        known = memory.content(seen)
        if known is not None:
            return known[0]
        digest = digest_of_file(path)
    except OSError as error:
        raise MediaError(f"{path}: cannot be read: {error.strerror}") from error
    memory.remember_content([(seen, digest, {})])
    return digest
