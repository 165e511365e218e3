"""Weights of timm backbones on this machine."""

import os
from pathlib import Path


def backbone_weights(backbone: str) -> Path | None:
    """Return the file of a backbone's pretrained weights in the default store, or None if there is none.

    It is `weights/timm/NAME.safetensors` in `FAUXBENCH_STORE` or the platform's cache folder, as timm saves them.
    Nothing is downloaded.
    """
    from platformdirs import user_cache_path

    given = os.environ.get("FAUXBENCH_STORE")
    store = Path(given) if given else user_cache_path("fauxbench") / "store"
    path = store / "weights" / "timm" / f"{backbone}.safetensors"
    return path if path.is_file() else None
