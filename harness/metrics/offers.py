"""What is measured on pictures, on clips and on sounds: read from cards alone."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from ..errors import InputError
from ..instruments import instrument_card
from ..media.item import Modality
from . import metric_card, metric_cards

UNITS: Mapping[Modality, str] = MappingProxyType(
    {Modality.IMAGE: "pictures", Modality.VIDEO: "clips", Modality.AUDIO: "sounds"}
)
"""What items of a modality are called."""


class Offer(NamedTuple):
    """Names of metrics, and of the instruments that they read."""

    metrics: tuple[str, ...]
    instruments: tuple[str, ...]


DEFAULTS: Mapping[Modality, Offer] = MappingProxyType(
    {
        Modality.IMAGE: Offer(("fd", "kd", "is", "ssim", "psnr"), ("spectrum", "inception-2015")),
        Modality.VIDEO: Offer(
            (
                *("fd", "frame_uniformity", "motion", "flicker", "identity_drift"),
                *("lse_d", "lse_c", "av_offset", "lser", "mouth_correlation"),
            ),
            ("clip-frames", "clip-spectrum", "clip-face", "studio-sync", "mouth-pixels", "studio-mouth"),
        ),
        Modality.AUDIO: Offer(
            ("fd", "kd", "mcd", "f0_rmse", "f0_correlation", "voicing_error", "tones", "si_sdr", "speaker_similarity"),
            ("sound-spectrum", "studio-voice"),
        ),
    }
)
"""What `measure` takes where nothing is named. A modality's part is kept beside its metrics."""


def offer(modality: Modality, metrics: Sequence[str] | None = None, instruments: Sequence[str] | None = None) -> Offer:
    """Return what to measure on sets of a modality: what is named, checked, and the defaults for what is not.

    Raises:
        InputError: An unknown name, or a metric or an instrument for another modality; the message says what fits.
    """
    chosen = Offer(
        DEFAULTS[modality].metrics if metrics is None else tuple(metrics),
        DEFAULTS[modality].instruments if instruments is None else tuple(instruments),
    )
    for name in chosen.metrics:
        card = metric_card(name)
        if modality not in card.modality:
            fits = ", ".join(c.name for c in metric_cards().values() if modality in c.modality)
            takes = " and ".join(UNITS[Modality(one)] for one in card.modality)
            raise InputError(f"metric {name} measures {takes}, and these are {UNITS[modality]}; for them: {fits}")
    for name in chosen.instruments:
        takes = instrument_card(name).modality
        if takes != modality and not (takes == "audio" and modality is Modality.VIDEO):
            raise InputError(f"instrument {name} reads {UNITS[Modality(takes)]}, and these are {UNITS[modality]}")
    if not chosen.metrics:
        raise InputError(f"no metric for {UNITS[modality]} is named, and none is taken by default")
    return chosen
