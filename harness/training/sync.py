"""Train studio-sync: `python -m fauxbench.harness.training.sync --out DIR [--device cuda --minutes 8]`.

On two processor cores: `--minutes 55 --workers 1 --batch 6 --width 0.6 --pool 2500 --test 60`. Losses: every window of
mouths must find its sound among all of the batch, other moments of the same clip included, and a clip as a whole its
offset; and one linear map, thrown away afterwards, must read what the mouth does off either vector, which tells both
towers what to look for.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..datasets.studio.speech import COLUMNS
from ..instruments import studio_sync as sync
from . import sync_tests
from .face import blur
from .losses import matching_loss, offset_loss
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
from .talks import HeldOutTalks, TalkJobs

WEIGHTS = "studio-sync.safetensors"
_REACH = 15
_SPREAD = (0.1, 0.2, 0.22, 0.12, 0.25, 0.25, 0.13)
"""About the deviations of the columns of a mouth track."""


class Pupil(nn.Module):
    """The network and the map that only training has."""

    def __init__(self, width: float) -> None:
        super().__init__()
        self.net = sync.SyncNet(width)
        self.track = nn.Linear(sync.EMBEDDING, sync.FRAMES * len(COLUMNS))


class Lesson:
    """One step: clips from the pool, losses."""

    def __init__(self, plan: Plan, pupil: Pupil, pool: Pool) -> None:
        self.plan, self.pupil, self.pool = plan, pupil, pool
        self.host = torch.Generator().manual_seed(plan.seed)
        self.local = torch.Generator(plan.device).manual_seed(plan.seed)

    def __call__(self) -> Mapping[str, Tensor]:
        """Return the named losses of a fresh batch."""
        net, drawn = self.pupil.net, self.pool.draw(self.plan.batch, 1, self.host)
        sights = sync.sight_windows(disturb(drawn["mouths"], self.local))
        mel = drawn["mel"].float()
        noise = torch.randn(mel.shape, generator=self.local, device=mel.device)
        sounds = sync.sound_windows(mel + 0.1 * noise)[:, : sights.shape[1]]
        kind = "cuda" if self.plan.device.startswith("cuda") else "cpu"
        with torch.autocast(kind, dtype=torch.bfloat16):
            video = net.see(sights.flatten(0, 1).contiguous(memory_format=torch.channels_last))
            audio = net.hear(sounds.flatten(0, 1).contiguous())
        video = functional.normalize(video.float(), dim=1).view(*sights.shape[:2], -1)
        audio = functional.normalize(audio.float(), dim=1).view(*sounds.shape[:2], -1)
        track = windows_of(drawn["track"].float())
        read = [self.pupil.track(10.0 * told) for told in (video, audio)]
        scale = net.scale.clamp(max=4.0).exp()
        return {
            "windows": matching_loss(video, audio, scale),
            "offset": offset_loss(video, audio, _REACH, 3.0 * scale),
            "track": functional.smooth_l1_loss(read[0], track) + functional.smooth_l1_loss(read[1], track),
        }


def windows_of(track: Tensor) -> Tensor:
    """Return (C, T - 4, 5 * 7), what the mouth does in each window of tracks (C, T, 7), in deviations."""
    scaled = track / track.new_tensor(_SPREAD)
    return scaled.unfold(1, sync.FRAMES, 1).flatten(2)


def disturb(mouths: Tensor, rng: torch.Generator) -> Tensor:
    """Move, scale, mirror, light, blur and roughen clips (C, T, H, W, 3), each as a whole; return values 0 to 255."""
    c, t, h, w = mouths.shape[:4]
    draw = partial(torch.rand, generator=rng, device=mouths.device)
    planes = mouths.permute(0, 1, 4, 2, 3).reshape(c, t * 3, h, w).float()
    grid = torch.zeros(c, 2, 3, device=mouths.device)
    scale = 1.0 + 0.3 * (draw(c) - 0.5)
    grid[:, 0, 0] = scale * torch.where(draw(c) < 0.5, -1.0, 1.0)
    grid[:, 1, 1] = scale
    grid[:, :, 2] = 0.3 * (draw(c, 2) - 0.5)
    where = functional.affine_grid(grid, [c, t * 3, h, w], align_corners=False)
    planes = functional.grid_sample(planes, where, mode="bilinear", padding_mode="border", align_corners=False)
    planes = blur(planes, torch.where(draw(c) < 0.5, 1.2 * draw(c), torch.zeros_like(scale)))
    gain, lift = 0.7 + 0.6 * draw(c, 1, 1, 1), 50.0 * (draw(c, 1, 1, 1) - 0.5)
    rough = torch.where(draw(c, 1, 1, 1) < 0.5, 10.0 * draw(c, 1, 1, 1), torch.zeros_like(gain))
    noise = torch.randn(planes.shape, generator=rng, device=planes.device)
    done = (planes * gain + lift + rough * noise).clamp(0, 255)
    return done.view(c, t, 3, h, w).permute(0, 1, 3, 4, 2)


def course(plan: Plan) -> Course:
    """Return all jobs; people, voices and sentences of the tests are never trained on."""
    wrong = tuple(
        (f"wrong {place}", HeldOutTalks(height=None, first=60_000, offset=0, wrong=share), max(2, plan.test // 10))
        for place, share in enumerate(sync_tests.SHARES)
    )
    return Course(
        tests=(
            ("close", HeldOutTalks(height=None), plan.test),
            ("240p", HeldOutTalks(height=240, first=50_000), max(2, plan.test // 4)),
            ("96p", HeldOutTalks(height=96, first=55_000), max(2, plan.test // 4)),
            *wrong,
        ),
        lessons=TalkJobs(),
    )


def train(plan: Plan) -> dict[str, Any]:
    """Train, test and save; return the report."""
    clock = Clock(plan.minutes, reserve=0.06)
    settle(plan)
    tests, stream = course(plan).start(plan.workers, clock)
    feed, pool = Feed(stream), Pool(plan.pool, 1, plan.device)
    pupil = Pupil(plan.width).to(plan.device)
    path = plan.out / WEIGHTS
    about = {"instrument": "studio-sync", "width": str(plan.width), "version": "1"}

    def save(trained: nn.Module) -> None:
        save_weights(trained.net, path, about)  # type: ignore[arg-type]

    try:
        told = fit(plan, clock, pupil, feed, pool, Lesson(plan, pupil, pool), save)
    finally:
        feed.close()
    report = finish(plan, "studio-sync", told, sync_tests.report(path, tests, plan.device))
    say("done", **report["offsets"]["240p"])
    return report


if __name__ == "__main__":
    train(read_plan("Train studio-sync.", batch=24, rate=0.002, pool=2_500, test=200))
