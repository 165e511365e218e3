import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_the_verb(call: Callable[..., Any], tmp_path: Path) -> None:
    said = call("keys", "show")
    assert said.code == 2
    assert "make them with `fauxbench keys init`" in said.err
    said = call("keys", "init", "--json")
    assert said.code == 0
    record = json.loads(said.out)
    assert (record["folder"], record["usable"], record["reason"]) == (str(tmp_path / "keys"), True, None)
    secret = (tmp_path / "keys" / "watermark.key").read_text().strip()
    said = call("keys", "show")
    assert str(tmp_path / "keys") in said.out
    assert secret not in said.out
    assert call("keys", "init").code == 2
    assert json.loads(call("keys", "init", "--renew", "--json").out)["fingerprint"] != record["fingerprint"]
