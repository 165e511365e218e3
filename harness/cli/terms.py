"""`fauxbench terms`: the data sets that there are, who grants access to them, and what was accepted."""

import datetime
import json
from typing import Annotated, Any

import typer

from ..errors import InputError
from . import options

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


def register(parent: typer.Typer) -> None:
    """Add the verb to the command line."""
    parent.add_typer(app, name="terms", help="Record which data sets you were granted access to.")


@app.callback()
def terms() -> None:
    """Record which data sets you were granted access to. What is not accepted is not read."""


@app.command("accept")
def accept(
    name: Annotated[str, typer.Argument(help="Data set; see `fauxbench terms list`.")],
    grant: Annotated[str, typer.Option(help="Who granted access, by what, and when.")],
    purpose: Annotated[str, typer.Option(help="What for, with commas: evaluate, train, ...")] = "evaluate",
    agreed: Annotated[str | None, typer.Option(metavar="DATE", help="When the agreement was made.")] = None,
    expires: Annotated[str | None, typer.Option(metavar="DATE", help="The last day on which it holds.")] = None,
) -> None:
    """Record that you were granted access to a data set and accept its terms."""
    from pydantic import ValidationError

    from ..datasets.access import new_record
    from ..datasets.layouts import dataset_card
    from ..safeguards.terms import record_terms, terms_file

    card = dataset_card(name)
    today = datetime.datetime.now(tz=datetime.UTC).date()
    purposes: Any = options.words(purpose)
    try:
        record = new_record(
            card, grant, purposes, agreed=_date("--agreed", agreed), expires=_date("--expires", expires), day=today
        )
    except ValidationError as error:
        raise InputError(f"--purpose {purpose}: {error.errors()[0]['msg']}") from error
    record_terms(terms_file(), record)
    typer.echo(f"{name}: accepted for {', '.join(record.purposes)}; recorded in {terms_file()}")


def _date(option: str, text: str | None) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text) if text else None
    except ValueError as error:
        raise InputError(f"{option} {text}: expected a date like 2026-05-03") from error


@app.command("list")
def list_terms(json_: options.Json = False) -> None:
    """List the data sets, who grants access to them, and what was accepted."""
    from ..datasets.access import why_refused
    from ..datasets.layouts import dataset_cards
    from ..safeguards.terms import read_terms, terms_file

    today = datetime.datetime.now(tz=datetime.UTC).date()
    records = {record.dataset: record for record in read_terms(terms_file())}
    rows: list[dict[str, Any]] = []
    for card in dataset_cards().values():
        record = records.get(card.name)
        row = card.model_dump(mode="json", include={"name", "title", "people", "splits", "access"})
        row["record"] = record.model_dump(mode="json") if record else None
        row["why_not"] = why_refused(card, record, today)
        rows.append({**row, "readable": row["why_not"] is None})
    if json_:
        typer.echo(json.dumps({"file": str(terms_file()), "datasets": rows}, ensure_ascii=False))
        return
    width = max(len(row["name"]) for row in rows)
    for row in rows:
        typer.echo(f"{row['name']:<{width}}  {_state(row)}")
        if row["access"]:
            access = row["access"]
            typer.echo(f"{'':<{width}}  {access['grantor']}: {access['how']}")
            typer.echo(f"{'':<{width}}  {access['address']}")


def _state(row: dict[str, Any]) -> str:
    record, access = row["record"], row["access"]
    if access is None:
        return "no terms of its own"
    if record is None:
        return "not accepted" + (f"; withdrawn {access['withdrawn']}" if access["withdrawn"] else "")
    if not row["readable"]:
        return f"refused: {str(row['why_not']).partition('. ')[0]}"
    until = f", until {record['expires']}" if record["expires"] else ""
    return f"accepted for {', '.join(record['purposes'])}{until}: {record['grant']}"
