"""Train the trunk of studio-face: `python -m fauxbench.harness.training.face --out DIR [--device cuda --minutes 8]`.

Its second look at eyes and mouth is trained afterwards, by `training/face_detail.py`.

On two processor cores: `--minutes 30 --workers 1 --batch 24`, then as long again with `--start` and half the rate, when
people are to be told apart more strictly. Losses: squared error of the person's own numbers and of
the face's points, on heads that are thrown away, which teach what makes a face and where it is; smooth L1 on what is
seen; and, once there is something to tell people apart by, angular prototypes on the identity. At the end the identity
is read from the features by linear discriminant analysis over people that were trained on.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..datasets.studio.factors import PERSON
from ..instruments.networks import read_weights
from ..instruments.studio_face import CORE, IDENTITY, SIZE, FaceNet
from . import face_tests
from .faces import HAIR, PER_PERSON, SEEN, FaceJobs, HeldOutFaces
from .losses import discriminant, prototype_loss
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
DETAIL_KERNELS = "detail."
"""Names of the tensors that are stored as `runtime.COARSE`."""
WHOLE = 160
"""Pixels of the whole pictures that are tested on; 96 of them are looked at."""
_ROWS = 4  # pictures of each person in a step


class Pupil(nn.Module):
    """The network and the heads that only training has.

    Args:
        width: Channels relative to the shipped network.
        scales: From `scales`.
    """

    own_scale: Tensor
    points_scale: Tensor

    def __init__(self, width: float, scales: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.net = FaceNet(len(FACTORS), width)
        self.net.centre.copy_(scales["factors"][0])
        self.net.spread.copy_(scales["factors"][1])
        self.factors = nn.Linear(CORE, len(FACTORS))
        self.own = nn.Linear(CORE, scales["own"].shape[1])
        self.points = nn.Linear(CORE, scales["points"].shape[1])
        self.register_buffer("own_scale", scales["own"])
        self.register_buffer("points_scale", scales["points"])

    def go_on(self, path: Path) -> None:
        """Begin with the weights of a file."""
        state, _ = read_weights("studio-face", path)
        self.net.load_state_dict(state)
        self.factors.weight.data.copy_(self.net.factors.weight[:, :CORE])
        self.factors.bias.data.copy_(self.net.factors.bias)

    def hand_over(self) -> FaceNet:
        """Return the network, reading the factors from the trunk alone until the second look is trained."""
        self.net.factors.weight.data.zero_()
        self.net.factors.weight.data[:, :CORE] = self.factors.weight.data
        self.net.factors.bias.data.copy_(self.factors.bias.data)
        return self.net


def damage(pictures: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Move, scale, blur and roughen pictures as later measurements may meet them.

    Args:
        pictures: (N, H, W, 3) uint8.
        rng: On the pictures' device.

    Returns:
        (N, 3, SIZE, SIZE) in [-1, 1]; (N, 2) what was done to them, in the order of `DAMAGE`; (N, 3) how they were
        scaled and moved, for `moved`.
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
    damaged = blurred + 0.3 * rough.view(-1, 1, 1, 1) * noise
    return damaged, torch.stack([soft, rough], 1), torch.cat([scale[:, None], move], 1)


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

    def __init__(self, plan: Plan, clock: Clock, pupil: Pupil, pool: Pool) -> None:
        self.plan, self.clock, self.pupil, self.pool = plan, clock, pupil, pool
        self.scale, self.margin = (20.0, 0.1) if plan.start else (14.0, 0.0)
        self.host = torch.Generator().manual_seed(plan.seed)
        self.local = torch.Generator(plan.device).manual_seed(plan.seed)

    def __call__(self) -> Mapping[str, Tensor]:
        """Return the named losses of a fresh batch."""
        drawn = self.pool.draw(self.plan.batch, _ROWS, self.host)
        pictures, done, place = damage(drawn["pixels"], self.local)
        kind = "cuda" if self.plan.device.startswith("cuda") else "cpu"
        with torch.autocast(kind, dtype=torch.bfloat16):
            core = self.pupil.net.core(pictures.contiguous(memory_format=torch.channels_last))
            said, identity = self.pupil.factors(core).float(), self.pupil.net.who(core).float()
        net, features = self.pupil.net, core.float()
        truth = (torch.cat([drawn["seen"], done], 1) - net.centre) / net.spread
        own = _standard(drawn["person"][:, _OWN], self.pupil.own_scale)
        points = _standard(moved(drawn["points"], place), self.pupil.points_scale)
        identity = functional.normalize(identity, dim=1)
        return {
            "own": 4.0 * functional.mse_loss(self.pupil.own(features), own),
            "points": 2.0 * functional.smooth_l1_loss(self.pupil.points(features), points, beta=0.5),
            "factors": 2.0 * functional.smooth_l1_loss(said, truth, beta=0.5),
            "identity": self._told_apart() * prototype_loss(identity, _ROWS, scale=self.scale, margin=self.margin),
        }

    def _told_apart(self) -> float:
        """Return the weight of telling people apart: it comes once there is something to do it by."""
        return 2.0 if self.plan.start else min(1.0, 2.0 * self.clock.share())


def moved(points: Tensor, place: Tensor) -> Tensor:
    """Return where points (N, 2 * P), in shares of the picture, are after `damage` moved it.

    Args:
        points: x and y by turns.
        place: (N, 3) scale, and the move to the right and down in halves of the picture.
    """
    at = 2.0 * points.view(len(points), -1, 2) - 1.0
    at = (at - place[:, None, 1:]) / place[:, None, :1]
    return (0.5 * at + 0.5).flatten(1)


def _standard(values: Tensor, scale: Tensor) -> Tensor:
    return (values - scale[0]) / scale[1]


def scales(sample: Arrays) -> dict[str, Tensor]:
    """Return centre and spread (2, K) of what is seen, damage included, of people's own numbers, and of the points."""
    seen = np.concatenate([sample["seen"], np.tile(0.15, (len(sample["seen"]), 2))], 1)
    found = {"factors": seen, "own": sample["person"][:, _OWN], "points": sample["points"]}
    both = {name: np.stack([rows.mean(axis=0), rows.std(axis=0)]) for name, rows in found.items()}
    both["factors"][1, -2:] = 0.28
    return {name: torch.tensor(np.maximum(rows, [[-np.inf], [1e-3]])).float() for name, rows in both.items()}


