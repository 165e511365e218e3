"""Face finders by name. MediaPipe wants another numpy: it runs as a program in an environment of its own."""

import contextlib
import json
import math
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np

from ..canonical import JSON, digest_of_file
from ..errors import InputError, MediaError
from ..media.content import Picture
from ..preprocess.faces import Face, FaceFinder, MTCNNFaces
from ..preprocess.protocol import FaceProtocol
from .process import Ended, Program
from .wire import PROTOCOL, read_object

WORKER = Path(__file__).with_name("mediapipe_worker.py")
VERSION = "0.10.21"
"""Of MediaPipe: the last one whose package carries its models."""
ARGV = (
    *("uv", "run", "--quiet", "--isolated", "--no-project", "--python", ">=3.10,<3.13"),
    *("--with", f"mediapipe=={VERSION}", "--with", "numpy<2", "python", "-I", str(WORKER)),
)
PATIENCE_START, PATIENCE = 300.0, 60.0
"""Seconds that the environment may take to be made, and one picture to be looked at."""
LEAST = 0.2
"""Probability from which the program names faces; the protocol's own threshold comes after it."""
TAIL_LINES = 3
PATIENCE_UV = 10.0
"""Seconds that uv may take to say where it keeps packages."""


class Environment(NamedTuple):
    """Whether MediaPipe's own environment can be had, found out without making or starting it."""

    state: str
    """In words."""
    ready: bool
    """Whether the first start needs no package index."""
    get: str | None
    """What to do where it is not ready: a command, or a page."""


def mediapipe_environment() -> Environment:
    """Say whether MediaPipe can be started here; uv is asked where its packages lie, and nothing else is run."""
    place = shutil.which(ARGV[0])
    page = "https://docs.astral.sh/uv"
    if place is None:
        return Environment("cannot be started: uv, which makes its environment, is not installed", False, page)
    try:
        order = [place, "cache", "dir"]
        done = subprocess.run(order, capture_output=True, text=True, timeout=PATIENCE_UV, check=True)
        cache = Path(done.stdout.strip())
    except (OSError, subprocess.SubprocessError) as error:
        said = f"{place} does not run: {str(error).splitlines()[0]}"
        return Environment(f"cannot be started: {said}", False, page)
    if any(cache.glob(f"archive-v*/*/mediapipe-{VERSION}.dist-info")):
        return Environment("can be started: uv keeps its package", True, None)
    order = [*ARGV[: ARGV.index("python")], "python", "-c", ""]
    state = "its package is not here: uv gets it at the first start, from a package index"
    return Environment(state, False, shlex.join(order))


def face_finder(protocol: FaceProtocol, device: str = "cpu") -> FaceFinder:
    """Return what finds faces by a protocol.

    Raises:
        InputError: The extra `faces`, or uv, is not installed.
    """
    return MTCNNFaces(device) if protocol.finder == "mtcnn" else MediaPipeFaces()


class MediaPipeFaces(FaceFinder):
    """MediaPipe's face detection, and its mesh: boxes, probabilities, the five points and 468 of the mesh.

    The program is started with the first picture and ended by `close`, or with the block in `with`.

    Args:
        ranges: Its models, for faces within 2 m and within 5 m; what both find is one face.
        argv: The program.

    References:
        Bazarevsky et al. 2019, BlazeFace; Kartynnik et al. 2019, Real-time Facial Surface Geometry.
    """

    name = "mediapipe"

    def __init__(self, ranges: Sequence[str] = ("short", "full"), argv: Sequence[str] = ARGV) -> None:
        self.ranges = tuple(ranges)
        self.argv = tuple(argv)
        self._program: Program | None = None
        self._scratch: Path | None = None
        self._asked = 0

    @property
    def identity(self) -> Mapping[str, JSON]:
        """Name, version, models and the program's source."""
        source = digest_of_file(WORKER)
        return {"name": self.name, "mediapipe": VERSION, "ranges": list(self.ranges), "worker": source}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the program, if it runs."""
        if self._program is not None:
            self._program.close()
            self._program = None
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None

    def __del__(self) -> None:
        """Leave nothing behind."""
        with contextlib.suppress(Exception):
            self.close()

    def find(self, pictures: Sequence[Picture], smallest: float) -> list[tuple[Face, ...]]:
        """Return the faces of each picture; its models look for every size at once.

        Raises:
            InputError: The program cannot be started.
            MediaError: It failed, ended or was overdue.
        """
        program, scratch = self._started()
        found = []
        for picture in pictures:
            self._asked += 1
            name = scratch / "picture.npy"
            np.save(name, np.ascontiguousarray(picture), allow_pickle=False)
            program.send([json.dumps({"type": "find", "id": self._asked, "file": str(name)})])
            answer = self._answer(program, PATIENCE)
            if answer.get("type") != "faces" or answer.get("id") != self._asked:
                raise MediaError(f"mediapipe: {str(answer.get('message') or answer)[:200]}")
            found.append(tuple(_face(one) for one in answer["faces"] if _face(one).size >= smallest))
        return found

    def _started(self) -> tuple[Program, Path]:
        if self._program is not None and self._scratch is not None:
            return self._program, self._scratch
        if shutil.which(self.argv[0]) is None:
            raise InputError(
                f"mediapipe: '{self.argv[0]}' is not installed, which makes the environment that MediaPipe runs in; "
                "install uv (https://docs.astral.sh/uv), or use --finder mtcnn"
            )
        self._scratch = Path(tempfile.mkdtemp(prefix="fauxbench-faces-"))
        self._program = Program(self.argv, self._scratch, {"GLOG_minloglevel": "2", "TF_CPP_MIN_LOG_LEVEL": "3"})
        parameters = {"probability": LEAST, "ranges": list(self.ranges)}
        self._program.send([json.dumps({"type": "hello", "protocol": PROTOCOL, "parameters": parameters})])
        try:
            answer = self._answer(self._program, PATIENCE_START)
        except MediaError as error:
            self.close()
            raise InputError(
                f"mediapipe {VERSION} cannot be started: {error}; it needs uv and, the first time, a package index. "
                "--finder mtcnn needs neither"
            ) from error
        if answer.get("type") != "hello" or answer.get("protocol") != PROTOCOL:
            self.close()
            raise InputError(f"mediapipe: expected a greeting of protocol {PROTOCOL}, found {answer!r:.100}")
        return self._program, self._scratch

    def _answer(self, program: Program, seconds: float) -> dict[str, JSON]:
        try:
            line = program.line(seconds)
            if line is not None:
                return read_object(line)
            problem = f"the program ended (exit status {program.status()})"
        except (Ended, ValueError) as error:
            problem = str(error)
        program.close()
        tail = " | ".join(program.tail().splitlines()[-TAIL_LINES:])
        self.close()
        raise MediaError(f"mediapipe: {problem}; the end of its standard error: {tail or 'nothing'}")


def _face(told: Mapping[str, JSON]) -> Face:
    points = [*told["points"], *told["more"]]
    left, top, right, bottom = (float(side) for side in told["box"])
    return Face(
        box=(left, top, right, bottom),
        probability=float(told["probability"]),
        points=tuple((float(p[0]), float(p[1])) if p else (math.nan, math.nan) for p in points),
    )
