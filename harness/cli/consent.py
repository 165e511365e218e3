"""`fauxbench consent`: what real people allowed to be made with their faces and voices."""

import datetime
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError
from . import options

if TYPE_CHECKING:
    from ..safeguards.consent import ConsentRecord

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


def register(parent: typer.Typer) -> None:
    """Add the verb to the command line."""
    parent.add_typer(app, name="consent", help="Record what real people allowed to be made with them.")


@app.callback()
def consent() -> None:
    """Record what real people allowed to be made with their faces and voices. Without a record, nothing is."""


@app.command("add")
def add(
    person: Annotated[str, typer.Argument(help="As the data set names them.")],
    dataset: Annotated[str, typer.Option(help="The data set that names them so; `any` for whichever.")],
    technique: Annotated[str, typer.Option(help="What may be done, with commas: swap, lip-sync, ...; or any.")],
    expires: Annotated[str, typer.Option(metavar="DATE", help="The last day on which it holds.")],
    form: Annotated[str, typer.Option(help="The signed form: a file, or its sha256.")],
    purpose: Annotated[str, typer.Option(help="What for, with commas: evaluate, train, publish.")] = "evaluate",
    granted: Annotated[str | None, typer.Option(metavar="DATE", help="When it was signed; default today.")] = None,
    leave_machine: Annotated[
        bool, typer.Option("--leave-machine", help="Commands and services may be given their pictures and sounds.")
    ] = False,
    json_: options.Json = False,
) -> None:
    """Record the consent of one person. The form stays where it is: its digest alone is kept."""
    from ..safeguards.consent import PURPOSES, ConsentRecord, add_consent, consents_file

    today = datetime.datetime.now(tz=datetime.UTC).date()
    begins, ends = _date("--granted", granted) if granted else today, _date("--expires", expires)
    purposes = options.words(purpose)
    unknown = [one for one in purposes if one not in PURPOSES]
    if unknown or not purposes:
        raise InputError(f"--purpose {', '.join(unknown) or 'nothing'}: legal: {', '.join(PURPOSES)}")
    if not options.words(technique):
        raise InputError("--technique: say what may be done (swap, lip-sync, ...), or any")
    if not person.strip():
        raise InputError("PERSON: expected a name")
    if begins > today:
        raise InputError(f"--granted {begins}: lies in the future (this machine's clock says {today})")
    if ends < begins or ends < today:
        raise InputError(f"--expires {ends}: is over already (this machine's clock says {today})")
    record = ConsentRecord(
        person=person.strip(),
        dataset=None if dataset == "any" else dataset,
        techniques=options.words(technique),
        purposes=purposes,
        granted=begins,
        expires=ends,
        form=_digest(form),
        leave_machine=leave_machine,
    )
    add_consent(consents_file(), record)
    typer.echo(
        json.dumps({"id": record.id, **record.model_dump(mode="json")}, ensure_ascii=False)
        if json_
        else f"{record.id}  {record.person}: {', '.join(record.techniques)} until {record.expires}; recorded in "
        f"{consents_file()}"
    )


@app.command("revoke")
def revoke(
    person: Annotated[str, typer.Argument(help="As the data set names them.")],
    dataset: Annotated[str | None, typer.Option(help="Of this data set alone; default: all.")] = None,
    since: Annotated[str | None, typer.Option(metavar="DATE", help="The first day without it; default today.")] = None,
    store: options.Store = None,
    json_: options.Json = False,
) -> None:
    """Revoke what a person allowed, and list the sets in the store that were made with it: none may be published."""
    from ..run import default_store
    from ..safeguards.consent import consents_file, revoke_consents, sets_that_used

    today = datetime.datetime.now(tz=datetime.UTC).date()
    day = _date("--since", since) if since else today
    records = revoke_consents(consents_file(), person, dataset, day)
    used = [str(folder) for folder in sets_that_used(store or default_store(), [record.id for record in records])]
    if json_:
        typer.echo(json.dumps({"revoked": [record.id for record in records], "since": str(day), "sets": used}))
        return
    for record in records:
        typer.echo(f"{record.id}  {record.person}: revoked on {record.revoked}")
    typer.echo(
        f"{len(used)} sets in the store were made with it" + (" and cannot be published any more:" if used else "")
    )
    for folder in used:
        typer.echo(folder)
    typer.echo("what was exported before lies where it was put: delete it there")


@app.command("list")
def list_consents(store: options.Store = None, json_: options.Json = False) -> None:
    """List the records, whether they are in force, and the sets in the store that were made with them."""
    from ..run import default_store
    from ..safeguards.consent import consents_file, read_consents, sets_that_used

    today = datetime.datetime.now(tz=datetime.UTC).date()
    records = read_consents(consents_file())
    place = store or default_store()
    rows = [
        {
            "id": one.id,
            **one.model_dump(mode="json"),
            "why_not": one.why_not(today),
            "sets": [str(folder) for folder in sets_that_used(place, [one.id])],
        }
        for one in records
    ]
    if json_:
        typer.echo(json.dumps({"file": str(consents_file()), "records": rows}, ensure_ascii=False))
        return
    if not records:
        typer.echo(f"no consent is recorded in {consents_file()}")
    for one, row in zip(records, rows, strict=True):
        typer.echo(_line(one, today, len(row["sets"])))


def _line(one: "ConsentRecord", today: datetime.date, sets: int) -> str:
    state = one.why_not(today) or f"in force until {one.expires}"
    leaves = ", may leave this machine" if one.leave_machine else ""
    return (
        f"{one.id}  {one.person} of {one.dataset or 'any data set'}: {', '.join(one.techniques)} for "
        f"{', '.join(one.purposes)}{leaves}; {state}; {sets} sets"
    )


def _date(option: str, text: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{option} {text}: expected a date like 2026-05-03") from error


def _digest(form: str) -> str:
    from ..canonical import digest_of_file

    if re.fullmatch("[0-9a-f]{64}", form):
        return form
    try:
        return digest_of_file(Path(form))
    except OSError as error:
        raise InputError(f"--form {form}: neither a file that can be read nor a sha256 ({error.strerror})") from error
