"""SyncNet v2 by its published recipe, with the checkpoint that the user brings: LSE-D, LSE-C and offset of papers.

Written from the paper and from what the released network and its recipe are, so that its checkpoint fits: five frames
of 224 x 224 in blue, green, red from 0 to 255, beside 20 steps of 13 cepstral coefficients, to vectors of 1024 numbers
that are not normalised. What differs from the published numbers is the face's place: their pipeline finds it with S3FD,
follows it and takes tracks of four seconds and more; here it lies in the middle, or MTCNN finds it.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..cards import InstrumentCard
from ..errors import IntegrityError, MediaError, WeightsMissingError
from ..media.content import Picture, VideoMedia
from .base import Instrument
from .logmel import RATE, resample
from .syncing import distances, levels, speech_in, windows

SIZE, FRAMES, FPS = 224, 5, 25
STEPS, COEFFICIENTS = 20, 13
REACH = 15
SECONDS, HOP = 2.0, 0.2
"""Of the windows of LSER, which is ours and not SyncNet's."""
EMBEDDING = 1024
SAMPLES = 640
"""Of sound in a frame."""
_FRAME, _STEP, _FFT, _BANDS = 400, 160, 512, 26
_PREEMPHASIS, _LIFTER = 0.97, 22

Array = NDArray[np.float64]


class SyncNetV2(nn.Module):
    """The two towers, named as in the released checkpoint.

    Args:
        width: Channels relative to the released network; anything but 1 is for tests.
    """

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        a, b, c, d, e = (max(1, round(width * channels)) for channels in (64, 192, 384, 256, 512))
        f, out = max(1, round(width * 96)), max(1, round(width * EMBEDDING))
        self.netcnnaud = nn.Sequential(
            *_block(nn.Conv2d(1, a, 3, padding=1)),
            nn.MaxPool2d(1),
            *_block(nn.Conv2d(a, b, 3, padding=1)),
            nn.MaxPool2d(3, stride=(1, 2)),
            *_block(nn.Conv2d(b, c, 3, padding=1)),
            *_block(nn.Conv2d(c, d, 3, padding=1)),
            *_block(nn.Conv2d(d, d, 3, padding=1)),
            nn.MaxPool2d(3, stride=2),
            *_block(nn.Conv2d(d, e, (5, 4))),
        )
        flat, half = (1, 3, 3), (1, 2, 2)
        self.netcnnlip = nn.Sequential(
            *_block(nn.Conv3d(3, f, (FRAMES, 7, 7), half)),
            nn.MaxPool3d(flat, half),
            *_block(nn.Conv3d(f, d, (1, 5, 5), half, (0, 1, 1))),
            nn.MaxPool3d(flat, half, (0, 1, 1)),
            *_block(nn.Conv3d(d, d, flat, padding=(0, 1, 1))),
            *_block(nn.Conv3d(d, d, flat, padding=(0, 1, 1))),
            *_block(nn.Conv3d(d, d, flat, padding=(0, 1, 1))),
            nn.MaxPool3d(flat, half),
            *_block(nn.Conv3d(d, e, (1, 6, 6))),
        )
        self.netfcaud, self.netfclip = (
            nn.Sequential(nn.Linear(e, e), nn.BatchNorm1d(e), nn.ReLU(), nn.Linear(e, out)) for _ in range(2)
        )

    def hear(self, parts: Tensor) -> Tensor:
        """Return (N, 1024) of coefficients (N, 1, 13, 20)."""
        return torch.as_tensor(self.netfcaud(self.netcnnaud(parts).flatten(1)))

    def see(self, frames: Tensor) -> Tensor:
        """Return (T - 4, 1024) of frames (T, 3, 224, 224): one pass is the same as every window alone."""
        told = self.netcnnlip(frames.transpose(0, 1)[None])
        return torch.as_tensor(self.netfclip(told[0, :, :, 0, 0].T))


def _block(convolution: nn.Module) -> tuple[nn.Module, ...]:
    """Return a convolution with what follows it."""
    kind = nn.BatchNorm2d if isinstance(convolution, nn.Conv2d) else nn.BatchNorm3d
    return convolution, kind(int(convolution.out_channels)), nn.ReLU()  # type: ignore[arg-type]


