import datetime
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from fauxbench.harness.errors import InputError
from fauxbench.harness.safeguards import keys as keys_module
from fauxbench.harness.safeguards.keys import FILES, keys_folder, make_keys, own_keys, read_keys, renew_keys

NOW = datetime.datetime.now(tz=datetime.UTC)


def test_keys_are_made_on_first_need_for_nobody_else(tmp_path: Path) -> None:
    keys = own_keys()
    assert keys.folder == keys_folder() == tmp_path / "keys"
    assert stat.S_IMODE(keys.folder.stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in keys.folder.iterdir()} == dict.fromkeys(
        FILES, 0o600
    )
    assert len(keys.watermark) == 32
    assert own_keys() == keys
    assert not list(tmp_path.glob(".keys*"))


def test_modes_do_not_depend_on_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make_keys(tmp_path / "open")
    finally:
        os.umask(before)
    read_keys(tmp_path / "open")


@pytest.mark.parametrize("name", [".", *FILES])
@pytest.mark.parametrize("more", [0o040, 0o004, 0o020])
def test_keys_that_others_can_get_at_are_refused(name: str, more: int) -> None:
    path = own_keys().folder / name
    path.chmod(stat.S_IMODE(path.stat().st_mode) | more)
    with pytest.raises(InputError, match=r"others can get at the keys \(mode \d+\); run: chmod [67]00"):
        own_keys()


def test_two_users_have_two_keys(tmp_path: Path) -> None:
    make_keys(tmp_path / "a")
    make_keys(tmp_path / "b")
    one, two = read_keys(tmp_path / "a"), read_keys(tmp_path / "b")
    assert one.watermark != two.watermark
    assert one.fingerprint != two.fingerprint


def test_keys_are_never_written_over() -> None:
    keys = own_keys()
    with pytest.raises(InputError, match="there already"):
        make_keys(keys.folder)
    assert read_keys(keys.folder) == keys


def test_another_process_that_was_first_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_keys(tmp_path / "first")
    first = read_keys(tmp_path / "first")
    real = keys_module._authority

    def meanwhile(now: datetime.datetime) -> Any:
        (tmp_path / "first").rename(tmp_path / "keys")
        return real(now)

    monkeypatch.setattr(keys_module, "_authority", meanwhile)
    assert own_keys().watermark == first.watermark
    assert not list(tmp_path.glob(".keys*"))


def test_the_clock_must_be_right() -> None:
    keys = own_keys()
    with pytest.raises(InputError, match=r"before the keys .* were made .*: set the clock"):
        own_keys(now=NOW - datetime.timedelta(days=30))
    with pytest.raises(InputError, match=r"expired on .*fauxbench keys init --renew"):
        own_keys(now=NOW + datetime.timedelta(days=4000))
    assert read_keys(keys.folder) == keys  # what was marked can still be inspected


def test_renewing_keeps_the_watermark_and_the_authority() -> None:
    old = own_keys()
    renew_keys(old.folder, NOW + datetime.timedelta(days=4000))
    new = read_keys(old.folder)
    assert (new.watermark, new.authority) == (old.watermark, old.authority)
    assert new.chain != old.chain
    assert own_keys(now=NOW + datetime.timedelta(days=4001)) == new
    renew_keys(old.folder, NOW + datetime.timedelta(days=7000))  # never longer than its authority
    assert read_keys(old.folder).ends < NOW + datetime.timedelta(days=365 * 20 + 1)


@pytest.mark.parametrize("name", FILES)
def test_damage_is_said(name: str) -> None:
    folder = own_keys().folder
    kept = (folder / name).read_bytes()
    (folder / name).unlink()
    with pytest.raises(InputError, match=f"{name} is missing"):
        own_keys()
    (folder / name).write_bytes(kept[: len(kept) // 2])
    (folder / name).chmod(0o600)
    if name in {"authority.key", "authority.pem"}:  # only renewing reads them
        with pytest.raises(InputError, match="damaged"):
            renew_keys(folder)
    else:
        with pytest.raises(InputError, match="the keys are damaged"):
            own_keys()


def test_the_key_of_another_certificate_is_damage(tmp_path: Path) -> None:
    folder = own_keys().folder
    make_keys(tmp_path / "other")
    (folder / "signing.key").write_bytes((tmp_path / "other" / "signing.key").read_bytes())
    with pytest.raises(InputError, match="not that of its certificate"):
        own_keys()


def test_places_that_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FAUXBENCH_KEYS", str(tmp_path / "file" / "keys"))
    with pytest.raises(InputError, match=r"cannot be written: .*; set FAUXBENCH_KEYS"):
        own_keys()
    monkeypatch.setenv("FAUXBENCH_KEYS", str(tmp_path / "store" / "keys"))
    with pytest.raises(InputError, match="keys do not belong into the store"):
        own_keys()
    monkeypatch.delenv("FAUXBENCH_KEYS")
    assert keys_folder().parts[-2:] == ("fauxbench", "keys")


def test_a_folder_that_is_read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refused)
    with pytest.raises(InputError, match="cannot be written: Permission denied"):
        make_keys(tmp_path / "keys")
