"""studio-voice: who speaks, over the studio's synthetic voices.

A residual network over log-mel spectrograms, pooled by mean and deviation over time (Snyder et al. 2018, X-vectors,
section 2), trained with angular prototypes (`training/voice.py`). It knows eSpeak's throats and nothing else; the
cosine is a synthetic-speaker similarity, not a measure for human voices.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ..cards import InstrumentCard
from ..errors import MediaError
from ..media.content import SoundMedia
from .base import Instrument
from .logmel import Spectrogram, log_mel
from .networks import Convolution, Stage, read_weights

BANDS, WINDOW = 80, 1024
STEPS = 200
"""Of sound in a piece: 2 s."""
EMBEDDING = 128


class VoiceNet(nn.Module):
    """Spectrograms (N, 1, 80, 200) to (N, 128) of length 1.

    Args:
        width: Channels relative to the shipped network.
    """

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        a, b, c, d = (max(8, 4 * round(width * channels / 4)) for channels in (24, 32, 64, 104))
        self.trunk = nn.Sequential(Convolution(1, a), Stage(a, b, 2), Stage(b, c, 2), Stage(c, d, 2))
        self.out = nn.Sequential(
            nn.BatchNorm1d(2 * d * BANDS // 8), nn.Linear(2 * d * BANDS // 8, EMBEDDING, bias=False)
        )

    def forward(self, pieces: Tensor) -> Tensor:
        """Return one vector a piece."""
        heard = self.trunk(pieces).flatten(1, 2).float()
        spread = (heard.var(2, correction=0) + 1e-4).sqrt()
        return functional.normalize(self.out(torch.cat([heard.mean(2), spread], 1)), dim=1)


class StudioVoice(Instrument):
    """`features` (N, 128) float32 of length 1, the mean over pieces of 2 s: their cosine says how alike two voices are.

    Reads sounds; silence before and after speech is left out.
    """

    batch = 4

    def __init__(self, card: InstrumentCard, weights: Path | None = None, device: str = "cpu") -> None:
        super().__init__(card, weights, device)
        state, about = read_weights(card.name, weights)
        self.net = VoiceNet(float(about["width"]))
        self.net.load_state_dict(state)
        self.net.eval().requires_grad_(False).to(device)

    def extract(self, sounds: Iterable[SoundMedia]) -> Mapping[str, NDArray[Any]]:  # type: ignore[override]
        """Return one vector a sound.

        Raises:
            MediaError: A sound is silent or shorter than 0.2 s.
        """
        rows = [self.embed(speech(sound)) for sound in sounds]
        return {"features": np.array(rows, dtype=np.float32).reshape(len(rows), EMBEDDING)}

    def embed(self, mel: Spectrogram) -> NDArray[np.float64]:
        """Return the vector (128,) of a spectrogram (steps, 80): the mean over pieces, of length 1."""
        pieces = cut(mel)
        total = np.zeros(EMBEDDING)
        for first in range(0, len(pieces), self.batch):
            part = torch.from_numpy(pieces[first : first + self.batch]).to(self.device)
            full = torch.zeros(self.batch, 1, BANDS, STEPS, device=self.device)
            full[: len(part), 0] = part.transpose(1, 2)
            with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
                total += self.net(full)[: len(part)].double().sum(0).cpu().numpy()
        return np.asarray(total / np.linalg.norm(total))


def speech(sound: SoundMedia) -> Spectrogram:
    """Return the spectrogram of a sound without the silence around its speech.

    Raises:
        MediaError: There is too little of it.
    """
    loud = np.flatnonzero(np.abs(sound.sound) > 0.02 * float(np.max(np.abs(sound.sound), initial=0.0)))
    if len(loud) < 2 or (loud[-1] - loud[0]) / sound.sample_rate < 0.2:
        raise MediaError(f"a sound of {len(sound.sound) / sound.sample_rate:.2f} s with less than 0.2 s of speech")
    return log_mel(sound.sound[loud[0] : loud[-1] + 1], sound.sample_rate, bands=BANDS, window=WINDOW)


def cut(mel: Spectrogram) -> Spectrogram:
    """Return pieces (P, 200, 80) that overlap by half and cover (steps, 80); what is shorter is repeated."""
    if len(mel) < STEPS:
        mel = np.tile(mel, (-(-STEPS // len(mel)), 1))[:STEPS]
    starts = list(range(0, len(mel) - STEPS + 1, STEPS // 2))
    if starts[-1] != len(mel) - STEPS:
        starts.append(len(mel) - STEPS)
    return np.stack([mel[start : start + STEPS] for start in starts])
