"""What every training shares: a clock, data made by worker processes, a pool to draw from, weights and reports."""

import argparse
import json
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

Arrays = dict[str, NDArray[Any]]
"""One job's results, each (rows, ...)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long, how large and where a training runs."""

    out: Path
    device: str
    minutes: float
    """For everything, tests included; 0 trains nothing and tests the weights that are there again."""
    workers: int
    """Processes that make data; 0 makes it in this one."""
    batch: int
    """Groups a step: people, clips or voices."""
    rate: float
    """Highest learning rate."""
    width: float
    """Channels relative to the shipped network."""
    pool: int
    """Rows kept to draw from."""
    test: int
    """Held-out groups that the report rests on."""
    seed: int
    start: Path | None = None
    """Weights to go on from, where the training knows how to."""


def read_plan(description: str, arguments: Sequence[str] | None = None, **defaults: float) -> Plan:
    """Read the command line of a training; `defaults` give batch, rate, pool and test."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for weights and report")
    parser.add_argument("--device", default="cpu", help="of torch")
    parser.add_argument(
        "--minutes", type=float, default=55.0, help="for everything, tests included; 0 tests what is in OUT"
    )
    parser.add_argument("--workers", type=int, default=1, help="processes that make data; 0 makes it in this one")
    parser.add_argument("--width", type=float, default=1.0, help="channels relative to the shipped network")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=Path, help="weights to go on from")
    for name, value in defaults.items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    return Plan(**vars(parser.parse_args(arguments)))


class Clock:
    """Time spent, and the share of it that the learning rate follows."""

    def __init__(self, minutes: float, reserve: float) -> None:
        """Start.

        Args:
            minutes: For everything.
            reserve: Share of it that is kept for the tests at the end.
        """
        self.begin = time.monotonic()
        self.seconds = 60.0 * minutes
        self.until = self.begin + self.seconds * (1.0 - reserve)
        self.from_ = self.begin

    def start_training(self) -> None:
        """Count the share of training from now on."""
        self.from_ = time.monotonic()

    def spent(self) -> float:
        """Return seconds since the beginning."""
        return time.monotonic() - self.begin

    def share(self) -> float:
        """Return how much of the training is over, 0 to 1."""
        return min(1.0, (time.monotonic() - self.from_) / max(1e-9, self.until - self.from_))


class Jobs(Dataset[Arrays]):
    """Numbered jobs: job k is a pure function of k, so that the data are the same with any number of workers."""

    def __init__(self, make: Callable[[int], Arrays], count: int) -> None:
        self.make = make
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, k: int) -> Arrays:
        return self.make(k)


def _itself(value: Any) -> Any:  # noqa: ANN401 - whatever a job returns
    return value


def _one_thread(_: int) -> None:
    import os

    torch.set_num_threads(1)
    os.nice(5)  # the training itself comes first where processors are few


def results(make: Callable[[int], Arrays], count: int, workers: int) -> Iterator[Arrays]:
    """Yield the results of jobs 0 to `count` - 1 in order, made by worker processes ahead of time.

    They look far ahead, so that a job that takes ten times as long as others does not hold the others up.
    """
    loader: DataLoader[Arrays] = DataLoader(
        Jobs(make, count),
        batch_size=None,
        num_workers=workers,
        collate_fn=_itself,
        worker_init_fn=_one_thread if workers else None,
        multiprocessing_context="spawn" if workers else None,
        prefetch_factor=12 if workers else None,
    )
    return cast("Iterator[Arrays]", iter(loader))


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """All jobs of a training under one count, for one set of workers: those of the tests first, then endless ones.

    Attributes:
        tests: Name, jobs, and how many of them.
        lessons: What is trained on.
    """

    tests: tuple[tuple[str, Callable[[int], Arrays], int], ...]
    lessons: Callable[[int], Arrays]

    def __call__(self, k: int) -> Arrays:
        """Return the result of one job."""
        for _, make, count in self.tests:
            if k < count:
                return make(k)
            k -= count
        return self.lessons(k)

    def start(self, workers: int, clock: Clock) -> tuple[dict[str, Arrays], Iterator[Arrays]]:
        """Return the results of the tests' jobs, by name, and an endless stream of the others."""
        stream = results(self, 1 << 40, workers)
        found = {}
        for name, _, count in self.tests:
            parts = [next(stream) for _ in range(count)]
            found[name] = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
            say(f"{clock.spent():6.0f} s, held out '{name}': {count} jobs")
        return found, stream


