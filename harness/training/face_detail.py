"""Train the second look of studio-face: `python -m fauxbench.harness.training.face_detail --start FACE --out DIR`.

The trunk, and with it who somebody is, stays as it is in the weights FACE. First a linear map from the trunk's features
to the places of eyes and mouth is fitted. Then the second look is trained on true places moved by that map's errors,
so that the trunk need not run. The loss is squared error: most action units rest most of the time, and an absolute
error is lowest for a network that always says so. Last, one linear map from all features to all factors is fitted, on
pictures that the second look has not met.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..instruments.face_detail import Detail, upright
from ..instruments.networks import read_weights
from ..instruments.studio_face import SIZE, FaceNet
from . import face_tests
from .face import DAMAGE, DETAIL_KERNELS, FACTORS, WEIGHTS, about, course, damage, moved
from .faces import PER_PERSON, UNITS, FaceJobs
from .runtime import (
    COARSE,
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

FRESH = 3
"""Seed of the pictures that linear maps are fitted on; lessons have 1."""
KNOWN = 0.3
"""Weight of what the trunk can read as well: pose, light, who."""
_ROWS = 4  # pictures of each person in a step
_EYES, _CORNERS, _BROWS, _LIPS = (0, 1), (3, 4), (6, 7), (8, 9)
_PART = 128


def spots_of(points: Tensor) -> Tensor:
    """Return (N, 6) the eyes and the middle between the lips, of the studio's points (N, 2 * P)."""
    at = points.view(len(points), -1, 2)
    return torch.cat([at[:, _EYES].flatten(1), at[:, _LIPS].mean(1)], 1)


def laid(points: Tensor, spots: Tensor) -> Tensor:
    """Return where points (N, 2 * P) lie in the straightened part, in [-1, 1]; far outside is cut at 2."""
    lay = upright(spots)
    at = (2.0 * points.view(len(points), -1, 2) - 1.0 - lay[:, None, :, 2]).transpose(1, 2)
    there: Tensor = torch.linalg.solve(lay[:, :, :2], at)
    return there.transpose(1, 2).flatten(1).clamp(-2.0, 2.0)


def ridge(x: Tensor, y: Tensor, strength: float = 1e-3) -> tuple[Tensor, Tensor]:
    """Return weights (K, D) and shifts (K,) of the linear map from (N, D) to (N, K) with the least squared error.

    Args:
        x: Columns of about unit variance.
        y: What is to be said.
        strength: Penalty of the squared weights, relative to the number of rows.
    """
    x, y = x.double(), y.double()
    middle, level = x.mean(0), y.mean(0)
    away = x - middle
    inner = away.T @ away / len(x) + strength * torch.eye(x.shape[1], dtype=torch.float64)
    weights = torch.linalg.solve(inner, away.T @ (y - level) / len(x)).T
    return weights.float(), (level - weights @ middle).float()


class Pupil(nn.Module):
    """The second look and the heads that only training has.

    Args:
        detail: To be trained.
        points: Columns of the studio's points.
    """

    def __init__(self, detail: Detail, points: int) -> None:
        super().__init__()
        self.detail = detail
        self.factors = nn.Linear(detail.mix.out_features, len(FACTORS))
        self.points = nn.Linear(detail.hidden, points)
        self.standard = nn.BatchNorm1d(points, affine=False)

    def forward(self, pictures: Tensor, spots: Tensor) -> tuple[Tensor, Tensor]:
        """Return standardised factors (N, K) and points (N, 2 * P)."""
        hidden = self.detail.gathered(pictures, spots)
        return self.factors(self.detail.norm(self.detail.mix(hidden))), self.points(hidden)


class Lesson:
    """One step: pictures from the pool, losses.

    Args:
        plan: Batch, device, seed.
        pupil: Learns.
        face: Knows the factors' scale.
        pool: Pictures.
        errors: (N, 6) by how much the trunk mistakes the places of eyes and mouth.
    """

    def __init__(self, plan: Plan, pupil: Pupil, face: FaceNet, pool: Pool, errors: Tensor) -> None:
        self.plan, self.pupil, self.pool, self.errors = plan, pupil, pool, errors
        self.centre, self.spread = face.centre.to(plan.device), face.spread.to(plan.device)
        self.weights = torch.tensor([1.0 if n in {*UNITS, *DAMAGE} else KNOWN for n in FACTORS], device=plan.device)
        self.host = torch.Generator().manual_seed(plan.seed)
        self.local = torch.Generator(plan.device).manual_seed(plan.seed)

    def __call__(self) -> Mapping[str, Tensor]:
        """Return the named losses of a fresh batch."""
        drawn = self.pool.draw(self.plan.batch, _ROWS, self.host)
        pictures, done, place = damage(drawn["pixels"], self.local)
        points = moved(drawn["points"], place)
        chance = partial(torch.randint, len(self.errors), generator=self.local, device=self.plan.device)
        spots = spots_of(points) + self.errors[chance((len(points),))]
        truth = (torch.cat([drawn["seen"], done], 1) - self.centre) / self.spread
        where = self.pupil.standard(laid(points, spots))
        kind = "cuda" if self.plan.device.startswith("cuda") else "cpu"
        with torch.autocast(kind, dtype=torch.bfloat16):
            said, shown = self.pupil(pictures, spots)
        return {
            "factors": 2.0 * ((said.float() - truth).square().mean(0) * self.weights).mean(),
            "points": functional.mse_loss(shown.float(), where),
        }


