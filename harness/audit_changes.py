"""The changes of an audit: of pictures, clips and sounds, in ways that people do not notice and that they do."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .canonical import JSON
from .conditions.control import DEGRADED, SEEN
from .conditions.table import Condition
from .media.item import Modality
from .report.audit import AuditChange


@dataclass(frozen=True, slots=True, kw_only=True)
class Alteration:
    """One way in which real pictures are changed."""

    name: str
    title: str
    seen: bool
    """Whether people see it."""
    condition: Condition | None = None
    """None: half of the people are left out, or the items are marked."""
    marked: bool = False
    """Whether they get a watermark, as everything synthetic that leaves does."""

    @property
    def change(self) -> AuditChange:
        """As tables name it."""
        return AuditChange(name=self.name, title=self.title, seen=self.seen)


def _change(name: str, title: str, condition: str, *, seen: bool, **parameters: JSON) -> Alteration:
    return Alteration(name=name, title=title, seen=seen, condition=Condition(name=condition, parameters=parameters))


MARKED = Alteration(name="marked", title="watermark", seen=False, marked=True)
_PICTURES = (
    _change("jpeg-95", "JPEG 95", "jpeg", seen=False, quality=95),
    _change("jpeg-98", "PNG via JPEG 98", "jpeg", seen=False, quality=98, chroma="4:4:4"),
    _change("filter", "other filter", "resample", seen=False, factor=1.1, filter="bicubic"),
    Alteration(name="move", title="one pixel", seen=False, condition=Condition(name="move", severity=1)),
    _change("colours", "rounded", "colours", seen=False, step=3),
    MARKED,
    _change("blur", "blur", "blur", seen=True, sigma=0.02),
    _change("noise", "noise", "noise", seen=True, deviation=15.0),
    _change("contrast", "contrast", "contrast", seen=True, factor=0.6),
    _change("cover", "block", "cover", seen=True, share=0.1),
    _change("jpeg-20", "JPEG 20", "jpeg", seen=True, quality=20),
    Alteration(name="people", title="half the people", seen=True),
)
_CLIPS = (
    _change("rewrite", "re-encoded", "rewrite", seen=False),
    _change("h264-18", "H.264 CRF 18", "h264", seen=False, crf=18),
    _change("frame", "2 % of frames repeated", "dropped_frames", seen=False, share=0.02),
    Alteration(name="move", title="one pixel", seen=False, condition=Condition(name="move", severity=1)),
    _change("sound-frame", "sound one frame late", "delay", seen=False, seconds=0.04),
    MARKED,
    _change("h264-40", "H.264 CRF 40", "h264", seen=True, crf=40),
    _change("blur", "blur", "blur", seen=True, sigma=0.02),
    _change("noise", "noise", "noise", seen=True, deviation=15.0),
    _change("frames", "35 % of frames repeated", "dropped_frames", seen=True, share=0.35),
    _change("fps", "5 frames a second", "frame_rate", seen=True, fps=5),
    _change("sound-late", "sound 320 ms late", "delay", seen=True, seconds=0.32),
    Alteration(name="people", title="half the people", seen=True),
)
_SOUNDS = (
    _change("aac", "AAC 128 kbit/s", "aac", seen=False, kbps=128),
    _change("opus", "Opus 64 kbit/s", "opus", seen=False, kbps=64),
    _change("faint", "noise 50 dB below", "pink_noise", seen=False, snr=50.0),
    MARKED,
    _change("mp3", "MP3 32 kbit/s", "mp3", seen=True, kbps=32),
    _change("noise", "noise 10 dB below", "pink_noise", seen=True, snr=10.0),
    _change("room", "reverberation", "reverberation", seen=True, rt60=0.8),
    _change("telephone", "telephone", "telephone", seen=True),
    _change("packets", "lost packets", "packets", seen=True, share=0.1),
    _change("clipping", "clipping", "clipping", seen=True),
    _change("pitch", "pitch", "pitch", seen=True),
    Alteration(name="people", title="half the people", seen=True),
)
ALTERATIONS: Mapping[Modality, tuple[Alteration, ...]] = MappingProxyType(
    {Modality.IMAGE: _PICTURES, Modality.VIDEO: _CLIPS, Modality.AUDIO: _SOUNDS}
)
"""In the order of the tables."""
CONTROL = Alteration(name=DEGRADED, title=DEGRADED, seen=True, condition=SEEN.condition)
"""For metrics that compare pictures one by one, which need it as a set."""