class Feed:
    """Results of endless jobs, fetched by a thread while the training runs."""

    def __init__(self, stream: Iterator[Arrays]) -> None:
        self._queue: queue.Queue[Arrays] = queue.Queue(maxsize=64)
        self._error: BaseException | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._fetch, args=(stream,), daemon=True)
        self._thread.start()

    def _fetch(self, stream: Iterator[Arrays]) -> None:
        try:
            while not self._over.is_set():
                self._hand_over(next(stream))
        except BaseException as error:  # noqa: BLE001 - handed to the training thread, which raises it
            self._error = error

    def _hand_over(self, result: Arrays) -> None:
        while not self._over.is_set():
            try:
                return self._queue.put(result, timeout=0.5)
            except queue.Full:
                continue
        return None

    def drain(self, *, wait: float = 0.0) -> list[Arrays]:
        """Return what has come, waiting up to `wait` seconds if nothing has.

        Raises:
            RuntimeError: A job failed.
        """
        found: list[Arrays] = []
        while True:
            try:
                result = self._queue.get(timeout=wait) if wait and not found else self._queue.get_nowait()
            except queue.Empty:
                break
            found.append(result)
        if self._error is not None and not found:
            raise RuntimeError(f"making data failed: {self._error}") from self._error
        return found

    def close(self) -> None:
        """Fetch no more."""
        self._over.set()
        self._thread.join(timeout=20)


class Pool:
    """A ring of groups of rows on a device: what has been made, drawn from many times.

    A group is `per_group` successive rows, of one person or of one clip.
    """

    def __init__(self, rows: int, per_group: int, device: str) -> None:
        self.groups = max(1, rows // per_group)
        self.per_group = per_group
        self.device = device
        self.added = 0
        self._held: dict[str, Tensor] = {}

    def __len__(self) -> int:
        return min(self.added, self.groups)

    def add(self, arrays: Arrays) -> None:
        """Add groups; the oldest make room."""
        count = len(next(iter(arrays.values()))) // self.per_group
        place = torch.arange(self.added, self.added + count) % self.groups
        for name, values in arrays.items():
            new = torch.from_numpy(np.ascontiguousarray(values)).view(count, self.per_group, *values.shape[1:])
            if name not in self._held:
                self._held[name] = torch.zeros(self.groups, *new.shape[1:], dtype=new.dtype, device=self.device)
            self._held[name][place.to(self.device)] = new.to(self.device)
        self.added += count

    def draw(self, groups: int, rows: int, rng: torch.Generator) -> dict[str, Tensor]:
        """Return `rows` different rows of each of `groups` different groups, group by group.

        Args:
            groups: At most as many as there are.
            rows: At most `per_group`.
            rng: On the processor.
        """
        picked = torch.randperm(len(self), generator=rng)[:groups]
        order = torch.rand(len(picked), self.per_group, generator=rng).argsort(1)[:, :rows]
        g, r = picked[:, None].to(self.device), order.to(self.device)
        return {name: held[g, r].flatten(0, 1) for name, held in self._held.items()}


class Average:
    """An exponential moving average of a network's weights, which tests and files are made of.

    It looks back over a twentieth of the steps taken, at most over `longest`, so that a short training is not averaged
    with its beginning.
    """

    def __init__(self, net: nn.Module, longest: int = 500) -> None:
        from torch.optim.swa_utils import AveragedModel

        def moving(average: Tensor, new: Tensor, taken: Tensor | int) -> Tensor:
            return average + (new - average) / min(longest, 1 + float(taken) / 20)

        self.model = AveragedModel(net, avg_fn=moving, use_buffers=False)
        self._net = net

    def update(self) -> None:
        """Move towards the present weights."""
        self.model.update_parameters(self._net)

    def network(self) -> nn.Module:
        """Return the averaged network, ready to be used; statistics of batches are those of the trained one."""
        own = self.model.module
        for mine, theirs in zip(own.buffers(), self._net.buffers(), strict=True):
            mine.copy_(theirs)
        return own.eval()


def optimiser(net: nn.Module, rate: float, decay: float = 0.02) -> torch.optim.Optimizer:
    """Return AdamW over the parameters; vectors (shifts, scales of norms) do not decay."""
    matrices = [p for p in net.parameters() if p.dim() > 1]
    vectors = [p for p in net.parameters() if p.dim() <= 1]
    groups = [{"params": matrices, "weight_decay": decay}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98))


Step = Callable[[], Mapping[str, Tensor]]


