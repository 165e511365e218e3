"""studio-sync: whether lips and voice go together, after SyncNet (Chung and Zisserman 2016, Out of time).

Two towers turn five frames of a mouth and the 0.2 s of sound that belong to them into vectors of length 1; the cosine
is high where they match. Moving the sound against the picture and looking where the mean cosine is highest gives the
offset; how far the best stands above the median is the confidence. The network is trained on the studio's talking
people (`training/sync.py`); its numbers are in the style of LSE-D and LSE-C, and must not be compared with either.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ..cards import InstrumentCard
from ..errors import MediaError
from ..media.content import Picture, VideoMedia
from .base import Instrument
from .logmel import Spectrogram, log_mel
from .networks import Convolution, Stage, read_weights
from .syncing import distances, levels, speech_in, windows

FPS = 25
FRAMES = 5
"""Of a window."""
STEPS = 20
"""Of sound in a window: 0.2 s."""
BANDS, WINDOW = 64, 512
HEIGHT, WIDTH = 48, 68
"""Of the mouth's part of a picture, in pixels."""
TOP, BOTTOM = 0.45, 0.87
SIDE = (BOTTOM - TOP) * WIDTH / HEIGHT / 2
"""Where that part lies in the middle square of a frame: from and to, and how far from the middle to either side."""
EMBEDDING = 128
REACH = 15
"""Frames that the sound is moved to either side."""
SECONDS, HOP = 2.0, 0.2
"""Of the windows whose offsets are told one by one, and from one to the next; a shorter clip is one window."""


class SyncNet(nn.Module):
    """Two towers.

    Args:
        width: Channels relative to the shipped network.
    """

    scale: Tensor
    """Logarithm of the inverse temperature that the training ended with."""

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        a, b, c, d = (max(8, 4 * round(width * channels / 4)) for channels in (32, 48, 80, 112))
        self.look = nn.Sequential(
            Convolution(3 * FRAMES, a), Stage(a, b, 1), Stage(b, c, 1), Stage(c, d, 1), _Flat(d, 6 * 9)
        )
        self.listen = nn.Sequential(Convolution(1, a), Stage(a, b, 1), Stage(b, c, 1), Stage(c, d, 1), _Flat(d, 8 * 3))
        self.scale = nn.Parameter(torch.tensor(2.5))

    def see(self, windows: Tensor) -> Tensor:
        """Return (N, 128) of length 1 for (N, 15, 48, 68) mouths in [-1, 1]: five frames, RGB within each."""
        return functional.normalize(self.look(windows), dim=1)

    def hear(self, windows: Tensor) -> Tensor:
        """Return (N, 128) of length 1 for (N, 1, 64, 20): bands by steps."""
        return functional.normalize(self.listen(windows), dim=1)


class _Flat(nn.Sequential):
    """Drop to few channels, then one vector: where things are matters."""

    def __init__(self, channels: int, places: int) -> None:
        super().__init__(Convolution(channels, 32, size=1), nn.Flatten(), nn.Linear(32 * places, EMBEDDING, bias=False))


