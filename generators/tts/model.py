"""Text to speech as a system under test: text and language in, speech out."""

import importlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fauxbench import (
    Artifact,
    Context,
    Failure,
    Generator,
    InputError,
    Request,
    SoundMedia,
    digest_of_file,
    piper_voice,
    synthesise,
)

FIRST_VOICE = 1_500_000
"""Its voices begin here: far from those of people in suites, and below those of judges."""


class TextToSpeech(Generator):
    """Says `request.text` in `request.language`; text, language and seed decide every sample."""

    def generate(self, requests: Sequence[Request], context: Context) -> Iterator[Artifact | Failure]:
        """Yield one sound a request; no text, another script or a language it lacks is a Failure."""
        loaded: dict[Path, Any] = {}
        for done, request in enumerate(requests):
            try:
                yield self._said(request, loaded)
            except InputError as error:
                yield Failure(request_id=request.id, kind="unspeakable", message=f"tts: {error}")
            context.progress((done + 1) / len(requests), f"{done + 1} of {len(requests)} sounds")

    def _said(self, request: Request, loaded: dict[Path, Any]) -> Artifact:
        text, language = request.text or "", request.language
        if self.parameters["engine"] == "piper":
            media, facts = _by_piper(text, language, loaded)
        else:
            number = FIRST_VOICE + request.seed % int(self.parameters["voices"])
            media, facts = synthesise(text, language, number), {"synthesiser": "eSpeak NG", "voice": number}
        return Artifact(request_id=request.id, media=media, facts=facts)


def _by_piper(text: str, language: str | None, loaded: dict[Path, Any]) -> tuple[SoundMedia, dict[str, Any]]:
    """Speak by a voice of Piper that the user has; without noise, so that equal texts give equal sounds."""
    if not text.strip() or not language:
        raise InputError(f"nothing to say in {language}: {text!r:.40}" if language else "no language")
    path = piper_voice(language)
    if path is None:
        raise InputError(
            f"no Piper voice for '{language}'; put {language}.onnx and {language}.onnx.json into weights/piper of the "
            "store, or use engine = 'espeak'"
        )
    try:
        piper = importlib.import_module("piper")
    except ImportError as error:
        raise InputError("Piper is not installed: pip install piper-tts, or use engine = 'espeak'") from error
    if path not in loaded:
        loaded[path] = piper.PiperVoice.load(path)
    calm = piper.SynthesisConfig(noise_scale=0.0, noise_w_scale=0.0)
    chunks = list(loaded[path].synthesize(text, syn_config=calm))
    if not chunks:
        raise InputError(f"Piper said nothing for {text!r:.40}")
    sound = np.concatenate([np.asarray(chunk.audio_float_array, dtype=np.float32) for chunk in chunks])
    facts = {"synthesiser": "Piper", "voice": digest_of_file(path)[:16]}
    return SoundMedia(sound=sound, sample_rate=int(chunks[0].sample_rate)), facts
