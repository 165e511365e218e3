"""Checkpoints of a training, and weights of a finished one: safetensors with JSON, never pickle."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from fauxbench import InputError

if TYPE_CHECKING:
    from fauxbench.generators._training import Curve, Training

WEIGHTS, CONFIG = "weights.safetensors", "config.json"


def digest_of_pictures(pictures: Tensor) -> str:
    """Return sha256 over the shape and bytes of a uint8 tensor."""
    found = hashlib.sha256(json.dumps(list(pictures.shape)).encode())
    found.update(pictures.contiguous().numpy().tobytes())
    return found.hexdigest()


def _identity(recipe: Mapping[str, Any]) -> str:
    return json.dumps({**recipe, "torch": torch.__version__}, sort_keys=True)


def _tensors(training: "Training") -> Iterator[tuple[str, Tensor]]:
    """Yield everything that the next update depends on, by name."""
    for name, network in training.networks.items():
        yield from ((f"network {name} {key}", value) for key, value in network.state_dict().items())
    for name, optimiser in training.optimisers.items():
        for place, held in optimiser.state_dict()["state"].items():
            yield from ((f"optimiser {name} {place} {key}", value) for key, value in held.items())
    for name, rng in (*training.randoms.items(), ("batches", training.batches.rng)):
        yield f"random {name}", rng.get_state()
    yield "pool", training.batches.pool


def write_checkpoint(file: Path, training: "Training", recipe: Mapping[str, Any], step: int, curve: "Curve") -> None:
    """Write a checkpoint, so that a reader sees the old or the new one and never half of it."""
    state = {name: value.detach().cpu().contiguous().clone() for name, value in _tensors(training)}
    told = {"recipe": _identity(recipe), "step": str(step), "curve": json.dumps(curve)}
    part = file.with_name(f".{file.name}.part")
    save_file(state, part, metadata=told)
    part.replace(file)


def read_checkpoint(file: Path, training: "Training", recipe: Mapping[str, Any]) -> tuple[int, "Curve"]:
    """Put `training` where a checkpoint left it; return the updates made and their curve.

    No checkpoint, a damaged one or one of another recipe: nothing is changed, and the training begins at 0.
    """
    try:
        with safe_open(file, framework="pt") as opened:
            told = opened.metadata() or {}
            if told.get("recipe") != _identity(recipe):
                return 0, []
            state = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - not a dict
    except (OSError, SafetensorError):
        return 0, []
    for name, network in training.networks.items():
        network.load_state_dict(_under(state, f"network {name} "))
    for name, optimiser in training.optimisers.items():
        _restore(optimiser, _under(state, f"optimiser {name} "))
    for name, rng in (*training.randoms.items(), ("batches", training.batches.rng)):
        rng.set_state(state[f"random {name}"])
    training.batches.pool = state["pool"]
    return int(told["step"]), [(int(step), losses) for step, losses in json.loads(told["curve"])]


def _under(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def _restore(optimiser: torch.optim.Optimizer, state: Mapping[str, Tensor]) -> None:
    """Put back the state of an optimiser, in the memory layout of its parameters, which fused updates rely on."""
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    held: dict[int, dict[str, Tensor]] = {}
    for name, value in state.items():
        place, key = name.split(" ", 1)
        parameter = parameters[int(place)]
        if value.shape == parameter.shape and value.dim():
            value = torch.empty_like(parameter, dtype=value.dtype).copy_(value)
        held.setdefault(int(place), {})[key] = value.detach()
    optimiser.load_state_dict({"state": held, "param_groups": optimiser.state_dict()["param_groups"]})


def save_weights(folder: Path, network: nn.Module, config: Mapping[str, Any]) -> None:
    """Write `weights.safetensors` and `config.json` into `folder`, made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    save_file(state, folder / WEIGHTS)
    (folder / CONFIG).write_text(json.dumps(config, indent=1, sort_keys=True), encoding="utf-8")


def read_config(folder: Path, name: str) -> dict[str, Any]:
    """Return the `config.json` of weights, found to be of the system `name`.

    Raises:
        InputError: It is missing, damaged, or of another system.
    """
    try:
        found = json.loads((folder / CONFIG).read_bytes())
    except OSError as error:
        message = f"{name}: no {CONFIG} in {folder}; give the folder that save() wrote{_lying(folder)}"
        raise InputError(message) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{folder / CONFIG}: not JSON ({error}); it is damaged") from error
    if not isinstance(found, dict) or found.get("system") != name:
        other = found.get("system") if isinstance(found, dict) else None
        raise InputError(f"{folder}: expected weights of '{name}', found those of {other!r}")
    return found


def load_weights(folder: Path, network: nn.Module, name: str) -> None:
    """Load `weights.safetensors` into a network; numbers in half precision are widened.

    Raises:
        InputError: There are none, they are damaged or a pickle, or of another shape.
    """
    file = folder / WEIGHTS
    try:
        state = load_file(file)
    except OSError as error:
        raise InputError(f"{name}: no {WEIGHTS} in {folder}{_lying(folder)}") from error
    except (SafetensorError, ValueError) as error:
        what = "a pickle, which is never loaded; convert it where you trust it" if _is_pickle(file) else "damaged"
        raise InputError(f"{file}: not safetensors ({error}); it is {what}") from error
    wanted = network.state_dict()
    wrong = sorted(set(wanted) ^ set(state)) or [n for n in wanted if wanted[n].shape != state[n].shape]
    if wrong:
        shapes = [tuple(held[wrong[0]].shape) if wrong[0] in held else None for held in (wanted, state)]
        raise InputError(
            f"{file}: {len(wrong)} tensors do not fit what {CONFIG} describes, the first: '{wrong[0]}', "
            f"expected {shapes[0]}, found {shapes[1]}; weights and config are not of one fit"
        )
    network.load_state_dict(state)


def _is_pickle(file: Path) -> bool:
    with file.open("rb") as opened:
        start = opened.read(4)
    return start[:1] == b"\x80" or start == b"PK\x03\x04"


def _lying(folder: Path) -> str:
    """Return a word about the pickles that lie where weights should."""
    pickles = [f.name for f in _files(folder) if f.suffix in {".pt", ".pth", ".pkl", ".ckpt", ".bin"}]
    return f"; '{pickles[0]}' is a pickle, which is never loaded: convert it to safetensors" if pickles else ""


def _files(folder: Path) -> Iterable[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else ()
