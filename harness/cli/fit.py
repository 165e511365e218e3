"""`fauxbench fit NAME --on DATA --out DIR`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from . import options
from .generate import _parameters as parameters_of
from .generate import terms_given


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("fit")(fit)


def fit(
    generator: Annotated[str, typer.Argument(help="A name from `fauxbench list generators`, or file.py:Class.")],
    out: Annotated[Path, typer.Option(help="A new folder for weights, card and pictures.")],
    source: Annotated[str, typer.Option("--on", help="`studio`, a folder of real pictures, or a set.")] = "studio",
    size: Annotated[int | None, typer.Option(min=8, max=4096, help="Side of the pictures.")] = None,
    people: Annotated[int | None, typer.Option(min=3, help="studio: identities.", show_default="48")] = None,
    per_person: Annotated[int | None, typer.Option(min=1, help="studio: pictures of each.", show_default="10")] = None,
    population: Annotated[int, typer.Option(min=0, help="studio: its seed; each has other people.")] = 0,
    steps: Annotated[int | None, typer.Option(min=1, help="Updates; the same as --set steps=N.")] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.01, help="How long instead: a short trial says how many updates.")
    ] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", "-p", help="A parameter: name=value.")] = None,
    who: Annotated[str, typer.Option("--who", help="Who is in the folder: real, rendered or none.")] = "real",
    permits: Annotated[str, typer.Option(help="What its terms permit: train,edit,publish.")] = "",
    grant: Annotated[str, typer.Option(help="Who granted that.")] = "",
    seed: Annotated[int, typer.Option(min=0, help="Of the training.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the training in --out.")] = False,
    ship: Annotated[
        bool, typer.Option("--ship", help="By the recipe of the card, and put the weights beside it.")
    ] = False,
    store: options.Store = None,
    device: options.Device = "cpu",
    json_: options.Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Train one generator; prints the folder with its weights, which `generate --weights` takes.

    An interrupted training goes on with --resume and ends as if it had not been interrupted.
    """
    from ..execute.display import Display, display_for
    from ..fit import Order
    from ..fit import fit as fit_generator
    from ..ship import ship as ship_generator

    options.check_device(device)
    display = Display() if quiet else display_for()
    if steps is not None and minutes is not None:
        raise InputError("--steps and --minutes: give one of them")
    if ship:
        made = ship_generator(generator, out=out, minutes=minutes, store=store, device=device, display=display)
        typer.echo(json.dumps({"path": str(made)}) if json_ else str(made))
        return
    parameters = parameters_of(set_ or [])
    if steps is not None:
        parameters["steps"] = steps
    order = Order(
        use=generator,
        source=source,
        size=size,
        people=people,
        per_person=per_person,
        population=population,
        seed=seed,
        parameters=parameters,
        terms=None if source == "studio" else terms_given(who, permits, grant),
        device=device,
    )
    made = fit_generator(order, out=out, minutes=minutes, resume=resume, store=store, display=display)
    typer.echo((made / "card.json").read_text(encoding="utf-8") if json_ else str(made))