class StudioSync(Instrument):
    """Reads clips of 25 frames a second with sound, a face in the middle as in the studio's own.

    `offset` (N, 1): frames by which the sound comes later than the picture. `distance` (N, 1): at that offset, the mean
    Euclidean distance of the two vectors. `confidence` (N, 1): the median over all offsets less that distance. `curve`
    (N, 31): the distance at -15 to 15 frames. A higher distance and a lower confidence mean worse lips. `windows`
    (N, W, 3): offset, confidence and share of speech of every two seconds, five a second; of several clips, filled up
    with NaN. Frames are streamed; what is kept of each is its vector.
    """

    batch = 32

    def __init__(self, card: InstrumentCard, weights: Path | None = None, device: str = "cpu") -> None:
        super().__init__(card, weights, device)
        state, about = read_weights(card.name, weights)
        self.net = SyncNet(float(about["width"]))
        self.net.load_state_dict(state)
        self.net.eval().requires_grad_(False).to(device)

    def extract(self, clips: Iterable[VideoMedia]) -> Mapping[str, NDArray[Any]]:  # type: ignore[override]
        """Return what each clip gives.

        Raises:
            MediaError: A clip has no sound, another frame rate, or is too short to be moved against its sound.
        """
        told = [self._told(clip) for clip in clips]
        curves = np.array([one[0] for one in told], dtype=np.float32).reshape(-1, 2 * REACH + 1)
        width = max((len(one[1]) for one in told), default=0)
        parts = np.full((len(told), width, 3), np.nan, dtype=np.float32)
        for row, (_, found) in enumerate(told):
            parts[row, : len(found)] = found
        best = curves.min(axis=1, initial=np.inf)[:, None]
        offset = (curves.argmin(axis=1) - REACH)[:, None] if len(curves) else np.zeros((0, 1))
        confidence = (np.median(curves, axis=1) if len(curves) else np.zeros(0))[:, None] - best
        named = {"offset": offset, "distance": best, "confidence": confidence, "curve": curves, "windows": parts}
        return {name: np.asarray(values, dtype=np.float32) for name, values in named.items()}

    def curve(self, clip: VideoMedia) -> NDArray[np.float64]:
        """Return the distance (31,) of a clip's picture from its sound moved by -15 to 15 frames."""
        return self._told(clip)[0]

    def _told(self, clip: VideoMedia) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the distance (31,) at every shift, and (W, 3) offset, confidence and share of speech of windows."""
        if clip.sound is None:
            raise MediaError("a clip without sound")
        if abs(clip.fps - FPS) > 0.01:
            raise MediaError(f"a clip at {clip.fps:g} frames a second; needs {FPS}")
        mel = log_mel(clip.sound, clip.sample_rate, bands=BANDS, window=WINDOW)
        video = self._watch(mouth(frame) for frame in clip.frames())
        audio = self._listen(mel)
        if min(len(video), len(audio)) < 2 * REACH:
            seen = len(video) + FRAMES - 1
            raise MediaError(
                f"a clip of {seen} frame{'s' * (seen != 1)} and {len(mel) / 100:g} s of sound; needs at least 1.4 s of "
                "both"
            )
        apart = distances(video, audio, REACH, "drop")
        speech = speech_in(levels(clip.sound, clip.sample_rate, FPS))[FRAMES // 2 :]
        seconds = min(SECONDS, len(apart) / FPS)
        found = windows(apart, _padded(speech, len(apart)), fps=FPS, seconds=seconds, hop=HOP)
        return np.nanmean(apart, axis=0), np.stack([found.offset, found.confidence, found.speech], axis=1)

    def embed(self, mouths: NDArray[np.uint8], mel: Spectrogram) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return vectors of every window of mouths (T, 48, 68, 3) and of sound (steps, 64), one a frame, float32."""
        return self._watch(iter(mouths)), self._listen(mel)

    def _watch(self, mouths: Iterator[NDArray[np.uint8]]) -> NDArray[Any]:
        rows, held = [], list(islice(mouths, FRAMES - 1))
        while fresh := list(islice(mouths, self.batch)):
            held += fresh
            rows.append(self._batch(sight_windows(torch.from_numpy(np.stack(held))[None])[0], self.net.see))
            held = held[-(FRAMES - 1) :]
        return np.concatenate(rows) if rows else np.zeros((0, EMBEDDING), np.float32)

    def _listen(self, mel: Spectrogram) -> NDArray[Any]:
        if len(mel) < STEPS:
            return np.zeros((0, EMBEDDING), np.float32)
        parts = sound_windows(torch.from_numpy(np.asarray(mel, dtype=np.float32))[None])[0]
        rows = [self._batch(parts[k : k + self.batch], self.net.hear) for k in range(0, len(parts), self.batch)]
        return np.concatenate(rows)

    def _batch(self, part: Tensor, tower: Any) -> NDArray[Any]:  # noqa: ANN401 - a bound method
        """Return the vectors of up to `batch` windows; every batch is filled up to one size."""
        full = torch.zeros(self.batch, *part.shape[1:], device=self.device)
        full[: len(part)] = part
        with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            return np.asarray(tower(full)[: len(part)].float().cpu().numpy())


def _padded(flags: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
    """Return flags of one length; what is missing is no speech."""
    return np.pad(flags[:count], (0, max(0, count - len(flags))))


def mouth(frame: Picture) -> NDArray[np.uint8]:
    """Return the part of a frame (H, W, 3) where the mouth is when a face is in its middle: (48, 68, 3) uint8."""
    height, width = frame.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    rows = slice(top + round(TOP * side), top + round(BOTTOM * side))
    middle = left + side / 2
    columns = slice(round(middle - SIDE * side), round(middle + SIDE * side))
    part = np.ascontiguousarray(frame[rows, columns])
    planes = torch.from_numpy(part).permute(2, 0, 1)[None].float()
    if part.shape[:2] != (HEIGHT, WIDTH):
        planes = functional.interpolate(
            planes, size=(HEIGHT, WIDTH), mode="bilinear", align_corners=False, antialias=True
        )
    return np.asarray(planes[0].round().clamp(0, 255).permute(1, 2, 0).to(torch.uint8).numpy())


def sight_windows(mouths: Tensor) -> Tensor:
    """Return (C, T - 4, 15, 48, 68) float32 in [-1, 1] of mouths (C, T, 48, 68, 3) uint8 or of values 0 to 255."""
    planes = mouths.permute(0, 1, 4, 2, 3).float() / 127.5 - 1.0
    count = planes.shape[1] - FRAMES + 1
    return torch.cat([planes[:, k : k + count] for k in range(FRAMES)], 2)


def sound_windows(mel: Tensor) -> Tensor:
    """Return (C, W, 1, 64, 20) of spectrograms (C, steps, 64): one window a frame, as many as fit."""
    parts = mel.float().unfold(1, STEPS, 100 // FPS)
    return parts[:, :, None]


def distance_curve(video: NDArray[Any], audio: NDArray[Any], reach: int = REACH) -> NDArray[np.float64]:
    """Return the mean distance (2 * reach + 1,) of vectors (T, D) and (S, D) at sound moved by -reach to reach frames.

    Entry `reach + k` compares picture at window t with sound at window t + k.
    """
    count = min(len(video), len(audio))
    v, a = video[:count].astype(np.float64), audio[:count].astype(np.float64)
    means = []
    for shift in range(-reach, reach + 1):
        first, last = max(0, -shift), min(count, count - shift)
        means.append(float(np.linalg.norm(v[first:last] - a[first + shift : last + shift], axis=1).mean()))
    return np.array(means)
