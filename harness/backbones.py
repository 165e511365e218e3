"""Weights on this machine that users bring: timm backbones, voices of Piper. Nothing is downloaded."""

import os
from pathlib import Path


def backbone_weights(backbone: str) -> Path | None:
    """Return the file of a backbone's pretrained weights in the default store, or None if there is none.

    It is `weights/timm/NAME.safetensors` in `FAUXBENCH_STORE` or the platform's cache folder, as timm saves them.
    Nothing is downloaded.
    """
    path = brought("timm") / f"{backbone}.safetensors"
    return path if path.is_file() else None


def piper_voice(language: str) -> Path | None:
    """Return the file of a Piper voice for a language in the default store, or None if there is none.

    It is `weights/piper/LANGUAGE.onnx`, with Piper's own `LANGUAGE.onnx.json` beside it, in `FAUXBENCH_STORE` or the
    platform's cache folder. Nothing is downloaded.
    """
    path = brought("piper") / f"{language}.onnx"
    return path if path.is_file() and path.with_name(f"{path.name}.json").is_file() else None


def brought(kind: str) -> Path:
    """Return the folder where weights of a kind are looked for."""
    from platformdirs import user_cache_path

    given = os.environ.get("FAUXBENCH_STORE")
    store = Path(given) if given else user_cache_path("fauxbench") / "store"
    return store / "weights" / kind
