"""Train studio-voice: `python -m fauxbench.harness.training.voice --out DIR [--device cuda --minutes 4]`.

On two processor cores: `--minutes 55 --workers 1 --batch 16 --width 0.6`. One loss: angular prototypes over voices.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..instruments.studio_voice import STEPS, VoiceNet
from . import voice_tests
from .losses import prototype_loss, sharpness
from .runtime import (
    Clock,
    Course,
    Feed,
    Plan,
    Pool,
    finish,
    fit,
    read_plan,
    save_weights,
    say,
    settle,
)
from .talks import PER_VOICE, VOICE_STEPS, HeldOutVoices, VoiceJobs

WEIGHTS = "studio-voice.safetensors"
_ROWS = 4  # sounds of each voice in a step


class Lesson:
    """One step: sounds from the pool, the loss."""

    def __init__(self, plan: Plan, clock: Clock, net: VoiceNet, pool: Pool) -> None:
        self.clock = clock
        self.plan, self.net, self.pool = plan, net, pool
        self.host = torch.Generator().manual_seed(plan.seed)
        self.local = torch.Generator(plan.device).manual_seed(plan.seed)

    def __call__(self) -> Mapping[str, Tensor]:
        """Return the named losses of a fresh batch."""
        mel = self.pool.draw(self.plan.batch, _ROWS, self.host)["mel"].float()
        start = int(torch.randint(VOICE_STEPS - STEPS + 1, (1,), generator=self.host))
        pieces = mel[:, start : start + STEPS].transpose(1, 2)
        pieces = pieces + 0.05 * torch.randn(pieces.shape, generator=self.local, device=pieces.device)
        kind = "cuda" if self.plan.device.startswith("cuda") else "cpu"
        with torch.autocast(kind, dtype=torch.bfloat16):
            told = self.net(pieces[:, None].contiguous(memory_format=torch.channels_last))
        unit = functional.normalize(told.float(), dim=1)
        return {"voice": prototype_loss(unit, _ROWS, **sharpness(self.clock.share()))}


def course(plan: Plan) -> Course:
    """Return all jobs; voices and sentences of the tests are never trained on."""
    few = max(2, plan.test // 5)
    blends = tuple(
        (f"blend {place}", HeldOutVoices(per_voice=2, blend=share, first=40_000), few)
        for place, share in enumerate(voice_tests.SHARES)
    )
    noises = tuple(
        (f"noise {place}", HeldOutVoices(per_voice=2, snr=snr, first=40_000), few)
        for place, snr in enumerate(voice_tests.SNRS)
    )
    return Course(
        tests=(
            ("one language", HeldOutVoices(per_voice=6), plan.test),
            ("several languages", HeldOutVoices(per_voice=6, languages=3, first=20_000), plan.test),
            ("reference", HeldOutVoices(per_voice=2, first=40_000), few),
            *blends,
            *noises,
        ),
        lessons=VoiceJobs(),
    )


def train(plan: Plan) -> dict[str, Any]:
    """Train, test and save; return the report."""
    clock = Clock(plan.minutes, reserve=0.08)
    settle(plan)
    tests, stream = course(plan).start(plan.workers, clock)
    feed, pool = Feed(stream), Pool(plan.pool, PER_VOICE, plan.device)
    net = VoiceNet(plan.width).to(plan.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    path = plan.out / WEIGHTS

    def save(trained: nn.Module) -> None:
        save_weights(trained, path, {"instrument": "studio-voice", "width": str(plan.width), "version": "1"})

    try:
        told = fit(plan, clock, net, feed, pool, Lesson(plan, clock, net, pool), save)
    finally:
        feed.close()
    report = finish(plan, "studio-voice", told, voice_tests.report(path, tests, plan.device))
    say("done", **{name: values["eer"] for name, values in report["verification"].items()})
    return report


if __name__ == "__main__":
    train(read_plan("Train studio-voice.", batch=32, rate=0.002, pool=40_000, test=200))