class SyncNet(Instrument):
    """Reads clips at 25 frames a second with sound; outputs as studio-sync has them.

    `distance` (N, 1) is LSE-D, `confidence` (N, 1) LSE-C, `offset` (N, 1) the frames by which the sound comes later
    (SyncNet prints the opposite sign), `curve` (N, 31) the mean distance at -15 to 15 frames, beyond the sound against
    a vector of zeros as published. `windows` (N, W, 3), for LSER: offset, confidence and share of speech, nothing
    compared beyond the sound.
    """

    batch = 12

    def __init__(self, card: InstrumentCard, weights: Path | None = None, device: str = "cpu") -> None:
        super().__init__(card, weights, device)
        if weights is None or not weights.is_file():
            raise WeightsMissingError(f"{card.name}: needs the released checkpoint, see fauxbench doctor")
        self.net = read_checkpoint(weights)
        self.net.eval().requires_grad_(False).to(device)

    def extract(self, clips: Iterable[VideoMedia]) -> Mapping[str, NDArray[Any]]:  # type: ignore[override]
        """Return what each clip gives.

        Raises:
            MediaError: A clip without sound, with another frame rate, or with fewer than 21 frames of either.
        """
        told = [self._told(clip) for clip in clips]
        curves = np.array([curve for curve, _ in told], dtype=np.float32).reshape(-1, 2 * REACH + 1)
        most = max((len(found) for _, found in told), default=0)
        parts = np.full((len(told), most, 3), np.nan, dtype=np.float32)
        for row, (_, found) in enumerate(told):
            parts[row, : len(found)] = found
        best = curves.min(axis=1, initial=np.inf)[:, None]
        middle = np.median(curves, axis=1)[:, None] if len(curves) else np.zeros((0, 1))
        offset = curves.argmin(axis=1)[:, None] - REACH if len(curves) else np.zeros((0, 1))
        named = {"offset": offset, "distance": best, "confidence": middle - best, "curve": curves, "windows": parts}
        return {name: np.asarray(values, dtype=np.float32) for name, values in named.items()}

    def _told(self, clip: VideoMedia) -> tuple[Array, Array]:
        if clip.sound is None:
            raise MediaError("a clip without sound")
        if abs(clip.fps - FPS) > 0.01:
            raise MediaError(f"a clip at {clip.fps:g} frames a second; needs {FPS}")
        sound = resample(clip.sound, clip.sample_rate)
        video, audio = self.embed(clip.frames(), sound)
        count = min(len(video) + FRAMES - 1, len(sound) // SAMPLES) - FRAMES  # the last window is dropped, as published
        if count <= REACH:
            seen = len(video) + FRAMES - 1
            raise MediaError(
                f"a clip of {seen} frame{'s' * (seen != 1)} and {len(sound) / RATE:g} s; needs 0.84 s of both"
            )
        video, audio = video[:count], audio[:count]
        speech = speech_in(levels(sound, RATE, FPS))[FRAMES // 2 :][:count]
        speech = np.pad(speech, (0, count - len(speech)))
        found = windows(
            distances(video, audio, REACH, "drop"), speech, fps=FPS, seconds=min(SECONDS, count / FPS), hop=HOP
        )
        curve = distances(video, audio, REACH, "zero").mean(axis=0)
        return curve, np.stack([found.offset, found.confidence, found.speech], axis=1)

    def embed(self, frames: Iterator[Picture], sound: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return vectors of every window of frames (H, W, 3) and of sound at 16 kHz, one a frame."""
        return self._watch(frames), self._listen(cepstra(np.asarray(sound, dtype=np.float64) * 32768))

    def _watch(self, frames: Iterator[Picture]) -> NDArray[Any]:
        planes = map(face, frames)
        held, rows = list(islice(planes, FRAMES - 1)), []
        while fresh := list(islice(planes, self.batch)):
            held += fresh
            rows.append(self._through(self.net.see, torch.from_numpy(np.stack(held))))
            held = held[-(FRAMES - 1) :]
        return np.concatenate(rows) if rows else np.zeros((0, EMBEDDING), np.float32)

    def _listen(self, steps: Array) -> NDArray[Any]:
        if len(steps) < STEPS:
            return np.zeros((0, EMBEDDING), np.float32)
        parts = torch.from_numpy(steps.astype(np.float32)).unfold(0, STEPS, 100 // FPS)[:, None]
        rows = [self._through(self.net.hear, parts[k : k + 64]) for k in range(0, len(parts), 64)]
        return np.concatenate(rows)

    def _through(self, tower: Any, part: Tensor) -> NDArray[Any]:  # noqa: ANN401 - a bound method
        with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            return np.asarray(tower(part.to(self.device)).float().cpu().numpy())


def read_checkpoint(path: Path) -> SyncNetV2:
    """Return the network with the weights of a checkpoint, of which nothing but tensors is read.

    Raises:
        IntegrityError: Not a checkpoint of this network.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        width = len(state["netcnnaud.0.bias"]) / 64
        net = SyncNetV2(width)
        missing = net.load_state_dict(state, strict=False).missing_keys
    except Exception as error:
        raise IntegrityError(f"{path}: not the checkpoint of SyncNet v2: {error}") from error
    absent = [name for name in missing if not name.endswith("num_batches_tracked")]
    if absent:
        raise IntegrityError(f"{path}: not the checkpoint of SyncNet v2: without {', '.join(absent[:3])}")
    return net


def face(frame: Picture) -> NDArray[np.float32]:
    """Return the middle square of a frame as (3, 224, 224) in blue, green, red from 0 to 255."""
    import cv2

    height, width = frame.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = cv2.resize(np.ascontiguousarray(frame[top : top + side, left : left + side]), (SIZE, SIZE))
    return np.ascontiguousarray(square[:, :, ::-1].transpose(2, 0, 1), dtype=np.float32)


def cepstra(samples: Array) -> Array:
    """Return mel-frequency cepstral coefficients (steps, 13), one every 10 ms, the first replaced by the log energy.

    Frames of 25 ms without a window function, 512 points, 26 triangles from 0 to 8 kHz on the mel scale with
    corners on whole points, orthonormal cosine transform, sine lifter of 22: as the recipe has them.

    Args:
        samples: (N,) at 16 kHz on the scale of 16 bits.

    References:
        Davis, Mermelstein 1980, Comparison of parametric representations for monosyllabic word recognition, section
        II; Young et al. 2006, The HTK Book, section 5.6 (scale and lifter).
    """
    from scipy.fft import dct

    raised = np.append(samples[:1], samples[1:] - _PREEMPHASIS * samples[:-1])
    count = 1 + max(0, -(-(len(raised) - _FRAME) // _STEP))
    raised = np.pad(raised, (0, max(0, (count - 1) * _STEP + _FRAME - len(raised))))
    frames = np.lib.stride_tricks.sliding_window_view(raised, _FRAME)[::_STEP][:count]
    power = np.abs(np.fft.rfft(frames, _FFT)) ** 2 / _FFT
    tiny = float(np.finfo(np.float64).eps)
    bands = np.log(_positive(power @ _triangles().T, tiny))
    lifted = dct(bands, type=2, axis=1, norm="ortho")[:, :COEFFICIENTS]
    lifted *= 1 + _LIFTER / 2 * np.sin(np.pi * np.arange(COEFFICIENTS) / _LIFTER)
    lifted[:, 0] = np.log(_positive(power.sum(axis=1), tiny))
    return np.asarray(lifted)


def _positive(values: Array, tiny: float) -> Array:
    return np.where(values == 0, tiny, values)


def _triangles() -> Array:
    """Return (26, 257) weights of the bands."""
    mels = np.linspace(0, 2595 * np.log10(1 + RATE / 2 / 700), _BANDS + 2)
    corners = np.floor((_FFT + 1) * 700 * (10 ** (mels / 2595) - 1) / RATE)
    points = np.arange(_FFT // 2 + 1)
    low, middle, high = (corners[k : k + _BANDS, None] for k in range(3))
    rise, fall = (points - low) / (middle - low), (high - points) / (high - middle)
    inside = np.where(points < middle, rise, fall)
    return np.asarray(np.where((points >= low) & (points < high), inside, 0.0))
