"""Pipelines of the library `diffusers` that lie on this machine, as systems under test."""

import inspect
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fauxbench import InputError, Request, digest_of_file
from fauxbench.generators.diffusion.schedule import library

INDEX = "model_index.json"
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
LIBRARIES = ("diffusers", "transformers")
"""Libraries that the parts of a pipeline may come from; anything else would be code out of the folder."""


def digest_of_pipeline(folder: Path) -> str:
    """Return the identity of a pipeline: sha256 over the names and bytes of its files."""
    files = sorted(f for f in folder.rglob("*") if f.is_file())
    rows = [[f.relative_to(folder).as_posix(), digest_of_file(f)] for f in files]
    return sha256(json.dumps(rows).encode()).hexdigest()


def check_pipeline(folder: Path) -> str:
    """Return the class of the pipeline in `folder`; nothing is loaded.

    Raises:
        InputError: There is no pipeline, it would run code of its own, or its weights are pickles.
    """
    try:
        index = json.loads((folder / INDEX).read_bytes())
        name, parts = str(index["_class_name"]), {k: v for k, v in index.items() if isinstance(v, list)}
    except OSError as error:
        raise InputError(f"diffusion: no {INDEX} in {folder}; give a folder that save_pretrained() wrote") from error
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise InputError(f"{folder / INDEX}: does not describe a pipeline ({error})") from error
    foreign = [part for part, home in parts.items() if home[0] is not None and home[0] not in LIBRARIES]
    if foreign or not hasattr(library(), name):
        what = f"'{foreign[0]}' of {parts[foreign[0]][0]!r}" if foreign else f"class {name!r}"
        raise InputError(f"{folder / INDEX}: {what} is not part of diffusers or transformers; own code is not run")
    for pickle in sorted(f for f in folder.rglob("*") if f.suffix.lower() in PICKLES):
        if not list(pickle.parent.glob("*.safetensors")):
            raise InputError(
                f"{pickle}: a pickle, which is never loaded; save the pipeline with safe_serialization=True"
            )
    return name


def load_pipeline(folder: Path, device: str) -> Any:  # noqa: ANN401 - any pipeline
    """Load a pipeline, from safetensors alone and without the network.

    Raises:
        InputError: It cannot be loaded; the message has the library's words.
    """
    check_pipeline(folder)
    try:
        pipeline = library().DiffusionPipeline.from_pretrained(folder, use_safetensors=True, local_files_only=True)
    except Exception as error:
        raise InputError(f"{folder}: diffusers cannot load it ({type(error).__name__}: {error!s:.400})") from error
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device)


def paint(pipeline: Any, request: Request, rng: torch.Generator, *, steps: int, prompt: str) -> Tensor:  # noqa: ANN401
    """Return one picture (3, H, W) in [-1, 1] from a pipeline."""
    takes = inspect.signature(pipeline.__call__).parameters
    asked: dict[str, Any] = {"generator": rng, "num_inference_steps": steps, "output_type": "np"}
    if "prompt" in takes:
        asked["prompt"] = request.text or prompt
    made = pipeline(**asked).images[0]
    return torch.from_numpy(made).to(torch.float32).permute(2, 0, 1).mul(2.0).sub(1.0)
