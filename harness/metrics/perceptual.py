"""The LPIPS distance as a function; the network itself is the instrument `lpips-alex` or `lpips-vgg`."""

from functools import lru_cache
from pathlib import Path
from typing import Literal, cast

from numpy.typing import ArrayLike

from ..errors import InputError
from .arrays import array_of
from .base import Compare

NETS = ("alex", "vgg")


def lpips(
    a: ArrayLike, b: ArrayLike, *, weights: Path | str, net: Literal["alex", "vgg"] = "alex", device: str = "cpu"
) -> float:
    """Learned perceptual distance of two pictures (LPIPS, version 0.1, with linear layers).

    Pictures are whole uint8 samples, because a network fed [0, 1] where it wants [-1, 1] gives a number that looks
    right and is not. Nothing is resized, and nothing is downloaded; the package `lpips` must be installed.

    Args:
        a: (H, W, 3) uint8 RGB, H and W >= 32.
        b: The same shape.
        weights: Folder that holds the trunk's file, as `fauxbench doctor` names it.
        net: Trunk: `alex`, which the authors advise for measuring, or `vgg`.
        device: Of torch.

    Returns:
        The distance, >= 0; 0 for equal pictures. It has no upper end; above 1 is rare.

    Raises:
        InputError: Other types or shapes than uint8 (H, W, 3), a side below 32, an unknown net, or no package `lpips`.
        WeightsMissingError: The trunk's file is not in the folder.
        IntegrityError: The file, or the package's linear layers, are not the ones that the card names.

    References:
        Zhang, Isola, Efros, Shechtman, Wang 2018, The Unreasonable Effectiveness of Deep Features as a Perceptual
        Metric, equation 1.
    """
    if net not in NETS:
        raise InputError(f"lpips: no net '{net}'; legal: {', '.join(NETS)}")
    return comparer(f"lpips-{net}", Path(weights), device)(array_of(a), array_of(b))


@lru_cache(maxsize=2)
def comparer(instrument: str, weights: Path, device: str = "cpu") -> Compare:
    """Return the comparison of an instrument that compares pictures; errors as `load_instrument`."""
    from ..instruments import load_instrument

    loaded = load_instrument(instrument, weights, device)
    if not hasattr(loaded, "compare"):
        raise InputError(f"{instrument} does not compare pictures")
    return cast("Compare", loaded.compare)