def fit(
    plan: Plan, clock: Clock, net: nn.Module, feed: Feed, pool: Pool, step: Step, save: Callable[[Any], None]
) -> dict[str, float] | None:
    """Train until the clock says so: cosine learning rate with a warm-up, gradients clipped, weights averaged.

    Args:
        plan: Device and learning rate.
        clock: The time.
        net: The network, with everything that has parameters.
        feed: Where new data come from.
        pool: Where they go.
        step: Draws from the pool and returns named losses; their sum is minimised.
        save: Called with the averaged network about once a minute and at the end.

    Returns:
        Numbers for the report: steps, groups made, seconds, last losses; None if there is nothing to train.
    """
    if plan.minutes == 0:
        return None
    rule, average = optimiser(net, plan.rate), Average(net)
    warm = min(pool.groups, max(plan.batch + 1, 2 * plan.batch))
    while len(pool) < warm and clock.share() < 1:
        for arrays in feed.drain(wait=1.0):
            pool.add(arrays)
    clock.start_training()
    steps, told, saved, sums = 0, clock.spent(), clock.spent(), dict[str, float]()
    while (share := clock.share()) < 1 or steps == 0:
        for arrays in feed.drain():
            pool.add(arrays)
        rate = plan.rate * min(1.0, share / 0.04 + 0.02) * 0.5 * (1 + np.cos(np.pi * share))
        for group in rule.param_groups:
            group["lr"] = rate
        losses = step()
        rule.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        rule.step()
        average.update()
        steps += 1
        if clock.spent() - told > 10:
            told = clock.spent()
            sums = {name: float(loss.detach()) for name, loss in losses.items()}
            say(f"{told:6.0f} s, step {steps}, groups {pool.added}, rate {rate:.1e}", **sums)
        if clock.spent() - saved > 60:
            saved = clock.spent()
            save(average.network())
    sums = {name: float(loss.detach()) for name, loss in losses.items()}
    save(average.network())
    return {"steps": steps, "groups": pool.added, "seconds": clock.spent(), **sums}


def say(text: str, **numbers: float) -> None:
    """Print progress: a text and named numbers."""
    print(text, *(f"{name} {value:.4g}" for name, value in numbers.items()), sep=", ", flush=True)  # noqa: T201


COARSE = torch.float8_e4m3fn
"""Three bits after the point."""


def save_weights(net: nn.Module, path: Path, about: Mapping[str, str], coarse: str | None = None) -> int:
    """Write a network as safetensors and return the bytes: matrices in half precision, everything else as it is.

    Args:
        net: The network.
        path: The file.
        about: Strings that are stored beside the tensors.
        coarse: Kernels whose names begin with this are stored as `COARSE`.
    """
    state = {}
    for name, value in net.state_dict().items():
        kind = value.dtype
        if value.is_floating_point() and value.dim() > 1:
            kind = COARSE if coarse and name.startswith(coarse) and value.dim() == 4 else torch.float16
        state[name] = value.detach().to("cpu", kind).contiguous()
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(state, str(path), metadata=dict(about))
    return path.stat().st_size


def finish(plan: Plan, name: str, told: Mapping[str, float] | None, tested: Mapping[str, Any]) -> dict[str, Any]:
    """Write and return the report; without numbers of a training, those of the report that is there stay."""
    path = plan.out / "report.json"
    report: dict[str, Any] = {"instrument": name, "training": told, "plan": describe(plan), "machine": machine(plan)}
    if told is None and path.is_file():
        report = json.loads(path.read_text(encoding="utf-8"))
    report |= tested
    save_report(plan.out, report)
    return report


def save_report(folder: Path, report: Mapping[str, Any]) -> None:
    """Write `report.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, indent=1, sort_keys=True, allow_nan=False)
    (folder / "report.json").write_text(text + "\n", encoding="utf-8")


def describe(plan: Plan) -> dict[str, Any]:
    """Return a plan without its paths."""
    return {name: value for name, value in asdict(plan).items() if name not in {"out", "start"}}


def settle(plan: Plan) -> None:
    """Seed torch and let a GPU use its fast paths."""
    torch.manual_seed(plan.seed)
    torch.backends.cudnn.benchmark = True


def machine(plan: Plan) -> dict[str, str]:
    """Return what a training ran on."""
    name = torch.cuda.get_device_name(plan.device) if plan.device.startswith("cuda") else "processor"
    return {"device": name, "torch": torch.__version__.partition("+")[0]}
