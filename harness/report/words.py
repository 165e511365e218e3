"""What captions, headings and footnotes say in words."""

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from types import MappingProxyType

from ..canonical import JSON
from ..cards import MetricCard
from ..metrics import metric_cards
from ..metrics.wording import counted
from ..stats.groups import COVERAGE
from ..store.schema import IntervalRecord, Results, Row, SystemRecord

ACRONYMS = frozenset(
    {
        *("ap", "auc", "eer", "f1", "fad", "fd", "fid", "fvd", "is", "kd", "kid"),
        *("cmmd", "lpips", "lser", "mcd", "mmd", "mse", "psnr", "rmse", "ssim", "wer"),
    }
)
"""Metrics whose names are printed in capitals."""
PROPER = MappingProxyType(
    {
        "fd_infinity": "FD infinity",
        "fid_infinity": "FID infinity",
        "ms_ssim": "MS-SSIM",
        "mcd_dtw": "MCD-DTW",
        "f0_rmse": "F0 RMSE",
        "f0_correlation": "F0 correlation",
        "si_sdr": "SI-SDR",
        "lse_d": "LSE-D",
        "lse_c": "LSE-C",
        "av_offset": "AV offset",
        "tpr_at_1pct_fpr": "TPR at 1 % FPR",
        "log_loss": "log loss",
        "overlap_people": "people seen in training",
        "overlap_content": "files seen in training",
        "auc_before": "AUC before",
        "auc_after": "AUC after",
        "auc_change": "change",
        "auc_gain": "AUC gain",
        "brier": "Brier score",
    }
)
"""Metrics whose names have a spelling of their own."""

KINDS = ("fully_synthetic", "partially_synthetic", "augmented_real", "real")
"""In the order in which tables list them."""


def metric_label(name: str) -> str:
    """Return the metric as a table head prints it: `fd[spectrum]` becomes `FD[spectrum]`."""
    head, bracket, rest = name.partition("[")
    label = head.upper() if head in ACRONYMS else head.replace("_", " ")
    return f"{PROPER.get(head, label)}{bracket}{rest}"


def first_capital(text: str) -> str:
    """Return the text with a capital first, as a sentence starts."""
    return text[:1].upper() + text[1:]


def kind_label(kind: str) -> str:
    """Return a kind in words."""
    return kind.replace("_", " ")


