"""Whose voice it is: nearer to the target's than to the source's, and whether it is taken for the target's."""

from dataclasses import replace

import numpy as np

from ..errors import InputError
from ..stats.score import Measurement
from .altered import IdentityMatch, People
from .audio import PairedMean
from .base import Evidence, Features, Link, Metric
from .sets import fault


class SpeakerMargin(PairedMean):
    """`speaker_margin`: cosine with the voice that it is to be, less that with the voice that it was made from.

    The voice that it is to be is the mean of that person's real sounds; the one it was made from is the mean of the
    source's speaker. Above 0, an item is nearer to the target. Without a source of another speaker there is no margin.
    """

    unusable = "no two voices"

    def measure(self, evidence: Evidence) -> Measurement:
        """Return the mean margin over items."""
        found, real = evidence.synthetic, evidence.real
        reason = fault(found, "synthetic", "features", 1) or fault(real, "real", "features", 2)
        if reason or found is None or real is None:
            return Measurement(value=None, n=0, reason=reason or "nothing to measure")
        voices = People(as_identity(real))
        speaker = dict(zip(real.ids, real.clusters, strict=True))
        rows = {name: row for row, name in enumerate(found.ids)}

        def value_of(link: Link) -> float:
            source = speaker.get(link.source)
            if link.person is None or source is None or source == link.person:
                raise InputError("it was not made of another speaker's sound")
            vector = np.asarray(found.arrays["features"][rows[link.id]])
            target, origin = (voices.likeness(vector, who, set()) for who in (link.person, source))
            if target is None or origin is None:
                raise InputError("no real sound of the target's voice")
            return target - origin

        return self.mean([link for link in evidence.links if link.id in rows], evidence.seed, value_of)


class SpeakerAccepted(Metric):
    """`speaker_accepted`: share of items that a verifier takes for the target's, at the threshold of equal error.

    The protocol of `identity_match`, on vectors of voices: threshold and judge come from other people.
    """

    def measure(self, evidence: Evidence) -> Measurement:
        """Return the share; each item is 1 or 0."""
        voices = replace(
            evidence,
            synthetic=_or_none(evidence.synthetic),
            real=_or_none(evidence.real),
            fit=_or_none(evidence.fit),
            unseen=_or_none(evidence.unseen),
        )
        return IdentityMatch(self.card).measure(voices)


def _or_none(found: Features | None) -> Features | None:
    return as_identity(found) if found is not None else None


def as_identity(found: Features) -> Features:
    """Return features whose vectors of voices stand where those of faces do."""
    return replace(found, arrays={"identity": found.arrays["features"]} if "features" in found.arrays else {})
