"""`fauxbench keys`: the watermark's secret and the certificates that everything synthetic is marked with."""

import json

import typer

from . import options

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


def register(parent: typer.Typer) -> None:
    """Add the verb to the command line."""
    parent.add_typer(app, name="keys", help="Make and show the keys that mark what leaves.")


@app.callback()
def keys() -> None:
    """Make and show the keys that mark what leaves. They are made by themselves when they are first needed."""


@app.command("init")
def init(
    renew: bool = typer.Option(
        default=False,
        help="A new signing certificate from the same authority; the watermark's secret stays.",
    ),
    json_: options.Json = False,
) -> None:
    """Make the keys. Keep a copy of them: without them no watermark of yours is found."""
    from ..safeguards.keys import keys_folder, make_keys, renew_keys

    (renew_keys if renew else make_keys)(keys_folder())
    _print(json_=json_)


@app.command("show")
def show(json_: options.Json = False) -> None:
    """Say where the keys are, and until when they hold; no secret is printed."""
    _print(json_=json_)


def _print(*, json_: bool) -> None:
    from ..safeguards.keys import AUTHORITY, keys_folder, read_keys, why_not_sign

    found = read_keys(keys_folder())
    wrong = why_not_sign(found)
    record = {
        "folder": str(found.folder),
        "fingerprint": found.fingerprint,
        "begins": found.begins.isoformat(),
        "ends": found.ends.isoformat(),
        "authority": str(found.folder / AUTHORITY),
        "usable": wrong is None,
        "reason": wrong,
    }
    if json_:
        typer.echo(json.dumps(record))
        return
    typer.echo(f"keys         {found.folder}")
    typer.echo(f"fingerprint  {found.fingerprint[:16]}")
    typer.echo(f"signing      from {found.begins:%Y-%m-%d} to {found.ends:%Y-%m-%d}")
    typer.echo(f"authority    {found.folder / AUTHORITY}: for whoever shall trust your files")
    if wrong:
        typer.echo(f"not usable   {wrong}")