def shared_slice(slices: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return the parts that all slices have in common, but for detector and training set, which always head a panel."""
    first = slices[0] if slices else {}
    return {
        name: value
        for name, value in first.items()
        if name not in ("detector", "train") and all(part.get(name) == value for part in slices)
    }


def slice_label(parts: Mapping[str, str], without: Container[str] = ()) -> str:
    """Return a slice in words, for instance `cnn trained on dcgan@1, threshold from validation`."""
    rest = {name: value for name, value in parts.items() if name not in without}
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
    return f"{n} of {counted(expected, 'item')}{f' ({why})' if why else ''}{ranked}"


def row_notes(row: Row) -> tuple[str, ...]:
    """Return the footnotes of one row: why there is no value, its coverage, its flags."""
    coverage = coverage_note(row.n, row.expected, row.failures) if row.value is not None else None
    notes = tuple(note for note in (row.reason, coverage, *row.flags) if note)
    return notes if row.role != "control" else tuple(map(_of_control, notes))


def _of_control(note: str) -> str:
    """Return what a metric says of its two sets, where the first one is no synthetic one but held-out real items."""
    return re.sub(r"\bsynthetic (?=set\b|and \d+ real clusters\b|features\b)", "held-out ", note)


def system_notes(system: SystemRecord) -> tuple[str, ...]:
    """Return the footnotes of a system: failure and flags."""
    status = f"failed: {system.reason}" if system.status == "failed" and system.reason else None
    if system.status == "failed" and not system.reason:
        status = "failed"
    return tuple(note for note in (status, *system.flags) if note)


def interval_words(rows: Iterable[Row]) -> str:
    """Return how the intervals of these rows were made, as a sentence; nothing where there are none."""
    intervals = [row.interval for row in rows if row.interval is not None and row.value is not None]
    by_level: dict[float, set[str]] = {}
    for interval in intervals:
        by_level.setdefault(interval.level, set()).add(_way(interval))
    if not by_level:
        return ""
    ways = [f"{100.0 * level:g} % intervals ({'; '.join(sorted(ways))})" for level, ways in sorted(by_level.items())]
    sentence = f"In brackets: {'; '.join(ways)}."
    if any(interval.about == "at-n" for interval in intervals):
        sentence += " Set metrics depend on n; their intervals hold for the expectation at this n."
    return sentence


def _way(interval: IntervalRecord) -> str:
    """Return a method in words: `jackknife-20` becomes `delete-a-block jackknife, 20 blocks`."""
    words = re.sub(r"\bjackknife-(\d+)\b", r"delete-a-block jackknife, \1 blocks,", interval.method)
    words = re.sub(r"\bwilson\b", "Wilson", words.replace("cluster-bootstrap", "bootstrap"))
    return f"{words.rstrip(',')}, by {interval.cluster}"


def count_words(rows: Sequence[Row], *, trained: bool = True) -> str:
    """Return the number of items, and with `trained` of training seeds, behind these rows, as a sentence."""
    counts = sorted({row.expected for row in rows if row.expected})
    if not counts:
        return ""
    items = f"n = {counts[0]}" if len(counts) == 1 else f"n = {counts[0]} to {counts[-1]}"
    seeds = sorted({len(row.seeds) for row in rows if row.role == "system" and row.seeds})
    if not seeds or not trained:
        learned = ""
    elif seeds == [1]:
        learned = ", one training seed each"
    elif len(seeds) == 1:
        learned = f", mean of {seeds[0]} training seeds"
    else:
        learned = f", means of {seeds[0]} to {seeds[-1]} training seeds"
    return f"{items} {'item' if counts == [1] else 'items'} a set{learned}."


def balance_words(rows: Sequence[Row]) -> str:
    """Return the share of fakes in the test sets of these rows, as a sentence."""
    shares = sorted({round(100.0 * row.n / (row.n + row.n_real)) for row in rows if row.n_real and row.n})
    if not shares:
        return ""
    return f"Fakes are {' to '.join(map(str, dict.fromkeys((shares[0], shares[-1]))))} % of a test set."


MISSING = MappingProxyType(
    {
        "worst": "an item without one has the worst for its class",
        "exclude": "items without one are left out",
        "intersect": "items without one are left out, in comparisons of both sides",
    }
)
"""What becomes of items without a score, in words."""


def policy_words(rows: Iterable[Row]) -> str:
    """Return how scores of items came about and what missing ones count as, as a sentence; nothing if no row says."""
    found = {(str(row.protocol.get("pooling")), str(row.protocol.get("missing"))) for row in rows}
    ways = []
    for pooling, missing in sorted(found):
        if missing in MISSING:
            rule = pooling if pooling == "the detector's own" else f"{pooling} over frames"
            ways.append(f"{rule}; {MISSING[missing]}")
    return f"Score of an item: {' / '.join(ways)}." if ways else ""


def threshold_words(rows: Iterable[Row]) -> str:
    """Return what the names of thresholds mean, and their values, as a sentence."""
    values: dict[str, list[float]] = {}
    for row in rows:
        chosen = row.protocol.get("threshold")
        if isinstance(chosen, Mapping) and isinstance(chosen.get("value"), int | float):
            values.setdefault(str(chosen.get("name")), []).append(float(chosen["value"]))
    meant = {"0.5": "0.5 is fixed", "validation": "validation: chosen on the detector's own validation set"}
    meant["pooled"] = "pooled: chosen on the validation sets of all systems"
    parts = []
    for name, found in values.items():
        ends = dict.fromkeys(f"{end:.2f}" for end in (min(found), max(found)))
        parts.append(meant.get(name, name) + (f" ({' to '.join(ends)})" if name != "0.5" else ""))
    return f"Thresholds: {'; '.join(parts)}." if parts else ""


def differing(protocol: Mapping[str, JSON], other: Mapping[str, JSON]) -> list[str]:
    """Return in what a protocol differs from another, in words: `n 50 instead of 120`."""
    found = []
    for name in dict.fromkeys((*protocol, *other)):
        mine, theirs = protocol.get(name), other.get(name)
        if mine == theirs:
            continue
        if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
            found += differing(mine, theirs)
        elif name == "n":
            found.append(f"n {mine} instead of {theirs}")
        else:
            found.append(f"another {_FIELDS.get(name, name.replace('_', ' '))}")
    return found


_FIELDS = MappingProxyType({"targets": "choice of targets", "requests": "request list", "reference": "reference set"})


def reference_words(results: Results) -> str:
    """Return what the real data is, in words."""
    facts = results.reference
    name = facts.get("name") or facts.get("dataset") or "real data"
    items = _of_test(facts.get("splits"), "items")
    people = _of_test(facts.get("splits"), "identities") or _of_test(facts.get("identities"), "")
    counts = ((items, "item", "items"), (people, "identity", "identities"))
    known = [counted(count, one, many) for count, one, many in counts if count is not None]
    return f"{name}, test split ({', '.join(known)})" if known else str(name)


def _of_test(splits: JSON, word: str) -> int | None:
    """Return a count of the test split, from `{"test": 200}` or `{"test": {"items": 200}}`."""
    test = splits.get("test") if isinstance(splits, Mapping) else None
    if isinstance(test, Mapping):
        test = test.get(word)
    elif word == "identities":
        test = None
    return test if isinstance(test, int) else None


def protocol_words(rows: Iterable[Row]) -> str:
    """Return what was asked of instruments apart from their defaults, as a sentence; nothing where nothing was."""
    found: dict[str, list[str]] = {}
    for row in rows:
        options = row.protocol.get("options")
        if row.value is not None and isinstance(options, Mapping) and options:
            words = ", ".join(f"{name} {value}" for name, value in options.items())
            found.setdefault(words, []).append(metric_label(row.metric))
    ways = [f"{', '.join(dict.fromkeys(metrics))} with {words}" for words, metrics in found.items()]
    return f"Protocol: {'; '.join(ways)}." if ways else ""


def position_words(rows: Iterable[Row]) -> str:
    """Return what a position is, as a sentence; nothing where no row has one."""
    found = [row.position for row in rows if row.position is not None and row.position.value is not None]
    if not found:
        return ""
    ways = "; ".join(dict.fromkeys(position.degradation for position in found))
    counts = sorted({position.n for position in found})
    n = " to ".join(map(str, dict.fromkeys((counts[0], counts[-1]))))
    return f"Position: 0 is where real items lie and 1 where the same ones lie degraded ({ways}), n {n} on each side."


EQUAL = (
    "(equal n): the same set's score at the n of the controls, against as many real items; a position is (score at "
    "equal n - real) / (degraded - real)."
)
"""What lines of measure's table say that a position is made of."""


def pair_words(rows: Iterable[Row]) -> str:
    """Return how metrics over pairs find them, as a sentence; nothing where no row is of one."""
    cards = metric_cards()
    found = [row for row in rows if row.role == "system" and row.value is not None]
    paired = [row for row in found if (card := _card(row, cards)) is not None and card.form == "paired"]
    names = ", ".join(dict.fromkeys(metric_label(row.metric) for row in paired))
    return f"{names}: each file against the real file of the same name." if names else ""


def _card(row: Row, cards: Mapping[str, MetricCard]) -> MetricCard | None:
    return cards.get(str(row.protocol.get("metric")).partition(" ")[0])


def direction_words(rows: Iterable[Row], *, ranked: bool) -> str:
    """Return what the arrows mean, where there are any, and with `ranked` what bold means."""
    found = {row.direction for row in rows}
    words = [f"{arrow} {way} is better" for arrow, way in (("↓", "lower"), ("↑", "higher")) if way in found]
    if not words:
        return ""
    bold = "; bold: not distinguishable from the best (95 % set of the best, Hsu)" if ranked else ""
    return f"{', '.join(words)}{bold}."


RANK = "Rank: which ranks a system may have; all rank intervals of a column hold together at 95 %."
"""What the columns of ranks say."""


def sentences(*parts: str) -> str:
    """Join the parts that say something."""
    return " ".join(part for part in parts if part)
