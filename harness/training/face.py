"""Train studio-face: `python -m fauxbench.harness.training.face --out DIR [--device cuda --minutes 8]`.

On two processor cores: `--minutes 55 --workers 1 --batch 24 --width 0.6`. Losses: angular prototypes on the identity,
smooth L1 on what is seen, and, on a head that is thrown away, on the person's own numbers, which teaches the identity
what makes a face.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..datasets.studio.factors import PERSON
from ..instruments.studio_face import IDENTITY, SIZE, FaceNet, Seen
from . import face_tests
from .faces import HAIR, PER_PERSON, SEEN, FaceJobs, HeldOutFaces
from .losses import prototype_loss, sharpness
from .runtime import (
    Arrays,
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

WEIGHTS = "studio-face.safetensors"
DAMAGE = ("softness", "grain")
"""Two more things that the network reads: how much was blurred and how much noise added, both 0 to 1."""
FACTORS = (*SEEN, *DAMAGE)
_OWN = tuple(k for k, f in enumerate(PERSON) if f.name not in (*HAIR, "texture_seed", "moles"))
_ROWS = 4  # pictures of each person in a step


class Pupil(nn.Module):
    """The network and the head that only training has."""

    def __init__(self, width: float) -> None:
        super().__init__()
        self.net = FaceNet(len(FACTORS), width)
        self.own = nn.Linear(IDENTITY, len(_OWN))


def damage(pictures: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Move, scale, blur and roughen pictures as later measurements may meet them.

    Args:
        pictures: (N, H, W, 3) uint8.
        rng: On the pictures' device.

    Returns:
        (N, 3, SIZE, SIZE) in [-1, 1], and (N, 2) what was done to them, in the order of `DAMAGE`.
    """
    n, device = len(pictures), pictures.device
    planes = pictures.permute(0, 3, 1, 2).float() / 127.5 - 1.0
    draw = partial(torch.rand, generator=rng, device=device)
    scale = 1.0 + 0.16 * (draw(n) - 0.5)
    move = 0.12 * (draw(n, 2) - 0.5)
    grid = torch.zeros(n, 2, 3, device=device)
    grid[:, 0, 0] = grid[:, 1, 1] = scale
    grid[:, :, 2] = move
    where = functional.affine_grid(grid, [n, 3, SIZE, SIZE], align_corners=False)
    moved = functional.grid_sample(planes, where, mode="bilinear", padding_mode="border", align_corners=False)
    soft = torch.where(draw(n) < 0.3, draw(n), torch.zeros_like(scale))
    rough = torch.where(draw(n) < 0.3, draw(n), torch.zeros_like(scale))
    blurred = blur(moved, 2.5 * soft)
    noise = torch.randn(blurred.shape, generator=rng, device=device)
    return blurred + 0.3 * rough.view(-1, 1, 1, 1) * noise, torch.stack([soft, rough], 1)


def blur(planes: Tensor, sigma: Tensor) -> Tensor:
    """Blur (N, C, H, W), each with its own standard deviation (N,) in pixels, up to about 3."""
    at = torch.arange(-6, 7, device=planes.device, dtype=planes.dtype)
    weight = torch.exp(-0.5 * (at / sigma.clamp(min=0.05)[:, None]) ** 2)
    weight = weight / weight.sum(1, keepdim=True)
    n, c, h, w = planes.shape
    flat = functional.pad(planes, (6, 6, 6, 6), mode="replicate").reshape(1, n * c, h + 12, w + 12)
    kernel = weight.repeat_interleave(c, 0)
    flat = functional.conv2d(flat, kernel.view(n * c, 1, 1, 13), groups=n * c)
    return functional.conv2d(flat, kernel.view(n * c, 1, 13, 1), groups=n * c).view(n, c, h, w)


