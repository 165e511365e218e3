import re
import subprocess
import sys

import pytest

from fauxbench.harness.canonical import canonical
from fauxbench.harness.errors import InputError
from fauxbench.harness.media.item import Modality
from fauxbench.harness.metrics import load_metric, metric_card, metric_cards, metric_named
from fauxbench.harness.metrics.base import Metric
from fauxbench.harness.metrics.offers import DEFAULTS, asked_of, choices


@pytest.mark.parametrize("name", metric_cards())
def test_every_metric_loads_and_carries_its_card(name):
    metric = load_metric(name)
    assert isinstance(metric, Metric)
    assert metric.card is metric_card(name)
    assert metric.card.reference
    assert canonical(metric.card.model_dump())


def test_unknown_name_gets_a_suggestion():
    with pytest.raises(InputError, match="did you mean 'ssim'"):
        metric_card("sim")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("fidd", "fid"), ("kidd", "kid"), ("iss", "is"), ("cmd", "cmmd"), ("fd[spectrm]", "fd[spectrum]")],
)
def test_names_that_tables_print_are_suggested_too(typed, meant):
    with pytest.raises(InputError, match=f"did you mean '{re.escape(meant)}'"):
        metric_card(typed)


@pytest.mark.parametrize("typed", ["nonsense", "realisms-of-faces", "xyz", "fd[nonsense]"])
def test_nothing_is_suggested_for_a_word_that_is_near_to_none(typed):
    for find in (metric_card, metric_named):
        with pytest.raises(InputError) as said:
            find(typed)
        assert "did you mean" not in str(said.value)


@pytest.mark.parametrize(
    ("modality", "instruments", "taken"),
    [
        (Modality.IMAGE, ("spectrum",), ("fd", "kd", "ssim", "psnr")),
        (Modality.IMAGE, ("studio-face",), ("fd", "kd", "ssim", "psnr")),
        (Modality.IMAGE, ("spectrum", "inception-2015"), DEFAULTS[Modality.IMAGE].metrics),
        (Modality.VIDEO, ("clip-spectrum",), ("fd",)),
        (Modality.VIDEO, ("studio-sync", "clip-motion"), ("motion", "flicker", "lse_d", "lse_c", "av_offset", "lser")),
        (Modality.AUDIO, ("studio-voice",), DEFAULTS[Modality.AUDIO].metrics),
        (Modality.AUDIO, ("sound-spectrum",), DEFAULTS[Modality.AUDIO].metrics[:-1]),
        (Modality.AUDIO, None, DEFAULTS[Modality.AUDIO].metrics),
    ],
)
def test_of_the_defaults_those_are_left_out_that_no_named_instrument_serves(modality, instruments, taken):
    asked = asked_of(modality, None, instruments)
    assert asked.offer.metrics == taken
    assert asked.offer.instruments == (instruments or DEFAULTS[modality].instruments)


def test_an_instrument_that_serves_no_default_says_what_reads_it():
    with pytest.raises(InputError, match=r"by default reads lpips-alex: name metrics, of those that do: lpips$"):
        asked_of(Modality.IMAGE, None, ("lpips-alex",))
    with pytest.raises(InputError, match="instrument thumbnail reads pictures, and these are clips"):
        asked_of(Modality.VIDEO, None, ("thumbnail",))


def test_a_suite_is_told_what_a_printed_name_is():
    with pytest.raises(InputError, match="no metric 'fid'; it is 'fd' through the instrument 'inception-2015'"):
        metric_card("fid")


@pytest.mark.parametrize(
    ("word", "named"),
    [
        ("fd", ("fd", None)),
        ("FID", ("fd", "inception-2015")),
        ("fd[inception-2015]", ("fd", "inception-2015")),
        ("fd[spectrum]", ("fd", "spectrum")),
        ("is", ("is", None)),
        ("lpips[vgg]", ("lpips", "lpips-vgg")),
    ],
)
def test_printed_names_are_understood(word, named):
    assert metric_named(word) == named


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("fd[studio-sync]", r"there are: fd\[spectrum\], fid, "),
        ("fd[x]", "no instrument 'x'"),
        ("ssim[spectrum]", "ssim, which reads no instrument"),
        ("fidd", "did you mean 'fid'"),
    ],
)
def test_printed_names_that_are_none(word, said):
    with pytest.raises(InputError, match=said):
        metric_named(word)


def test_what_is_named_is_measured_and_nothing_else():
    plain = asked_of(Modality.IMAGE, ["fd", "ssim"])
    assert (plain.offer.instruments, plain.shown) == (DEFAULTS[Modality.IMAGE].instruments, None)
    one = asked_of(Modality.IMAGE, ["fd[studio-face]", "kid"])
    assert one.offer == (("fd", "kd"), ("studio-face", "inception-2015"))
    assert one.shown == {"fd[studio-face]", "kid"}
    mixed = asked_of(Modality.IMAGE, ["kid", "fd", "lpips", "ssim"], ["spectrum"])
    assert mixed.offer.instruments == ("inception-2015", "spectrum", "lpips-alex")
    assert mixed.shown == {"kid", "fd[spectrum]", "lpips", "ssim"}
    with pytest.raises(InputError, match="leave instruments out"):
        asked_of(Modality.IMAGE, ["kid"], ["spectrum"])


def test_the_instruments_of_a_metric_are_named_as_they_are_typed():
    said = choices("fd", Modality.IMAGE)
    assert "fd[spectrum], fid (through inception-2015), fd[dinov2-vitl14]" in said
    assert "clip-spectrum" not in said
    assert "fd[sound-spectrum], fd[studio-voice]" in choices("fd", Modality.AUDIO)
    assert choices("ssim", Modality.IMAGE) == ""


def test_names_are_honest():
    assert metric_card("fd").shown_as("inception-2015") == "fid"
    assert metric_card("fd").shown_as("spectrum") == "fd[spectrum]"
    assert metric_card("ssim").shown_as(None) == "ssim"


def test_cards_are_read_without_numpy_and_torch():
    code = (
        "import sys; from fauxbench.harness.metrics import metric_cards; "
        "from fauxbench.harness.instruments import instrument_cards, instrument_fingerprint; "
        "[instrument_fingerprint(c) for c in instrument_cards().values()]; metric_cards(); "
        "print(sorted({'torch', 'cv2', 'scipy', 'numpy', 'PIL'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert out.stdout.strip() == "[]"
