"""Finds faces with MediaPipe in an environment of its own; started as a script by `mediapipe`, never imported.

JSON lines. To it: {"type": "hello", "protocol": 1, "parameters": {"probability", "ranges"}}, then any number of
{"type": "find", "id", "file"}, file being a NumPy file of one picture (H, W, 3) uint8 RGB; then {"type": "end"}. From
it: {"type": "hello", "protocol": 1, "versions": {...}}, then {"type": "faces", "id", "faces": [{"box", "probability",
"points", "more"}]} or {"type": "failure", "id", "message"} for each. Points are pixels from the top left corner.
"""

import json
import os
import sys
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np

PROTOCOL = 1
RANGES = {"short": 0, "full": 1}
EYES, NOSE, MOUTH = ((33, 133), (362, 263)), 1, (61, 291)
"""Vertices of the face mesh: corners of the eyes, tip of the nose, corners of the mouth, from left to right."""
ROOM = 0.35
"""Share of a box's side that is added around it before the mesh is laid."""
SAME = 0.3
"""Overlap from which two boxes are one face."""


class Finder:
    """MediaPipe's face detection, and its face mesh for the points."""

    def __init__(self, probability: float, ranges: list[str]) -> None:
        solutions = import_module("mediapipe").solutions
        self.detectors = [
            solutions.face_detection.FaceDetection(model_selection=RANGES[one], min_detection_confidence=probability)
            for one in ranges
        ]
        self.mesh = solutions.face_mesh.FaceMesh(
            static_image_mode=True, max_num_faces=1, refine_landmarks=False, min_detection_confidence=0.1
        )

    def find(self, picture: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - an array
        """Return the faces of a picture, the most probable first; a face that two detectors find is one."""
        found: list[dict[str, Any]] = []
        for detector in self.detectors:
            found += [self._face(one, picture.shape) for one in detector.process(picture).detections or ()]
        found.sort(key=lambda face: -face["probability"])
        kept: list[dict[str, Any]] = []
        for face in found:
            if all(overlap(face["box"], other["box"]) < SAME for other in kept):
                kept.append(face)
        for face in kept:
            self._lay_mesh(picture, face)
        return kept

    def _face(self, detection: Any, shape: Any) -> dict[str, Any]:  # noqa: ANN401
        height, width = shape[:2]
        box = detection.location_data.relative_bounding_box
        marks = [(point.x * width, point.y * height) for point in detection.location_data.relative_keypoints]
        left, top = box.xmin * width, box.ymin * height
        return {
            "box": [left, top, left + box.width * width, top + box.height * height],
            "probability": min(max(float(detection.score[0]), 0.0), 1.0),
            "points": [list(marks[0]), list(marks[1]), list(marks[2]), None, None],  # the mouth's corners are not known
            "more": [],
        }

    def _lay_mesh(self, picture: Any, face: dict[str, Any]) -> None:  # noqa: ANN401
        height, width = picture.shape[:2]
        left, top, right, bottom = face["box"]
        room = ROOM * max(right - left, bottom - top)
        x0, y0 = max(0, int(left - room)), max(0, int(top - room))
        part = np.ascontiguousarray(picture[y0 : min(height, int(bottom + room)), x0 : min(width, int(right + room))])
        if min(part.shape[:2]) < 8:
            return
        told = self.mesh.process(part).multi_face_landmarks
        if not told:
            return
        mesh = np.array([(mark.x * part.shape[1] + x0, mark.y * part.shape[0] + y0) for mark in told[0].landmark])
        five = [*(mesh[list(eye)].mean(axis=0) for eye in EYES), mesh[NOSE], *(mesh[corner] for corner in MOUTH)]
        face["points"] = [point.tolist() for point in five]
        face["more"] = mesh.round(2).tolist()


def overlap(a: list[float], b: list[float]) -> float:
    """Return intersection over union of two boxes."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def main() -> None:
    """Answer until the end."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what MediaPipe prints is no answer
    finder: Finder | None = None
    for line in sys.stdin:
        order = json.loads(line)
        if order["type"] == "hello":
            parameters = order["parameters"]
            finder = Finder(parameters["probability"], parameters["ranges"])
            versions = {name: version(name) for name in ("mediapipe", "numpy")}
            answer: dict[str, Any] = {"type": "hello", "protocol": PROTOCOL, "versions": versions}
        elif order["type"] == "find" and finder is not None:
            try:
                faces = finder.find(np.load(order["file"], allow_pickle=False))
                answer = {"type": "faces", "id": order["id"], "faces": faces}
            except (OSError, ValueError, RuntimeError) as error:
                answer = {"type": "failure", "id": order["id"], "message": str(error)}
        else:
            return
        out.write(json.dumps(answer) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
