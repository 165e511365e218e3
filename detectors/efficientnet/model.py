"""A timm backbone with one output."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from fauxbench import InputError, digest_of_file
from fauxbench.detectors._training import PictureDetector


class EfficientNet(PictureDetector):
    """An EfficientNet (Tan and Le 2019, arXiv:1905.11946), or any other timm backbone by name."""

    def build(self, rng: torch.Generator) -> nn.Module:
        """Return the backbone, from scratch or with the weights that the parameter `pretrained` names.

        Raises:
            InputError: timm has no such backbone, or the weights are not on this machine or do not fit.
        """
        weights = self._weights()
        network = _create(self.parameters["backbone"])  # timm draws the weights from torch's global generator
        if weights is not None:
            _adopt(network.backbone, weights)
        head = _facts(network.backbone)["classifier"]
        for parameter in network.backbone.get_submodule(head).parameters():
            nn.init.zeros_(parameter)  # so that training starts at P = 0.5, not at one class or the other
        return network

    def rebuild(self, config: Mapping[str, Any]) -> nn.Module:
        """Return the backbone that `config` names."""
        return _create(config["backbone"])

    def describe(self) -> dict[str, Any]:
        """Return the backbone and the digest of the weights it started from."""
        weights = self._weights()
        return {
            "backbone": self.parameters["backbone"],
            "pretrained": None if weights is None else digest_of_file(weights),
        }

    def _weights(self) -> Path | None:
        """Return the file to start from, or None for from scratch.

        Raises:
            InputError: The file is not there; nothing else is taken in its place and nothing is downloaded.
        """
        named = self.parameters["pretrained"]
        if named == "no":
            return None
        path = Path(named).expanduser()
        if not path.is_file():
            raise InputError(
                f"efficientnet.pretrained: no file {named!r} on this machine; give the path of a safetensors file with "
                f"timm's weights of {self.parameters['backbone']}, or 'no' to train from scratch"
            )
        return path


class Standardised(nn.Module):
    """A timm backbone with one output that takes pictures in [-1, 1] and gives it the colour scale of its weights."""

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        for name in ("mean", "std"):
            values = torch.tensor(_facts(backbone)[name], dtype=torch.float32)
            self.register_buffer(name, values[:, None, None], persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return logits (N, 1)."""
        logits: Tensor = self.backbone(((pictures + 1.0) / 2.0 - self.mean) / self.std)
        return logits


def _create(backbone: str) -> Standardised:
    if backbone not in timm.list_models():
        near = ", ".join(timm.list_models(f"*{backbone.split('_')[0]}*")[:8]) or "see timm.list_models()"
        raise InputError(f"efficientnet.backbone: timm {timm.__version__} has no {backbone!r}; nearest: {near}")
    return Standardised(timm.create_model(backbone, pretrained=False, num_classes=1))


def _facts(backbone: nn.Module) -> dict[str, Any]:
    """Return what timm says of a backbone: colour scale of its weights, name of its classifier."""
    facts: Any = backbone.default_cfg
    return dict(facts)


def _adopt(network: nn.Module, path: Path) -> None:
    """Load weights into everything but the classifier, which has one output here."""
    try:
        state = load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"efficientnet.pretrained: {path} is not a safetensors file: {error}") from error
    own = network.state_dict()
    head = {name for name in own if name.startswith(_facts(network)["classifier"])}
    wrong = [n for n in own if n not in head and (n not in state or state[n].shape != own[n].shape)]
    if wrong:
        raise InputError(
            f"efficientnet.pretrained: {path} does not fit: {len(wrong)} tensors are missing or of another shape, "
            f"first {wrong[0]}"
        )
    network.load_state_dict({**own, **{n: state[n] for n in own if n not in head}})