def damaged(face: FaceNet, sample: Arrays, plan: Plan, rounds: int = 2) -> dict[str, Tensor]:
    """Return `core`, `truth` (N, K), `points`, and `pictures` of a sample, damaged anew in every round."""
    rng = torch.Generator().manual_seed(plan.seed + 1)
    kept: dict[str, list[Tensor]] = {"core": [], "truth": [], "points": [], "pictures": []}
    rows = {name: torch.from_numpy(sample[name]) for name in ("pixels", "seen", "points")}
    with torch.inference_mode():
        for _ in range(rounds):
            for part in zip(*(torch.split(rows[name], _PART) for name in rows), strict=True):
                pictures, done, place = damage(part[0], rng)
                kept["core"].append(face.core(pictures.to(plan.device)).cpu())
                kept["truth"].append(torch.cat([part[1], done], 1))
                kept["points"].append(moved(part[2], place))
                kept["pictures"].append(pictures.half())
    return {name: torch.cat(parts) for name, parts in kept.items()}


def find_spots(face: FaceNet, known: Mapping[str, Tensor]) -> Tensor:
    """Fit the map from the trunk to the places of eyes and mouth; return its errors (N, 6)."""
    spots = spots_of(known["points"])
    weights, shift = ridge(known["core"], spots)
    face.spots.weight.data.copy_(weights)
    face.spots.bias.data.copy_(shift)
    return known["core"].to(weights.device) @ weights.T + shift - spots


def read_factors(face: FaceNet, known: Mapping[str, Tensor], device: str) -> None:
    """Fit the map from all features to all factors, with the second look as it will be stored."""
    for module in face.detail.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.data = module.weight.data.to(COARSE).float()
    face.eval()
    with torch.inference_mode():
        told = [
            face.detail(pictures.float().to(device), face.spots(core.to(device))).cpu()
            for pictures, core in zip(*(torch.split(known[name], _PART) for name in ("pictures", "core")), strict=True)
        ]
    standard = (known["truth"] - face.centre.cpu()) / face.spread.cpu()
    weights, shift = ridge(torch.cat([known["core"], torch.cat(told)], 1), standard)
    face.factors.weight.data.copy_(weights)
    face.factors.bias.data.copy_(shift)


def begin(plan: Plan) -> FaceNet:
    """Return the network of `--start`, its trunk as it is there and the second look still to be trained.

    Raises:
        ValueError: No weights to start from were named.
    """
    if plan.start is None:
        raise ValueError("the second look needs a trained trunk; name its weights with --start")
    state, told = read_weights("studio-face", plan.start)
    face = FaceNet(len(FACTORS), float(told["width"]))
    new = ("detail.", "spots.", "factors.")
    face.load_state_dict({**face.state_dict(), **{k: v for k, v in state.items() if not k.startswith(new)}})
    return face.eval().requires_grad_(False).to(plan.device)


def learn(plan: Plan, clock: Clock, fresh: Arrays, feed: Feed, path: Path) -> dict[str, float] | None:
    """Train the second look, fit the linear maps on fresh pictures, and write the weights."""
    face, pool = begin(plan), Pool(plan.pool, PER_PERSON, plan.device)
    known = damaged(face, fresh, plan)
    errors = find_spots(face, known).to(plan.device)
    say("places found", pixels=float(SIZE * errors.square().mean().sqrt()))
    pupil = Pupil(Detail(_width(plan)), known["points"].shape[1])
    pupil.to(plan.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    lesson = Lesson(plan, pupil, face, pool, errors)

    def save(trained: Pupil) -> None:
        face.detail.load_state_dict(trained.detail.state_dict())
        if clock.share() >= 1:
            read_factors(face, known, plan.device)
        save_weights(face, path, about(_width(plan)), DETAIL_KERNELS)

    return fit(plan, clock, pupil, feed, pool, lesson, save)


def _width(plan: Plan) -> float:
    assert plan.start is not None
    return float(read_weights("studio-face", plan.start)[1]["width"])


def train(plan: Plan) -> dict[str, Any]:
    """Train, test and save; return the report."""
    clock = Clock(plan.minutes, reserve=0.08)
    settle(plan)
    faces = course(plan)
    fresh = ("fresh people", FaceJobs(size=SIZE, seed=FRESH), max(2, plan.test))
    tests, stream = Course(tests=(fresh, *faces.tests[1:]), lessons=faces.lessons).start(plan.workers, clock)
    feed, path = Feed(stream), plan.out / WEIGHTS
    try:
        told = learn(plan, clock, tests["fresh people"], feed, path) if plan.minutes else None
    finally:
        feed.close()
    report = finish(plan, "studio-face", told, face_tests.report(path, tests, plan.device))
    say("done", **{name: values["r2"] for name, values in report["factors"].items()})
    return report


if __name__ == "__main__":
    train(read_plan("Train the second look of studio-face.", batch=32, rate=0.004, pool=60_000, test=100))
