"""Train the weights that come with a generator by the recipe of its card, and put them in their place."""

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from .canonical import JSON, digest_of_file
from .cards import GeneratorCard
from .errors import InputError
from .execute.display import Display
from .fit import ORDER, WEIGHTS, Order, fit
from .registry import GENERATORS, Part

LARGEST = 4_000_000
"""Bytes that weights may have to come with the package."""


def ship(
    name: str,
    *,
    out: Path,
    minutes: float | None = None,
    store: Path | None = None,
    device: str = "cpu",
    display: Display | None = None,
) -> Path:
    """Train by the recipe of a card, for `minutes` or the recipe's `steps`, and put the weights beside the card.

    The same call goes on after an interruption. The weights are kept in half precision; the card gets their sha256 and
    the parameters that they were trained with.

    Returns:
        The folder of the weights.

    Raises:
        InputError: The card has no recipe, the card is not a file of ours, or the weights are too large.
    """
    part = GENERATORS.find(name, Path.cwd())
    recipe = part.card.recipe
    if recipe is None:
        raise InputError(f"'{name}': its card has no recipe; add [recipe] with people, per_person, population")
    order = Order(
        use=name,
        size=recipe.size,
        people=recipe.people,
        per_person=recipe.per_person or None,
        clips=recipe.clips or None,
        sounds=recipe.sounds or None,
        seconds=recipe.seconds if recipe.clips else None,
        languages=recipe.languages if recipe.clips else None,
        population=recipe.population,
        seed=recipe.seed,
        parameters=dict(recipe.parameters),
        device=device,
    )
    fit(order, out=out, minutes=minutes, resume=(out / ORDER).is_file(), store=store, display=display)
    trained = Order.model_validate_json((out / ORDER).read_bytes())
    return install(part, out / WEIGHTS, trained.parameters)


def install(part: Part[GeneratorCard], trained: Path, parameters: Mapping[str, JSON]) -> Path:
    """Put trained weights beside a card, in half precision, and their sha256 and parameters into it.

    Raises:
        InputError: They are too large.
    """
    folder = part.folder / WEIGHTS
    files = sorted(file for file in trained.rglob("*") if file.is_file())
    halved = {file.relative_to(trained).as_posix(): _halved(file) for file in files}
    size = sum(map(len, halved.values()))
    if size > LARGEST:
        raise InputError(f"{trained}: {size:,} bytes in half precision, at most {LARGEST:,} come with the package")
    if folder.is_dir():
        shutil.rmtree(folder)
    for name, data in halved.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    card = part.folder / "card.toml"
    digests = {name: digest_of_file(folder / name) for name in halved}
    card.write_text(with_tables(card.read_text(encoding="utf-8"), parameters, digests), encoding="utf-8")
    return folder


def _halved(file: Path) -> bytes:
    """Return a file of weights with its matrices in half precision; a config as it is."""
    if file.suffix != ".safetensors":
        return file.read_bytes()
    import torch
    from safetensors.torch import load_file, save

    small = {
        name: value.to(torch.float16) if value.is_floating_point() and value.dim() > 1 else value
        for name, value in load_file(file).items()
    }
    data: bytes = save(small)
    return data


def with_tables(text: str, parameters: Mapping[str, JSON], digests: Mapping[str, str]) -> str:
    """Return a `card.toml` whose tables `recipe.parameters` and `weights` say what was trained."""
    blocks = re.split(r"(?m)^(?=\[)", text)
    kept = [block for block in blocks if not re.match(r"\[(recipe\.parameters|weights)\]", block)]
    tables = {"recipe.parameters": parameters, "weights": digests}
    written = [
        f"[{name}]\n" + "".join(f"{json.dumps(key)} = {json.dumps(value)}\n" for key, value in rows.items())
        for name, rows in tables.items()
    ]
    return "".join(kept).rstrip("\n") + "\n\n" + "\n".join(written)
