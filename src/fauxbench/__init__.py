"""fauxbench: a benchmark for generators of synthetic media and for the detectors that should catch them."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .harness.backbones import backbone_weights as backbone_weights
    from .harness.backbones import piper_voice as piper_voice
    from .harness.canonical import digest_of_file as digest_of_file
    from .harness.cards import DetectorCard as DetectorCard
    from .harness.cards import GeneratorCard as GeneratorCard
    from .harness.compare import compare as compare
    from .harness.conditions.table import Condition as Condition
    from .harness.contracts import Artifact as Artifact
    from .harness.contracts import Context as Context
    from .harness.contracts import Detector as Detector
    from .harness.contracts import FitTask as FitTask
    from .harness.contracts import Generator as Generator
    from .harness.contracts import Output as Output
    from .harness.contracts import Request as Request
    from .harness.contracts import ScoreRecord as ScoreRecord
    from .harness.datasets.studio.speech.synthesis import synthesise as synthesise
    from .harness.errors import Failure as Failure
    from .harness.errors import FauxbenchError as FauxbenchError
    from .harness.errors import InputError as InputError
    from .harness.errors import MediaError as MediaError
    from .harness.generate import generate as generate
    from .harness.instruments.logmel import log_mel as log_mel
    from .harness.instruments.sync_features import sync_features as sync_features
    from .harness.measure import measure as measure
    from .harness.media.clips import open_clip as open_clip
    from .harness.media.content import FileMedia as FileMedia
    from .harness.media.content import ImageMedia as ImageMedia
    from .harness.media.content import SoundMedia as SoundMedia
    from .harness.media.content import VideoMedia as VideoMedia
    from .harness.media.images import crop_square as crop_square
    from .harness.media.images import read_image as read_image
    from .harness.media.images import resize as resize
    from .harness.media.item import Item as Item
    from .harness.media.mediaset import MediaSet as MediaSet
    from .harness.media.mediaset import Terms as Terms
    from .harness.media.read import has_sound as has_sound
    from .harness.media.read import read_sound as read_sound
    from .harness.metrics.audio_cepstrum import mel_cepstral_distortion as mel_cepstral_distortion
    from .harness.metrics.audio_pitch import f0_contour as f0_contour
    from .harness.metrics.audio_prosody import f0_agreement as f0_agreement
    from .harness.metrics.audio_prosody import tone_agreement as tone_agreement
    from .harness.metrics.audio_si_sdr import si_sdr as si_sdr
    from .harness.metrics.frechet import frechet_distance as frechet_distance
    from .harness.metrics.inception_score import inception_score as inception_score
    from .harness.metrics.infinity import frechet_distance_infinity as frechet_distance_infinity
    from .harness.metrics.kernel import kernel_distance as kernel_distance
    from .harness.metrics.lips import confidence_floor as confidence_floor
    from .harness.metrics.lips import lip_sync as lip_sync
    from .harness.metrics.lips import lser as lser
    from .harness.metrics.lips import mouth_correlation as mouth_correlation
    from .harness.metrics.lips import speech_activity as speech_activity
    from .harness.metrics.lips import sync_windows as sync_windows
    from .harness.metrics.mmd import cmmd as cmmd
    from .harness.metrics.neighbours import density_coverage as density_coverage
    from .harness.metrics.neighbours import neighbour_scores as neighbour_scores
    from .harness.metrics.neighbours import precision_recall as precision_recall
    from .harness.metrics.paired import ms_ssim as ms_ssim
    from .harness.metrics.paired import psnr as psnr
    from .harness.metrics.paired import ssim as ssim
    from .harness.metrics.perceptual import lpips as lpips
    from .harness.metrics.realism import realism_score as realism_score
    from .harness.metrics.speech_speaker import speaker_similarity as speaker_similarity
    from .harness.metrics.video import flicker as flicker
    from .harness.metrics.video import frame_uniformity as frame_uniformity
    from .harness.metrics.video import identity_drift as identity_drift
    from .harness.run import run as run
    from .harness.suite import Suite as Suite

_HOME = {
    "Artifact": "contracts",
    "Condition": "conditions.table",
    "Context": "contracts",
    "Detector": "contracts",
    "DetectorCard": "cards",
    "Failure": "errors",
    "FauxbenchError": "errors",
    "FileMedia": "media.content",
    "FitTask": "contracts",
    "Generator": "contracts",
    "GeneratorCard": "cards",
    "ImageMedia": "media.content",
    "InputError": "errors",
    "Item": "media.item",
    "MediaError": "errors",
    "MediaSet": "media.mediaset",
    "Output": "contracts",
    "Request": "contracts",
    "ScoreRecord": "contracts",
    "SoundMedia": "media.content",
    "Suite": "suite",
    "Terms": "media.mediaset",
    "VideoMedia": "media.content",
    "backbone_weights": "backbones",
    "cmmd": "metrics.mmd",
    "compare": "compare",
    "confidence_floor": "metrics.lips",
    "crop_square": "media.images",
    "density_coverage": "metrics.neighbours",
    "digest_of_file": "canonical",
    "f0_agreement": "metrics.audio_prosody",
    "f0_contour": "metrics.audio_pitch",
    "flicker": "metrics.video",
    "frame_uniformity": "metrics.video",
    "frechet_distance": "metrics.frechet",
    "frechet_distance_infinity": "metrics.infinity",
    "generate": "generate",
    "has_sound": "media.read",
    "identity_drift": "metrics.video",
    "inception_score": "metrics.inception_score",
    "kernel_distance": "metrics.kernel",
    "lip_sync": "metrics.lips",
    "log_mel": "instruments.logmel",
    "lpips": "metrics.perceptual",
    "lser": "metrics.lips",
    "measure": "measure",
    "mel_cepstral_distortion": "metrics.audio_cepstrum",
    "mouth_correlation": "metrics.lips",
    "ms_ssim": "metrics.paired",
    "neighbour_scores": "metrics.neighbours",
    "open_clip": "media.clips",
    "piper_voice": "backbones",
    "precision_recall": "metrics.neighbours",
    "psnr": "metrics.paired",
    "read_image": "media.images",
    "read_sound": "media.read",
    "realism_score": "metrics.realism",
    "resize": "media.images",
    "run": "run",
    "si_sdr": "metrics.audio_si_sdr",
    "speaker_similarity": "metrics.speech_speaker",
    "speech_activity": "metrics.lips",
    "ssim": "metrics.paired",
    "sync_features": "instruments.sync_features",
    "sync_windows": "metrics.lips",
    "synthesise": "datasets.studio.speech.synthesis",
    "tone_agreement": "metrics.audio_prosody",
}
"""Where each public name lives; it is imported when it is first asked for, so that the command line starts fast."""

__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'fauxbench' has no attribute '{name}'")
    return getattr(import_module(f".harness.{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return list(__all__)
