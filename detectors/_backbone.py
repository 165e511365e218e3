"""Any timm backbone with one output."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from fauxbench import InputError, backbone_weights, digest_of_file
from fauxbench.detectors._network import PictureDetector


class Backbone(PictureDetector):
    """A timm backbone by name, from scratch or from weights on this machine."""

    kept = ("size", "frames", "backbone")

    def build(self, rng: torch.Generator) -> nn.Module:
        """Return the backbone, from scratch or with the weights that the parameter `pretrained` names.

        Raises:
            InputError: timm has no such backbone, it does not take pictures of this size, or the weights are not on
                this machine or do not fit.
        """
        weights = self._weights()
        network = self._create(self.parameters["backbone"], self.parameters["size"])  # draws from the global generator
        if weights is not None:
            self._adopt(network.backbone, weights)
        for layer in _classifiers(network.backbone):
            for parameter in network.backbone.get_submodule(layer).parameters():
                nn.init.zeros_(parameter)  # so that training starts at P = 0.5, not at one class or the other
        return network

    def rebuild(self, config: Mapping[str, Any]) -> nn.Module:
        """Return the backbone that `config` names."""
        return self._create(config["backbone"], config["size"])

    def describe(self) -> dict[str, Any]:
        """Return the digest of the weights it started from; None is from scratch."""
        weights = self._weights()
        return {"pretrained": None if weights is None else digest_of_file(weights)}

    def _weights(self) -> Path | None:
        """Return the file to start from, or None for from scratch.

        Raises:
            InputError: The file is not there, or another than was named; nothing else is taken in its place and
                nothing is downloaded.
        """
        named, backbone = self.parameters["pretrained"], self.parameters["backbone"]
        where = f"{self.card.name}.pretrained"
        if named == "no":
            return None
        if named.startswith("sha256:"):
            found = backbone_weights(backbone)
            if found is None or f"sha256:{digest_of_file(found)}" != named:
                raise InputError(f"{where}: the weights of {backbone} with {named} are not on this machine")
            return found
        path = Path(named).expanduser()
        if not path.is_file():
            raise InputError(
                f"{where}: no file {named!r} on this machine; give the path of a safetensors file with timm's weights "
                f"of {backbone}, or 'no' to train from scratch"
            )
        return path

    def _create(self, backbone: str, size: int) -> "Standardised":
        name = self.card.name
        if backbone.partition(".")[0] not in timm.list_models():
            near = ", ".join(timm.list_models(f"*{backbone.split('_')[0]}*")[:8]) or "see timm.list_models()"
            raise InputError(f"{name}.backbone: timm {timm.__version__} has no {backbone!r}; nearest: {near}")
        try:
            network: nn.Module = timm.create_model(backbone, pretrained=False, num_classes=1)
            facts: Any = network.default_cfg
            if facts.get("fixed_input_size"):  # transformers with a table of positions take a size
                network = timm.create_model(backbone, pretrained=False, num_classes=1, img_size=size)
            with torch.no_grad():
                network.eval()(torch.zeros(1, 3, size, size))
        except (RuntimeError, AssertionError, TypeError, ValueError) as error:
            raise InputError(
                f"{name}.backbone: {backbone} does not take pictures of {size} px ({error!s:.120}); give another size"
            ) from error
        return Standardised(network)

    def _adopt(self, network: nn.Module, path: Path) -> None:
        """Load weights into everything but the classifier, which has one output here."""
        name = f"{self.card.name}.pretrained"
        try:
            state = load_file(path)
        except (OSError, SafetensorError) as error:
            raise InputError(f"{name}: {path} is not a safetensors file: {error}") from error
        own = network.state_dict()
        head = {one for one in own if one.startswith(_classifiers(network))}
        wrong = [n for n in own if n not in head and (n not in state or state[n].shape != own[n].shape)]
        if wrong:
            raise InputError(
                f"{name}: {path} does not fit: {len(wrong)} tensors are missing or of another shape, first {wrong[0]}"
            )
        network.load_state_dict({**own, **{n: state[n] for n in own if n not in head}})


class Standardised(nn.Module):
    """A timm backbone with one output that takes pictures in [-1, 1] and gives it the colour scale of its weights."""

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        facts: Any = backbone.default_cfg
        for name in ("mean", "std"):
            values = torch.tensor(dict(facts)[name], dtype=torch.float32)
            self.register_buffer(name, values[:, None, None], persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return logits (N, 1)."""
        # (p + 1) / 2 is the picture in [0, 1]; written as one product and one sum, which is half of the passes
        logits: Tensor = self.backbone(pictures * (0.5 / self.std) + (0.5 - self.mean) / self.std)
        return logits


def _classifiers(backbone: nn.Module) -> tuple[str, ...]:
    """Return the names of the layers that give the classes."""
    facts: Any = backbone.default_cfg
    found = dict(facts)["classifier"]
    return (found,) if isinstance(found, str) else tuple(found)
