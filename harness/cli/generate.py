"""`fauxbench generate NAME --n N --from DATA --out DIR`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml

from ..errors import InputError
from . import options

if TYPE_CHECKING:
    from ..media.mediaset import Terms


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("generate")(generate)


def generate(
    generator: Annotated[str, typer.Argument(help="A name from `fauxbench list generators`, or file.py:Class.")],
    out: Annotated[Path, typer.Option(help="A new folder for the set.")],
    n: Annotated[int, typer.Option("--n", min=1, help="Items to make.")] = 100,
    source: Annotated[str, typer.Option("--from", help="`studio`, a folder of real pictures, or a set.")] = "studio",
    size: Annotated[int | None, typer.Option(min=8, max=4096, help="Side of the pictures.")] = None,
    version: Annotated[str | None, typer.Option(help="Version to record; default the card's.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", "-p", help="A parameter: name=value.")] = None,
    people: Annotated[str, typer.Option(help="Who is in the folder: real, rendered or none.")] = "real",
    permits: Annotated[str, typer.Option(help="What its terms permit: train,edit,publish.")] = "",
    grant: Annotated[str, typer.Option(help="Who granted that.")] = "",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    weights: Annotated[
        Path | None,
        typer.Option(help="No training: a folder that `fauxbench fit` wrote, or `shipped`, those that come with it."),
    ] = None,
    refit: Annotated[bool, typer.Option("--refit", help="Train anew, even where weights come with it.")] = False,
    store: options.Store = None,
    device: options.Device = "cpu",
    json_: options.Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Make a set with one generator: trained if it needs it, every file marked. Prints the set's folder.

    Weights that come with a generator are used for the studio's people, and for sets of them; a folder of others is
    learnt from, or take `--weights shipped`.
    """
    from ..execute.display import Display, display_for
    from ..generate import generate as generate_set

    options.check_device(device)
    made = generate_set(
        generator,
        n=n,
        out=out,
        source=source,
        size=size,
        version=version,
        parameters=_parameters(set_ or []),
        terms=terms_given(people, permits, grant),
        seed=seed,
        weights=weights,
        refit=refit,
        store=store,
        device=device,
        display=Display() if quiet else display_for(),
    )
    if made.missed:
        typer.echo(f"warning: {len(made.missed)} of {made.card.expected} items failed: see failures.jsonl", err=True)
    counts = {"items": len(made), "expected": made.card.expected, "digest": made.digest}
    typer.echo(json.dumps({"path": str(made.folder), **counts}) if json_ else str(made.folder))


def terms_given(people: str, permits: str, grant: str) -> "Terms | None":
    """Return the terms of a folder, from the words of the command line; None where nothing is said.

    Raises:
        InputError: They are no terms.
    """
    if (people, permits, grant) == ("real", "", ""):
        return None
    from pydantic import ValidationError

    from ..media.mediaset import Terms

    try:
        granted = ("evaluate", *options.words(permits))
        return Terms.model_validate({"people": people, "permits": granted, "grant": grant})
    except ValidationError as error:
        first = error.errors()[0]
        message = str(first["msg"]).removeprefix("Value error, ")
        raise InputError(f"--people, --permits, --grant: {message}; found {first['input']!r}") from error


def _parameters(given: list[str]) -> dict[str, Any]:
    """Return parameters from words like `name=value`, whose values are YAML."""
    parameters = {}
    for one in given:
        name, separator, value = one.partition("=")
        if not separator:
            raise InputError(f"--set {one}: expected name=value")
        try:
            parameters[name] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise InputError(f"--set {one}: the value is not YAML") from error
    return parameters