class Lesson:
    """One step: pictures from the pool, losses."""

    def __init__(self, plan: Plan, clock: Clock, pupil: Pupil, pool: Pool, own: tuple[Tensor, Tensor]) -> None:
        self.clock = clock
        self.plan, self.pupil, self.pool = plan, pupil, pool
        self.own_centre, self.own_spread = own
        self.host = torch.Generator().manual_seed(plan.seed)
        self.local = torch.Generator(plan.device).manual_seed(plan.seed)

    def __call__(self) -> Mapping[str, Tensor]:
        """Return the named losses of a fresh batch."""
        drawn = self.pool.draw(self.plan.batch, _ROWS, self.host)
        pictures, done = damage(drawn["pixels"], self.local)
        kind = "cuda" if self.plan.device.startswith("cuda") else "cpu"
        with torch.autocast(kind, dtype=torch.bfloat16):
            seen: Seen = self.pupil.net(pictures.contiguous(memory_format=torch.channels_last))
        net = self.pupil.net
        truth = (torch.cat([drawn["seen"], done], 1) - net.centre) / net.spread
        said = (seen.factors.float() - net.centre) / net.spread
        own = (drawn["person"][:, _OWN] - self.own_centre) / self.own_spread
        identity = functional.normalize(seen.identity.float(), dim=1)
        return {
            "identity": prototype_loss(identity, _ROWS, **sharpness(self.clock.share())),
            "factors": 2.0 * functional.smooth_l1_loss(said, truth, beta=0.5),
            "own": 2.0 * functional.smooth_l1_loss(self.pupil.own(identity * 10.0), own, beta=0.5),
        }


def scales(sample: Arrays) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return centre and spread of what is seen, damage included, and of the person's own numbers."""
    seen = np.concatenate([sample["seen"], np.tile(0.15, (len(sample["seen"]), 2))], 1)
    spread = seen.std(axis=0)
    spread[-2:] = 0.28
    person = sample["person"][:, _OWN]
    arrays = (seen.mean(axis=0), np.maximum(spread, 1e-3), person.mean(axis=0), np.maximum(person.std(axis=0), 1e-3))
    return tuple(torch.tensor(array, dtype=torch.float32) for array in arrays)  # type: ignore[return-value]


def about(width: float) -> dict[str, str]:
    """Return what is written beside the weights."""
    return {"instrument": "studio-face", "factors": ",".join(FACTORS), "width": str(width), "version": "1"}


def course(plan: Plan) -> Course:
    """Return all jobs; nobody in the tests is ever trained on."""
    few = max(2, plan.test // 4)
    return Course(
        tests=(
            ("strict", HeldOutFaces(size=SIZE, per_person=8, rendered=SIZE), plan.test),
            ("recipe", HeldOutFaces(size=SIZE, per_person=8, rendered=SIZE, new_hair=False), plan.test),
            ("free", HeldOutFaces(size=SIZE, per_person=2, rendered=SIZE, free=True, first=50_000), 2 * plan.test),
            ("small", HeldOutFaces(size=SIZE, per_person=6, rendered=64, first=65_000), 2 * few),
            ("large", HeldOutFaces(size=SIZE, per_person=6, rendered=192, first=70_000), few),
            ("blend", face_tests.Graded(size=SIZE, change="blend"), few),
            ("expression", face_tests.Graded(size=SIZE, change="expression"), few),
        ),
        lessons=FaceJobs(size=SIZE),
    )


def train(plan: Plan) -> dict[str, Any]:
    """Train, test and save; return the report."""
    clock = Clock(plan.minutes, reserve=0.06)
    settle(plan)
    tests, stream = course(plan).start(plan.workers, clock)
    feed, pool = Feed(stream), Pool(plan.pool, PER_PERSON, plan.device)
    pupil = Pupil(plan.width)
    centre, spread, *own = scales(tests["free"])
    pupil.net.centre.copy_(centre)
    pupil.net.spread.copy_(spread)
    pupil.to(plan.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    lesson = Lesson(plan, clock, pupil, pool, (own[0].to(plan.device), own[1].to(plan.device)))
    path = plan.out / WEIGHTS

    def save(net: nn.Module) -> None:
        save_weights(net.net, path, about(plan.width))  # type: ignore[arg-type]

    try:
        told = fit(plan, clock, pupil, feed, pool, lesson, save)
    finally:
        feed.close()
    report = finish(plan, "studio-face", told, face_tests.report(path, tests, plan.device))
    say("done", **{name: values["eer"] for name, values in report["verification"].items()})
    return report


if __name__ == "__main__":
    train(read_plan("Train studio-face.", batch=48, rate=0.0015, pool=120_000, test=300))
