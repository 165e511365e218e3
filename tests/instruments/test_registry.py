import hashlib

import pytest

from fauxbench.harness.errors import InputError, IntegrityError, WeightsMissingError
from fauxbench.harness.instruments import (
    check_weights,
    instrument_card,
    instrument_cards,
    instrument_fingerprint,
    load_instrument,
    weights_path,
)

CARD = instrument_card("inception-2015")


def with_weights(content):
    weights = CARD.weights.model_copy(update={"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)})
    return CARD.model_copy(update={"weights": weights})


def test_unknown_name_gets_a_suggestion():
    with pytest.raises(InputError, match="did you mean 'spectrum'"):
        instrument_card("spectrun")


def test_the_digest_is_the_one_in_the_files_name():
    assert CARD.weights.sha256.startswith(CARD.weights.file.removesuffix(".pth").rpartition("-")[2])


def test_missing_weights_say_everything_needed_to_get_them(tmp_path):
    with pytest.raises(WeightsMissingError) as found:
        load_instrument("inception-2015", tmp_path)
    for part in (
        CARD.weights.file,
        str(tmp_path),
        CARD.weights.url,
        "95,628,359 bytes",
        "Apache-2.0",
        "see fauxbench doctor",
    ):
        assert part in str(found.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file"),
        (b"\n<!DOCTYPE html><html>not found</html>", "an HTML page of"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"PK\x03\x04" + bytes(100), "a truncated file of 104 bytes, expected 95,628,359"),
    ],
)
def test_another_file_is_refused_before_it_is_loaded(tmp_path, content, words):
    (tmp_path / CARD.weights.file).write_bytes(content)
    with pytest.raises(IntegrityError, match=words):
        load_instrument("inception-2015", tmp_path)


def test_one_changed_byte_is_refused(tmp_path):
    card, path = with_weights(b"good weights"), tmp_path / "w"
    path.write_bytes(b"good weights")
    check_weights(card, path)
    path.write_bytes(b"good_weights")
    with pytest.raises(IntegrityError, match="right size, but sha256"):
        check_weights(card, path)
    path.write_bytes(b"good weights and more")
    with pytest.raises(IntegrityError, match="a larger file"):
        check_weights(card, path)


def test_only_instruments_with_weights_have_a_path(tmp_path):
    assert weights_path(instrument_card("spectrum"), tmp_path) is None
    assert weights_path(CARD, tmp_path) == tmp_path / CARD.weights.file


def test_fingerprints_tell_apart_whatever_changes_numbers():
    prints = {instrument_fingerprint(card) for card in instrument_cards().values()}
    prints |= {instrument_fingerprint(CARD, resize="pytorch-fid"), instrument_fingerprint(with_weights(b"other"))}
    prints.add(instrument_fingerprint(CARD.model_copy(update={"version": "2"})))
    assert len(prints) == len(instrument_cards()) + 3
    same = CARD.model_copy(update={"title": "another title", "purpose": ("classes",)})
    assert instrument_fingerprint(same) == instrument_fingerprint(CARD)


def test_the_default_protocol_is_one_identity_spelt_out_or_not():
    assert instrument_fingerprint(CARD) == instrument_fingerprint(CARD, resize="clean", precision="fp32")
    prints = {instrument_fingerprint(CARD, resize=r, precision=p) for r in ("clean", "tf1") for p in ("fp32", "bf16")}
    assert len(prints) == 4


def test_protocols_that_an_instrument_does_not_know_are_refused(tmp_path):
    with pytest.raises(InputError, match="spectrum: no protocol option 'resize'; it has: none"):
        load_instrument("spectrum", tmp_path, resize="clean")
    with pytest.raises(InputError, match="did you mean 'resize'"):
        load_instrument("inception-2015", tmp_path, resise="clean")
    with pytest.raises(InputError, match="legal: clean, pytorch-fid, tf1"):
        load_instrument("inception-2015", tmp_path, resize="area")
