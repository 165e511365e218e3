"""What captions, headings and footnotes say in words."""

import re
from collections.abc import Iterable, Sequence

from ..store.schema import IntervalRecord, Results, Row, SystemRecord

ACRONYMS = frozenset(
    ("ap", "auc", "eer", "f1", "fad", "fd", "fid", "fvd", "kd", "kid", "lpips", "mse", "psnr", "rmse", "ssim", "wer")
)
"""Metrics whose names are printed in capitals."""

KINDS = ("fully_synthetic", "partially_synthetic", "augmented_real", "real")
"""In the order in which tables list them."""

COVERAGE = 0.95
"""Below this share of the expected items a row is shown, but neither ranked nor bold."""


def metric_label(name: str) -> str:
    """Return the metric as a table head prints it: `fd[spectrum]` becomes `FD[spectrum]`."""
    head, bracket, rest = name.partition("[")
    return f"{head.upper() if head in ACRONYMS else head.replace('_', ' ')}{bracket}{rest}"


def first_capital(text: str) -> str:
    """Return the text with a capital first, as a sentence starts."""
    return text[:1].upper() + text[1:]


def kind_label(kind: str) -> str:
    """Return a kind in words."""
    return kind.replace("_", " ")


def slice_label(parts: dict[str, str]) -> str:
    """Return a slice in words, for instance `cnn trained on dcgan@1, threshold from validation`."""
    rest = dict(parts)
    words = []
    detector, train = rest.pop("detector", None), rest.pop("train", None)
    if detector is not None:
        words.append(f"{detector} trained on {train}" if train else detector)
    elif train is not None:
        words.append(f"trained on {train}")
    threshold = rest.pop("threshold", None)
    if threshold is not None:
        words.append(f"threshold from {threshold}" if threshold.isalpha() else f"threshold {threshold}")
    words += [f"{name.replace('_', ' ')} {value}" for name, value in rest.items()]
    return ", ".join(words)


def coverage_note(n: int, expected: int, failures: dict[str, int]) -> str | None:
    """Return the footnote of a row whose items did not all enter, or None."""
    if n >= expected:
        return None
    why = ", ".join(f"{count} {kind}" for kind, count in failures.items())
    ranked = "" if n >= COVERAGE * expected else "; below 95 % coverage, not ranked"
    return f"{n} of {expected} items{f' ({why})' if why else ''}{ranked}"


def row_notes(row: Row) -> tuple[str, ...]:
    """Return the footnotes of one row: why there is no value, its coverage, its flags."""
    coverage = coverage_note(row.n, row.expected, row.failures) if row.value is not None else None
    return tuple(note for note in (row.reason, coverage, *row.flags) if note)


def system_notes(system: SystemRecord) -> tuple[str, ...]:
    """Return the footnotes of a system: failure and flags."""
    status = f"failed: {system.reason}" if system.status == "failed" and system.reason else None
    if system.status == "failed" and not system.reason:
        status = "failed"
    return tuple(note for note in (status, *system.flags) if note)


def interval_words(rows: Iterable[Row]) -> str:
    """Return how the intervals of these rows were made, as a sentence; nothing where there are none."""
    intervals = [row.interval for row in rows if row.interval is not None]
    if not intervals:
        return ""
    ways = sorted({_way(interval) for interval in intervals})
    sentence = f"In brackets: {'; '.join(ways)}."
    if any(interval.about == "at-n" for interval in intervals):
        sentence += " Set metrics depend on n; their intervals hold for the expectation at this n."
    return sentence


def _way(interval: IntervalRecord) -> str:
    level = f"{100.0 * interval.level:g} % intervals"
    jackknife = re.fullmatch(r"jackknife(?:-(\d+))?", interval.method)
    if jackknife:
        blocks = f"{jackknife[1]} blocks" if jackknife[1] else "blocks"
        return f"{level} by the delete-a-block jackknife ({blocks} by {interval.cluster})"
    return f"{level} by {interval.method.replace('-', ' ')} (by {interval.cluster})"


def count_words(rows: Sequence[Row]) -> str:
    """Return the number of items and of training seeds behind these rows, as a sentence."""
    counts = sorted({row.expected for row in rows if row.expected})
    if not counts:
        return ""
    items = f"n = {counts[0]}" if len(counts) == 1 else f"n = {counts[0]} to {counts[-1]}"
    seeds = sorted({len(row.seeds) for row in rows if row.role == "system" and row.seeds})
    if not seeds:
        trained = ""
    elif seeds == [1]:
        trained = ", one training seed each"
    elif len(seeds) == 1:
        trained = f", mean of {seeds[0]} training seeds"
    else:
        trained = f", means of {seeds[0]} to {seeds[-1]} training seeds"
    return f"{items} items a set{trained}."


def reference_words(results: Results) -> str:
    """Return what the real data is, in words."""
    name = results.reference.get("name", "real data")
    split = _split(results.reference.get("splits"))
    return f"{name}{split}"


def _split(splits: object) -> str:
    test = splits.get("test") if isinstance(splits, dict) else None
    if not isinstance(test, dict):
        return ""
    parts = [f"{test[key]} {key}" for key in ("items", "identities") if isinstance(test.get(key), int)]
    return f", test split ({', '.join(parts)})" if parts else ", test split"


def direction_words(rows: Iterable[Row], *, ranked: bool) -> str:
    """Return what the arrows mean, where there are any, and with `ranked` what bold means."""
    found = {row.direction for row in rows}
    words = [f"{arrow} {way} is better" for arrow, way in (("↓", "lower"), ("↑", "higher")) if way in found]
    if not words:
        return ""
    bold = "; bold: not distinguishable from the best (95 % group of the best, paired)" if ranked else ""
    return f"{', '.join(words)}{bold}."


def sentences(*parts: str) -> str:
    """Join the parts that say something."""
    return " ".join(part for part in parts if part)