def read_identity(net: FaceNet, pool: Pool, device: str, groups: int = 1500) -> None:
    """Set the identity's weights by linear discriminant analysis of the features of people in the pool."""
    drawn = pool.draw(min(groups, len(pool)), pool.per_group, torch.Generator().manual_seed(5))["pixels"]
    net.eval()
    with torch.inference_mode():
        parts = [net.core(part.to(device).permute(0, 3, 1, 2) / 127.5 - 1.0).cpu() for part in torch.split(drawn, 128)]
    weights = discriminant(torch.cat(parts).double(), pool.per_group, IDENTITY)
    net.identity.weight.data.copy_(weights)


def about(width: float) -> dict[str, str]:
    """Return what is written beside the weights."""
    return {"instrument": "studio-face", "factors": ",".join(FACTORS), "width": str(width), "version": "1"}


def course(plan: Plan) -> Course:
    """Return all jobs; nobody in the tests is ever trained on."""
    few = max(2, plan.test // 4)
    return Course(
        tests=(
            ("first lessons", FaceJobs(size=SIZE, seed=0), few),
            ("strict", HeldOutFaces(size=WHOLE, per_person=8, rendered=WHOLE), plan.test),
            ("recipe", HeldOutFaces(size=WHOLE, per_person=8, rendered=WHOLE, new_hair=False), plan.test),
            ("free", HeldOutFaces(size=WHOLE, per_person=2, rendered=WHOLE, free=True, first=50_000), 2 * plan.test),
            ("small", HeldOutFaces(size=WHOLE, per_person=6, rendered=64, first=65_000), 2 * few),
            ("large", HeldOutFaces(size=WHOLE, per_person=6, rendered=320, first=70_000), few),
            ("blend", face_tests.Graded(size=WHOLE, change="blend"), few),
            ("expression", face_tests.Graded(size=WHOLE, change="expression"), few),
        ),
        lessons=FaceJobs(size=SIZE),
    )


def train(plan: Plan) -> dict[str, Any]:
    """Train, test and save; return the report."""
    clock = Clock(plan.minutes, reserve=0.06)
    settle(plan)
    tests, stream = course(plan).start(plan.workers, clock)
    feed, pool = Feed(stream), Pool(plan.pool, PER_PERSON, plan.device)
    pupil = Pupil(plan.width, scales(tests["first lessons"]))
    pupil.to(plan.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if plan.start:
        pupil.go_on(plan.start)
    lesson = Lesson(plan, clock, pupil, pool)
    path = plan.out / WEIGHTS

    def save(net: Pupil) -> None:
        if clock.share() >= 1:
            read_identity(net.net, pool, plan.device)
        save_weights(net.hand_over(), path, about(plan.width), DETAIL_KERNELS)

    try:
        told = fit(plan, clock, pupil, feed, pool, lesson, save)
    finally:
        feed.close()
    report = finish(plan, "studio-face", told, face_tests.report(path, tests, plan.device))
    say("done", **{name: values["eer"] for name, values in report["verification"].items()})
    return report


if __name__ == "__main__":
    train(read_plan("Train studio-face.", batch=48, rate=0.0015, pool=120_000, test=300))
