"""Whether what a system made can be told for synthetic once it leaves, and may leave at all."""

import json

from ...canonical import JSON, digest_of
from ...media.item import Modality, Split
from ...safeguards.border import release, suffix_of
from ...safeguards.inspecting import inspect
from ...safeguards.publishing import why_not_hand_on
from ...stats.intervals import wilson
from ...stats.score import Measurement
from ..step import Outcome, Step
from .measures import measurement_record

LOOKED_AT = {Modality.IMAGE: 8, Modality.VIDEO: 1, Modality.AUDIO: 2}
"""Test items that are marked, as `export` marks them, and read again; evenly over the set. All is done in the store."""


def safety(step: Step) -> Outcome:
    """Mark some test items and read their marks again; ask whether terms and consents let the set be handed on."""
    media = step.set("set")
    items = media.select(Split.TEST)
    most = LOOKED_AT[Modality(media.card.modality)]
    shown = [items[place * len(items) // min(most, len(items))] for place in range(min(most, len(items)))]
    names = [f"{place:03d}{suffix_of(item)}" for place, item in enumerate(shown)]
    out = step.scratch / "marked"
    release(shown, out, names, f"check of {media.card.name}")
    lost: dict[str, int] = {}
    hits = []
    for name in names:
        found = inspect(out / name)
        gone = {
            "watermark not read": found.watermark is None and found.too_small is None,
            "too small for a watermark": found.too_small is not None,
            "credentials do not hold": found.credentials.state not in {"trusted", "valid"},
            "no row of provenance": found.sidecar is None or not found.sidecar.intact,
        }
        lost |= {why: lost.get(why, 0) + 1 for why, missing in gone.items() if missing}
        hits.append(float(not any(gone.values())))
    reasons = why_not_hand_on(media)
    refused = sum(missed.failure.kind == "refused" for missed in media.missed)
    notes = [*reasons, *([f"{refused} requests were refused for want of consent"] if refused else [])]
    marks = Measurement(value=None, n=0, reason="no test item to mark")
    if hits:
        interval = wilson(hits, [str(n) for n in range(len(hits))], cluster="item")
        flags = tuple(f"{why}: {count} of {len(hits)}" for why, count in lost.items())
        marks = Measurement(value=sum(hits) / len(hits), interval=interval, n=len(hits), flags=flags)
    cleared = Measurement(value=float(not reasons), n=len(media), flags=tuple(notes))
    records: dict[str, JSON] = {
        "marks": measurement_record(marks, {}),
        "cleared": measurement_record(cleared, {}),
    }
    (step.out / "measurement.json").write_text(json.dumps(records, allow_nan=False), encoding="utf-8")
    facts: dict[str, JSON] = {"measurements": records}
    return Outcome(output=digest_of(facts), facts=facts)
