import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]


def test_add_list_revoke(call: Call, tmp_path: Path) -> None:
    form = tmp_path / "form.pdf"
    form.write_bytes(b"signed")
    words = ("--dataset", "volunteers", "--technique", "swap,lip-sync", "--expires", "2999-01-01")
    said = call("consent", "add", "p07", *words, "--form", form, "--purpose", "evaluate,publish", "--json")
    assert said.code == 0
    record = json.loads(said.out)
    assert record["form"] == hashlib.sha256(b"signed").hexdigest()
    assert (record["dataset"], record["techniques"], record["leave_machine"]) == (
        "volunteers",
        ["swap", "lip-sync"],
        False,
    )
    assert call("consent", "add", "p08", *words, "--form", "0" * 64, "--leave-machine").code == 0
    listed = json.loads(call("consent", "list", "--json").out)["records"]
    assert [(one["person"], one["why_not"], one["sets"]) for one in listed] == [("p07", None, []), ("p08", None, [])]

    folder = tmp_path / "store" / "units" / "generate" / "aa" / "aabb" / "set"
    folder.mkdir(parents=True)
    (folder / "card.json").write_text(json.dumps({"facts": {"consents": {record["id"]: "p07"}}}))
    said = call("consent", "revoke", "p07")
    assert said.code == 0
    assert "1 sets in the store were made with it and cannot be published any more" in said.out
    assert str(folder) in said.out
    said = call("consent", "list")
    assert "p07 of volunteers: swap, lip-sync for evaluate, publish; revoked on" in said.out
    assert "may leave this machine; in force until 2999-01-01" in said.out


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"--expires": "soon"}, "--expires soon: expected a date"),
        ({"--expires": "2020-01-01"}, "is over already (this machine's clock says"),
        ({"--granted": "2999-01-01"}, "lies in the future (this machine's clock says"),
        ({"--purpose": "fun"}, "--purpose fun: legal: evaluate, train, publish"),
        ({"--purpose": ","}, "--purpose nothing"),
        ({"--technique": ""}, "say what may be done"),
        ({"--form": "gone.pdf"}, "neither a file that can be read nor a sha256"),
        ({"--form": "."}, "neither a file that can be read nor a sha256"),
    ],
)
def test_wrong_input(changes: dict[str, str], words: str, call: Call, tmp_path: Path) -> None:
    given = {"--dataset": "v", "--technique": "swap", "--expires": "2999-01-01", "--form": "0" * 64, **changes}
    said = call("consent", "add", "p07", *[word for pair in given.items() for word in pair])
    assert said.code == 2
    assert words in said.err
    assert said.err.count("\n") == 1
    assert not (tmp_path / "consents.jsonl").exists()


def test_nobody(call: Call) -> None:
    assert "no consent is recorded" in call("consent", "list").out
    said = call("consent", "revoke", "p07")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "there are records of nobody" in said.err
