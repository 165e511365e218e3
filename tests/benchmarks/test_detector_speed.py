"""Speed of the built-in detectors, in CPU time; run with `pytest --benchmark-only -n 0 tests/benchmarks`."""

import copy
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fauxbench import Context, Detector, DetectorCard, Item
from fauxbench.detectors._reading import decode
from fauxbench.detectors._training import prepared_batches, update
from fauxbench.harness.cards import read_card
from fauxbench.harness.media.images import write_png
from fauxbench.harness.media.item import Kind, Modality
from fauxbench.harness.registry import load_class

DETECTORS = Path(__file__).parents[2] / "detectors"
NAMES = ("cnn", "efficientnet", "spectrum")
FIT_LIMIT = 30.0
"""Seconds for 300 pictures of 64 px with default parameters on one core; about 11 when nothing else runs."""
BACKBONE, STEPS, ROUNDS = "test_efficientnet", 40, 2
AT_LEAST = 1.5
"""Times the pictures a second of the same timm model fed by torchvision's ImageFolder, decoding once included."""
NOISE = 0.12
"""Nats by which the mean loss of the last ten steps may differ: batches are drawn in another order."""


@pytest.fixture(scope="module")
def items(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    found = []
    for i in range(400):
        fake = i % 2 == 1
        place = folder / ("fake" if fake else "real")
        place.mkdir(exist_ok=True)
        coarse = Image.fromarray(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)).resize((64, 64), 3)
        noise = rng.normal(0, 12 if fake else 2, (64, 64, 3))
        write_png(place / f"{i}.png", np.clip(np.asarray(coarse) + noise, 0, 255).astype(np.uint8))
        kind = Kind.FULLY_SYNTHETIC if fake else Kind.REAL
        location = place / f"{i}.png"
        found.append(
            Item(id=str(i), modality=Modality.IMAGE, kind=kind, visual_fake=fake, group="t", location=location)
        )
    return found


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def build(name, **given):
    card = read_card(DETECTORS / name / "card.toml", DetectorCard)
    module, _, cls = card.entry.partition(":")
    return load_class(f"fauxbench.detectors.{name}.{module}:{cls}", Detector)(card, card.fill(given))


@pytest.mark.parametrize("name", NAMES)
def test_fit(name, items, one_thread, benchmark, tmp_path):
    context = Context(seed=0, scratch=tmp_path)
    began = time.thread_time()
    benchmark.pedantic(lambda: build(name).fit(items[:300], items[300:], context), rounds=1)
    assert time.thread_time() - began < FIT_LIMIT


@pytest.mark.parametrize("name", NAMES)
def test_score(name, items, one_thread, benchmark, tmp_path):
    context = Context(seed=0, scratch=tmp_path)
    detector = build(name, **({} if name == "spectrum" else {"steps": 2}))
    detector.fit(items[:40], items[40:60], context)
    began = time.thread_time()
    records = benchmark.pedantic(lambda: list(detector.score(items, context)), rounds=1)
    assert len(records) == 400
    assert (time.thread_time() - began) / 400 < 0.03


def ours(items, scratch, network):
    """Return the CPU seconds of decoding and training, and the losses."""
    detector = build("timm", backbone=BACKBONE, steps=STEPS)
    context = Context(seed=0, scratch=scratch)
    network = network.to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
    began = time.thread_time()
    split = decode(items, detector.read, whole=False, most=1, target="visual", scratch=scratch, what="race")
    drawn = prepared_batches(detector.prepare, split, parameters=detector.parameters, context=context)
    losses = [update(network, optimiser, *next(drawn), precision="float32") for _ in range(STEPS)]
    return time.thread_time() - began, losses


def theirs(folder, network):
    """Return the CPU seconds of training the way most do, with the same augmentation, and the losses."""
    from torchvision import datasets, transforms

    look = [
        transforms.RandomHorizontalFlip(),
        transforms.RandomCrop(64, padding=2, padding_mode="reflect"),
        transforms.ToTensor(),
        transforms.Normalize(network.default_cfg["mean"], network.default_cfg["std"]),
    ]
    pictures = datasets.ImageFolder(str(folder), transforms.Compose(look))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        loader = torch.utils.data.DataLoader(pictures, batch_size=32, shuffle=True, num_workers=0, drop_last=True)
        optimiser = torch.optim.AdamW(network.train().parameters(), lr=1e-3, weight_decay=0.01)
        began, losses = time.thread_time(), []
        while len(losses) < STEPS:
            for batch, label in loader:
                fake = 1.0 - label.float()  # ImageFolder sorts: fake is class 0
                loss = torch.nn.functional.binary_cross_entropy_with_logits(network(batch).squeeze(1), fake)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                losses.append(float(loss.detach()))
        return (time.thread_time() - began) * STEPS / len(losses), losses[:STEPS]


def test_training_outruns_an_image_folder_at_the_same_loss(items, one_thread, benchmark, tmp_path, capsys):
    folder = items[0].location.parents[1]
    best = {"ours": float("inf"), "theirs": float("inf")}
    ends = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(ROUNDS):  # in turns, because the machine may be busy
            start = build("timm", backbone=BACKBONE)._build(torch.Generator().manual_seed(0))
            peer = copy.deepcopy(start.backbone)  # the same network from the same weights
            ran = {"theirs": theirs(folder, peer), "ours": ours(items, tmp_path, start)}
            for name, (seconds, losses) in ran.items():
                best[name] = min(best[name], seconds)
                ends[name] = float(np.mean(losses[-10:]))
    ratio = best["theirs"] / best["ours"]
    speed = {name: 32 * STEPS / seconds for name, seconds in best.items()}
    benchmark.extra_info |= {**speed, "ratio": ratio, "losses": ends}
    benchmark.pedantic(lambda: None, rounds=1)
    with capsys.disabled():
        print(f"\n{speed} pictures a second, ratio {ratio:.2f}, losses {ends}")  # noqa: T201
    assert ratio >= AT_LEAST
    assert abs(ends["ours"] - ends["theirs"]) < NOISE
