"""What the built-in picture detectors share: decoding, training, the choice of checkpoint and threshold, scoring."""

import copy
import json
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, pad

from fauxbench import (
    Context,
    Detector,
    DetectorCard,
    FauxbenchError,
    InputError,
    Item,
    MediaError,
    ScoreRecord,
    crop_square,
    read_image,
    resize,
)

SCORE_BATCH = {"cpu": 1}
"""Pictures scored at once, by type of device: on a CPU the last bits of a score depend on the place in a batch."""
OTHER_SCORE_BATCH = 32
"""On any other device; the last batch is filled up, because floats do not forgive changing its size."""
READ_AT_ONCE = 32
"""Pictures held in memory while scoring."""
SETTLE_BATCHES = 4
"""Batches over which normalisation statistics are measured before a checkpoint is looked at."""
WEIGHT_DECAY = 0.01
WARM_UP = 0.1
"""Share of the steps over which the learning rate rises to its full value; then it falls along half a cosine."""

_INIT, _ORDER, _AUGMENT = range(3)

Scores = NDArray[np.float64]
Truth = NDArray[np.bool_]


class PictureDetector(Detector):
    """A network with one output, trained from pictures; a subclass only builds the network.

    A picture of any size is cut to its centred square and resized to the parameter `size` with an antialiased Lanczos
    filter, up or down. P(fake) is the sigmoid of the output. Of `checks` checkpoints, the one with the best validation
    score is kept, and the threshold is then chosen on validation too: it maximises balanced accuracy.
    """

    def __init__(self, card: DetectorCard, parameters: Mapping[str, Any]) -> None:
        super().__init__(card, parameters)
        self.card: DetectorCard = card
        self.threshold = 0.5
        self._network: nn.Module | None = None
        self._config: dict[str, Any] = {}

    @abstractmethod
    def build(self, rng: torch.Generator) -> nn.Module:
        """Return the untrained network: pictures (N, 3, size, size) in [-1, 1] to logits (N, 1), positive = fake.

        torch's global generator is seeded while it runs, and put back afterwards.
        """

    @abstractmethod
    def rebuild(self, config: Mapping[str, Any]) -> nn.Module:
        """Return a network that takes the weights of a detector saved with `config`."""

    def describe(self) -> dict[str, Any]:
        """Return what `rebuild` needs to know."""
        return {}

    def fit(self, train: Sequence[Item], validation: Sequence[Item], context: Context) -> None:
        """Learn from `train`, choose checkpoint and threshold on `validation`.

        Raises:
            ValueError: Train or validation does not hold readable real and fake pictures.
            FauxbenchError: Training diverged.
        """
        name, size = self.card.name, self.parameters["size"]
        learn, learn_truth = decode_split(train, size, self.card.target, f"{name}: train")
        check, check_truth = decode_split(validation, size, self.card.target, f"{name}: validation")
        context.progress(0.0, f"{len(learn)} train and {len(check)} validation pictures at {size} px")
        network = self._build(context.torch_rng(_INIT))
        network.to(context.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        best = train_network(
            network, (learn, learn_truth), (check, check_truth), parameters=self.parameters, name=name, context=context
        )
        self._network = network.to("cpu")
        self.threshold = best_threshold(best["scores"], check_truth)
        self._config = {
            **self.describe(),
            "size": size,
            "target": self.card.target,
            "threshold": self.threshold,
            "chosen_on": "validation",
            "chosen_by": self.parameters["choose_by"],
            "step": best["step"],
            "log_loss": log_loss(best["scores"], check_truth),
            "auc": auc(best["scores"], check_truth),
            "train": [int((~learn_truth).sum()), int(learn_truth.sum())],
            "validation": [int((~check_truth).sum()), int(check_truth.sum())],
            "unreadable": [len(train) - len(learn), len(validation) - len(check)],
        }

    def _build(self, rng: torch.Generator) -> nn.Module:
        # Constructors of layers draw from torch's global generator: it is borrowed, seeded, and put back as it was.
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(int(torch.randint(0, 1 << 62, (1,), generator=rng)))
            return self.build(rng)

    def save(self, folder: Path) -> None:
        """Write `weights.safetensors` and `config.json`."""
        if self._network is None:
            raise InputError(f"{self.card.name}: nothing to save; call fit or load first")
        folder.mkdir(parents=True, exist_ok=True)
        state = {name: value.contiguous() for name, value in self._network.state_dict().items()}
        save_file(state, folder / "weights.safetensors")
        (folder / "config.json").write_text(json.dumps(self._config, indent=2, sort_keys=True), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        self._config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        with torch.random.fork_rng(devices=[]):  # constructors of layers draw from the global generator
            self._network = self.rebuild(self._config)
        self._network.load_state_dict(load_file(folder / "weights.safetensors"))
        self._network.to(memory_format=torch.channels_last)
        self.threshold = self._config["threshold"]

    def score(self, items: Sequence[Item], context: Context) -> Iterator[ScoreRecord]:
        """Yield one ScoreRecord for each item, in order; it depends on the item alone."""
        if self._network is None:
            raise InputError(f"{self.card.name}: call fit or load first")
        network, size = self._network.to(context.device), self._config["size"]
        stream, done = iter(items), 0
        while part := list(islice(stream, READ_AT_ONCE)):
            read = [decode(item, size) for item in part]
            pictures = [picture for picture in read if isinstance(picture, np.ndarray)]
            scores = iter(predict(network, np.stack(pictures))) if pictures else iter(())
            for item, picture in zip(part, read, strict=True):
                yield picture if isinstance(picture, ScoreRecord) else _scored(item, float(next(scores)))
            done += len(part)
            context.progress(done / len(items), f"{done} of {len(items)} pictures")


def _scored(item: Item, fake: float) -> ScoreRecord:
    if np.isnan(fake):
        return ScoreRecord(item=item.id, status="error", reason="the network's output is NaN")
    return ScoreRecord(item=item.id, fake=fake)


def is_fake(item: Item, target: str) -> bool:
    """Return the truth that a detector with this target is trained on and scored against."""
    return {"visual": item.visual_fake, "audio": item.audio_fake, "any": item.visual_fake or item.audio_fake}[target]


def decode(item: Item, size: int) -> NDArray[np.uint8] | ScoreRecord:
    """Return the picture (size, size, 3), or the record of why there is none."""
    if item.location is None:
        return ScoreRecord(item=item.id, status="missing", reason="no file on this machine")
    try:
        return resize(crop_square(read_image(item.location)), size, size)
    except MediaError as error:
        return ScoreRecord(item=item.id, status="error", reason=str(error))


def decode_split(items: Iterable[Item], size: int, target: str, what: str) -> tuple[NDArray[np.uint8], Truth]:
    """Return the readable pictures (N, size, size, 3) and which are fake (N,).

    Raises:
        ValueError: There is no real or no fake picture among them.
    """
    pictures, truth, unreadable = [], [], 0
    for item in items:
        picture = decode(item, size)
        if isinstance(picture, ScoreRecord):
            unreadable += 1
        else:
            pictures.append(picture)
            truth.append(is_fake(item, target))
    fakes = sum(truth)
    if fakes in (0, len(truth)):
        raise ValueError(
            f"{what} holds {len(truth) - fakes} real and {fakes} fake pictures that can be read, and {unreadable} that "
            f"cannot; both classes are needed (truth: {target})"
        )
    return np.stack(pictures), np.array(truth)


def train_network(
    network: nn.Module,
    train: tuple[NDArray[np.uint8], Truth],
    validation: tuple[NDArray[np.uint8], Truth],
    *,
    parameters: Mapping[str, Any],
    name: str,
    context: Context,
) -> dict[str, Any]:
    """Train `network` in place and leave it with the best checkpoint.

    AdamW (Loshchilov and Hutter 2019) on the log loss; every batch is half real, half fake.

    Returns:
        `step` of the checkpoint and `scores`: P(fake) of the validation pictures.

    Raises:
        FauxbenchError: The loss is no longer finite.
    """
    steps, rate = parameters["steps"], parameters["learning_rate"]
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=WEIGHT_DECAY)
    drawn = balanced_batches(*train, parameters=parameters, context=context)
    marks = {round(steps * (i + 1) / parameters["checks"]) for i in range(parameters["checks"])} - {0}
    best: dict[str, Any] = {"loss": float("inf"), "state": {}}
    for step in range(1, steps + 1):
        for group in optimiser.param_groups:
            group["lr"] = rate * schedule(step, steps)
        pictures, truth = next(drawn)
        network.train()
        optimiser.zero_grad(set_to_none=True)
        logits = network(normalise(pictures, context.device)).squeeze(1)
        loss = binary_cross_entropy_with_logits(logits, truth.to(logits))
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if not bool(torch.isfinite(loss)):
            raise FauxbenchError(f"{name}: training diverged at step {step}: loss {float(loss)}; lower learning_rate")
        if step in marks:
            settle(network, drawn, context.device)
            scores = predict(network, validation[0])
            rank = _ranking_loss(scores, validation[1], parameters["choose_by"])
            if rank < best["loss"] or not best["state"]:
                best = {"loss": rank, "step": step, "scores": scores, "state": copy.deepcopy(network.state_dict())}
            context.progress(step / steps, f"step {step}: loss {float(loss.detach()):.3f}, validation {rank:.3f}")
    network.load_state_dict(best["state"])
    return best


@torch.no_grad()
def settle(network: nn.Module, drawn: Iterator[tuple[Tensor, Tensor]], device: str) -> None:
    """Measure normalisation statistics anew, as a plain mean over a few batches; running ones lag in short training.

    Wu and Johnson 2021 (arXiv:2105.07576), section 3, "PreciseBN".
    """
    layers = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
    network.train()
    for _ in range(SETTLE_BATCHES if layers else 0):
        network(normalise(next(drawn)[0], device))
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum


def schedule(step: int, steps: int) -> float:
    """Return the share of the full learning rate at a step, 1 to `steps`: a linear rise, then half a cosine."""
    rise = max(1, round(WARM_UP * steps))
    if step <= rise:
        return step / rise
    return float(0.5 * (1.0 + np.cos(np.pi * (step - rise) / (steps - rise + 1))))


def balanced_batches(
    pictures: NDArray[np.uint8], truth: Truth, *, parameters: Mapping[str, Any], context: Context
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield (pictures (batch, 3, H, W) uint8, fake (batch,) bool) without end: half real, half fake, augmented."""
    order, augment = context.torch_rng(_ORDER), context.torch_rng(_AUGMENT)
    everything = torch.from_numpy(pictures).permute(0, 3, 1, 2)
    half = parameters["batch"] // 2
    pools = [_endless(torch.from_numpy(np.flatnonzero(truth == value)), half, order) for value in (False, True)]
    labels = torch.cat([torch.zeros(half, dtype=torch.bool), torch.ones(half, dtype=torch.bool)])
    while True:
        chosen = everything[torch.cat([next(pool) for pool in pools])]
        yield augmented(chosen, flip=parameters["flip"], shift=parameters["shift"], rng=augment), labels


def _endless(members: Tensor, count: int, rng: torch.Generator) -> Iterator[Tensor]:
    """Yield `count` members at a time, each pass in a fresh order."""
    pool = members[:0]
    while True:
        while len(pool) < count:
            pool = torch.cat([pool, members[torch.randperm(len(members), generator=rng)]])
        yield pool[:count]
        pool = pool[count:]


def augmented(pictures: Tensor, *, flip: bool, shift: int, rng: torch.Generator) -> Tensor:
    """Mirror half of the pictures (N, 3, H, W), and move each by up to `shift` pixels; the edges are reflected."""
    count, _, height, width = pictures.shape
    if flip:
        mirrored = torch.rand(count, generator=rng) < 0.5
        pictures = torch.where(mirrored[:, None, None, None], pictures.flip(3), pictures)
    if shift:
        wide = pad(pictures.to(torch.float32), (shift,) * 4, mode="reflect")
        corners = torch.randint(0, 2 * shift + 1, (count, 2), generator=rng).tolist()
        pictures = torch.stack([p[:, y : y + height, x : x + width] for p, (y, x) in zip(wide, corners, strict=True)])
    return pictures


def normalise(pictures: Tensor, device: str | torch.device) -> Tensor:
    """Return pictures (N, 3, H, W) in 0..255 as float32 in [-1, 1], channels last."""
    moved = pictures.to(device=device, dtype=torch.float32, memory_format=torch.channels_last)
    return moved / 127.5 - 1.0


@torch.inference_mode()
def predict(network: nn.Module, pictures: NDArray[np.uint8]) -> Scores:
    """Return P(fake) (N,) of pictures (N, H, W, 3), in batches of one size, so that a score depends on its picture."""
    network.eval()
    device = next(network.parameters()).device
    batch = SCORE_BATCH.get(device.type, OTHER_SCORE_BATCH)
    found: list[Scores] = []
    for start in range(0, len(pictures), batch):
        part = torch.from_numpy(pictures[start : start + batch]).permute(0, 3, 1, 2)
        full = torch.zeros((batch, *part.shape[1:]), dtype=torch.uint8)
        full[: len(part)] = part
        logits = network(normalise(full, device)).squeeze(1)[: len(part)]
        found.append(torch.sigmoid(logits.double()).cpu().numpy())
    return np.concatenate(found)


def _ranking_loss(scores: Scores, truth: Truth, choose_by: str) -> float:
    return log_loss(scores, truth) if choose_by == "log_loss" else 1.0 - auc(scores, truth)


def log_loss(scores: Scores, truth: Truth) -> float:
    """Return the mean negative log likelihood, both classes with the same weight, in nats."""
    clipped = np.clip(scores, 1e-7, 1.0 - 1e-7)
    return float(-(np.log(clipped[truth]).mean() + np.log1p(-clipped[~truth]).mean()) / 2.0)


def auc(scores: Scores, truth: Truth) -> float:
    """Return the share of (fake, real) pairs in the right order; a tie counts half."""
    real = np.sort(scores[~truth])
    below = np.searchsorted(real, scores[truth], side="left") + np.searchsorted(real, scores[truth], side="right")
    return float(below.mean() / (2.0 * len(real)))


def best_threshold(scores: Scores, truth: Truth) -> float:
    """Return the threshold in [0, 1] with the best balanced accuracy of `score >= threshold`; of equals, nearest 0.5.

    Candidates are 0, 0.5, 1 and the points half way between neighbouring scores (Youden 1950).
    """
    values = np.unique(scores)
    candidates = np.concatenate([(values[1:] + values[:-1]) / 2.0, [0.0, 0.5, 1.0]])
    called = scores[None, :] >= candidates[:, None]
    balanced = (called[:, truth].mean(axis=1) + (~called[:, ~truth]).mean(axis=1)) / 2.0
    best = candidates[np.isclose(balanced, balanced.max(), rtol=0.0, atol=1e-12)]
    return float(best[np.argmin(np.abs(best - 0.5))])
