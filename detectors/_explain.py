"""Heat maps: which places of a picture speak for fake."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import interpolate

from fauxbench import InputError

SMALLEST = 2
"""Side of a map that still says where."""


def last_map(network: nn.Module, inputs: Tensor) -> nn.Module:
    """Return the last convolution or normalisation that runs and gives a map of at least 2 x 2 places.

    Raises:
        InputError: The network has none.
    """
    seen: list[nn.Module] = []

    def note(layer: nn.Module, _: Any, output: Any) -> None:  # noqa: ANN401 - what torch gives
        if isinstance(output, Tensor) and output.ndim == 4 and min(output.shape[2:]) >= SMALLEST:
            seen.append(layer)

    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.BatchNorm2d)]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    try:
        with torch.no_grad():
            network(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    if not seen:
        raise InputError("this network has no map of the picture to explain; take a convolutional one")
    return seen[-1]


def grad_cam(network: nn.Module, layer: nn.Module, inputs: Tensor) -> NDArray[np.float64]:
    """Return Grad-CAM (H, W) in [0, 1] of one picture (1, 3, H, W) at a layer; the largest is 1, or all are 0.

    Raises:
        InputError: The extra `explain` is not installed.
    """
    try:
        from captum.attr import LayerGradCam  # type: ignore[import-untyped]
    except ImportError as error:
        raise InputError("a heat map needs captum: pip install 'fauxbench[explain]'") from error
    found = LayerGradCam(network, layer).attribute(inputs, target=0, relu_attributions=True)
    wide = interpolate(found.detach(), size=inputs.shape[-2:], mode="bilinear", align_corners=False)
    heat = np.asarray(wide[0].sum(0).double().cpu().numpy())
    top = float(heat.max())
    return np.asarray(heat / top) if top > 0 else np.zeros_like(heat)
