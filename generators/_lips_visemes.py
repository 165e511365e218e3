"""What a mouth does, told from sound alone: visemes as action units."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from fauxbench import Context, Item, MediaError
from fauxbench.generators._faces_reader import initialise
from fauxbench.generators._lips import Unfit, hear, sound_windows, spectrogram
from fauxbench.generators._lips_ears import BANDS, STEPS, Listener, other_voices
from fauxbench.generators._training import build_quietly, rising_and_falling, set_rate

VISEMES = ("jaw_open", "lip_width", "lip_round", "lip_part", "lip_press", "chin_raise", "upper_lip_raise")
"""Action units that speech moves; clips and sounds to learn from say under `mouth` in their facts what they do."""
BATCH, RATE = 256, 2e-3
PART = 4096
"""Frames that are heard at a time."""
_INIT, _DRAW = 80, 81


class Ears(nn.Module):
    """Sound around a frame (N, 1, 40, 36) to the seven action units (N, 7)."""

    middle: Tensor
    spread: Tensor

    def __init__(self, width: int = 192) -> None:
        super().__init__()
        self.listener = Listener(width, len(VISEMES))
        self.register_buffer("middle", torch.zeros(len(VISEMES)))
        self.register_buffer("spread", torch.ones(len(VISEMES)))

    def forward(self, sound: Tensor) -> Tensor:
        """Return the action units, at most four deviations from their mean."""
        found: Tensor = self.listener(sound).clamp(-4, 4) * self.spread + self.middle
        return found


class Spoken(NamedTuple):
    """What is heard around frames, and what the mouth does then."""

    sounds: Tensor
    """(N, 1, 40, 36) float32."""
    mouths: Tensor
    """(N, 7) float32."""


def spoken_of(items: Sequence[Item]) -> tuple[Spoken, list[str]]:
    """Return what clips and sounds with labels teach, and what is wrong with the others."""
    sounds, mouths, wrong = [torch.zeros(0, 1, BANDS, STEPS)], [torch.zeros(0, len(VISEMES))], list[str]()
    for item in items:
        values = _labels(item)
        try:
            heard = hear(item, "train clip") if values is not None else None
        except (Unfit, MediaError) as error:
            wrong.append(str(error))
            continue
        if values is None or heard is None:
            wrong.append(f"{item.id}: its facts do not say what the mouth does ('mouth'), as the studio's do")
            continue
        count = min(len(values), heard.frames)
        sounds.append(sound_windows(torch.from_numpy(spectrogram(heard.sound, count))))
        mouths.append(torch.from_numpy(values[:count]))
    return Spoken(torch.cat(sounds), torch.cat(mouths)), wrong


def _labels(item: Item) -> np.ndarray[tuple[int, int], np.dtype[np.float32]] | None:
    told = item.facts.get("mouth")
    if item.modality == "image" or not isinstance(told, Mapping) or any(v not in told["names"] for v in VISEMES):
        return None
    places = [list(told["names"]).index(name) for name in VISEMES]
    return np.asarray(told["values"], dtype=np.float32).reshape(-1, len(told["names"]))[:, places]


def train_ears(spoken: Spoken, steps: int, context: Context) -> Ears:
    """Return a network that has learned to tell action units from sound, in voices of many kinds."""
    net: Ears = build_quietly(Ears)
    initialise(net, context.torch_rng(_INIT))
    net.middle.copy_(spoken.mouths.mean(0))
    net.spread.copy_(spoken.mouths.std(0).clamp(min=1e-3))
    rng = context.torch_rng(_DRAW)
    aims = (spoken.mouths - net.middle) / net.spread
    parts = [slice(first, first + PART) for first in range(0, len(aims), PART)]
    net.listener.begin(((spoken.sounds[part], aims[part]) for part in parts), rng)
    net.to(context.device)
    optimiser = torch.optim.AdamW(net.parameters(), RATE, weight_decay=1e-3)
    for step in range(1, steps + 1):
        set_rate([optimiser], RATE * rising_and_falling(step / steps))
        chosen = torch.randint(len(spoken.sounds), (BATCH,), generator=rng)
        sounds = other_voices(spoken.sounds[chosen][:, None], rng)[:, 0].to(context.device)
        wanted = spoken.mouths[chosen].to(context.device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(1 << 31, (1,), generator=rng)))  # of what is left out
            away = (net(sounds) - wanted) / net.spread
        loss: Tensor = away.square().mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if step % 50 == 0 or step == steps:
            context.progress(0.1 * step / steps, f"listening, step {step} of {steps}: {float(loss.detach()):.3f}")
    return net.cpu().eval().requires_grad_(False)


def visemes(
    net: Ears, sound: np.ndarray[tuple[int], np.dtype[np.float32]], frames: int
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return the action units (T, 7) of a sound at 16 kHz, one row a frame."""
    windows = sound_windows(torch.from_numpy(spectrogram(sound, frames)))
    with torch.inference_mode():
        parts = [net(windows[k : k + BATCH]) for k in range(0, len(windows), BATCH)]
    return torch.cat(parts).numpy().astype(np.float64)
