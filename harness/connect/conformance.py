"""The contract of a generator, point by point: what was expected, what was found, how to mend it."""

import random
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..canonical import JSON, canonical
from ..cards import GeneratorCard
from ..contracts import Artifact, Context, FitTask, Generator, Output, Request
from ..errors import Failure, InputError, MediaError
from ..media.encode import write_media
from ..media.item import Item, Modality
from ..media.read import modality_of
from .findings import Finding, finding
from .weights import digest_of_weights

TEXT = ("Good morning, the tea is warm.", "en")
"""What is to be said where the material has no transcript."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A system to be checked, and what to check it with."""

    card: GeneratorCard
    build: Callable[[], Generator]
    train: tuple[Item, ...]
    targets: tuple[Item, ...]
    """At least 2, of the system's modality; for systems that alter one."""
    output: Output
    scratch: Path
    weights: Path
    """Where `save` writes; or a folder of weights handed in."""
    handed_in: bool = False
    device: str = "cpu"
    n: int = 4
    """Items asked for at a time."""

    def requests(self, n: int | None = None) -> list[Request]:
        """Return what the system is asked for: a seed of its own, and whatever its card says that it uses."""
        count = self.n if n is None else n
        return [Request(id=f"check-{i}", seed=1000 + i, output=self.output, **self._given(i)) for i in range(count)]

    def _given(self, i: int) -> dict[str, Any]:
        """Return target, source, driver, attributes, text; source and driver are other people than the target."""
        uses = self.card.uses
        if not self.targets:
            return {}
        target = self.targets[i % len(self.targets)]
        others = [item for item in self.targets if item.cluster != target.cluster] or list(self.targets)
        other = others[i % len(others)]
        names = list(self.card.attributes.items())
        attribute = {names[i % len(names)][0]: names[i % len(names)][1][0]} if names else {}
        said = [(str(o.facts["transcript"]), o.language) for o in self.targets if o.facts.get("transcript")] or [TEXT]
        text, language = said[i % len(said)] if "text" in uses else (None, None)
        return {
            "target": target if "target" in uses else None,
            "references": tuple(o for o in others if o.cluster == other.cluster) if "references" in uses else (),
            "driver": other if "driver" in uses else None,
            "attributes": attribute if "attributes" in uses else {},
            "text": text,
            "language": language,
        }

    @property
    def task(self) -> FitTask:
        """What it is trained on; a swap is taught the people that it will be asked to put in."""
        taught = self.targets if "references" in self.card.uses else ()
        people = tuple(dict.fromkeys(item.cluster for item in taught))
        return FitTask(train=self.train, output=self.output, subjects=people, references=taught)


@dataclass(slots=True)
class Made:
    """What a call of `generate` gave."""

    contents: dict[str, str] = field(default_factory=dict)
    """Digest of the content of each artifact that could be read, by request."""
    facts: dict[str, Mapping[str, JSON]] = field(default_factory=dict)
    masks: dict[str, tuple[tuple[int, ...], str] | None] = field(default_factory=dict)
    """Shape and type of the first mask."""
    failures: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    """Media and facts that cannot be kept."""
    count: dict[str, int] = field(default_factory=dict)
    """Answers by request."""
    strays: list[str] = field(default_factory=list)
    raised: str = ""
    fractions: list[float] = field(default_factory=list)


def make(bench: Bench, system: Generator, requests: Sequence[Request], disturbance: int = 0) -> Made:
    """Call `generate` and read what comes, with global random numbers set to something else each time."""
    made = Made()
    asked = {request.id for request in requests}
    folder = bench.scratch / "kept"
    context = _context(bench, made)
    _disturb(disturbance)
    try:
        folder.mkdir(parents=True)
        for answer in system.generate(requests, context):
            request_id = getattr(answer, "request_id", None)
            if not isinstance(answer, Artifact | Failure) or request_id not in asked:
                made.strays.append(f"{type(answer).__name__} for {request_id!r:.40}")
                continue
            made.count[request_id] = made.count.get(request_id, 0) + 1
            if isinstance(answer, Failure):
                made.failures[request_id] = f"{answer.kind}: {answer.message}"
            else:
                _keep(answer, folder, bench.card, made)
    except Exception as error:  # noqa: BLE001 - the code under test may raise anything
        made.raised = f"{type(error).__name__}: {error}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return made


def _context(bench: Bench, made: Made) -> Context:
    scratch = bench.scratch / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)

    def progress(fraction: float, message: str) -> None:
        made.fractions.append(float(fraction))

    return Context(seed=0, scratch=scratch, device=bench.device, progress=progress)


def _disturb(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the legacy state is what a careless system reads
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


def _keep(answer: Artifact, folder: Path, card: GeneratorCard, made: Made) -> None:
    try:
        path, content, facts = write_media(folder, f"{len(made.contents)}-{len(made.wrong)}", answer.media)
        if modality_of(path) is not Modality(card.modality):
            raise MediaError(f"expected {card.modality}, found a {path.suffix} file")  # noqa: TRY301
        canonical(answer.facts)
        first = next(iter(answer.masks()), None) if answer.masks else None
    except (MediaError, TypeError, ValueError) as error:
        made.wrong.append(f"{answer.request_id}: {error}")
        return
    made.contents[answer.request_id] = content
    made.facts[answer.request_id] = facts
    made.masks[answer.request_id] = None if first is None else (np.shape(first), str(np.asarray(first).dtype))


class Kit:
    """Goes through the contract; each point is a method that yields its findings."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.card = bench.card
        self._system: Generator | None = None
        self._first = Made()

    @property
    def comparable(self) -> bool:
        """Whether anything came that can be compared with what comes later."""
        return bool(self._first.contents)

    def points(self) -> dict[str, Callable[[], Iterator[Finding]]]:
        """Return the points by name, in order; a later one needs those before it."""
        return {
            "card": self.check_card,
            "builds": self.check_builds,
            "fit": self.check_fit,
            "answers": self.check_answers,
            "media": self.check_media,
            "seeds": self.check_seeds,
            "save and load": self.check_round_trip,
            "order": self.check_order,
            "kind": self.check_kind,
            "failures": self.check_failures,
            "nothing asked": self.check_empty,
            "progress": self.check_progress,
        }

    def check_card(self) -> Iterator[Finding]:
        """Everything that tables and consent records need is said."""
        card = self.card
        bare = [name for name in ("title", "licence", "reference") if not getattr(card, name).strip()]
        bare += ["technique"] if card.technique in {"", "unknown"} else []
        bare += [f"parameters.{name}.description" for name, p in card.parameters.items() if not p.description.strip()]
        if card.kind != "fully_synthetic" and not card.uses:
            bare.append(f"uses (a {card.kind} system is made from something)")
        wanted = "title, technique, licence, reference, and a description of each parameter"
        yield finding("card", wanted, f"missing: {', '.join(bare)}" if bare else "all there", not bare, "fill them in")

    def check_builds(self) -> Iterator[Finding]:
        """The class, the program or the service is there."""
        try:
            self._system = self.bench.build()
            problem = "" if isinstance(self._system, Generator) else f"a {type(self._system).__name__}"
        except Exception as error:  # noqa: BLE001
            problem = f"{type(error).__name__}: {error}"
        mend = "derive from fauxbench.Generator and take (card, parameters); import what is heavy inside methods"
        yield finding("builds", "a fauxbench.Generator", problem or "built", not problem, mend)

    def check_fit(self) -> Iterator[Finding]:
        """Training works and leaves weights that may be kept."""
        if self.bench.handed_in or not self.card.fits:
            why = "weights were handed in" if self.bench.handed_in else "its card says that it needs no training"
            yield Finding(point="fit", status="skipped", expected="training that ends", found=why)
            self._load(self._system)
            return
        made = Made()
        weights = self.bench.weights
        weights.mkdir(parents=True)
        try:
            self._there().fit(self.bench.task, _context(self.bench, made))
            self._there().save(weights)
            digest_of_weights(weights)
            names = sorted(path.name for path in weights.rglob("*") if path.is_file())
            problem = "" if names else "save() wrote nothing"
            found = ", ".join(names)
        except Exception as error:  # noqa: BLE001
            problem = found = f"{type(error).__name__}: {error}"
        wanted = "fit() ends, and save() writes .safetensors and .json"
        mend = (
            "raise nothing on the train pictures; keep tensors with safetensors and the rest as JSON, never as pickle"
        )
        yield finding("fit", wanted, problem or found, not problem, mend)

    def check_answers(self) -> Iterator[Finding]:
        """Every request is answered once, and by an Artifact if nothing is wrong with it."""
        requests = self.bench.requests()
        made = self._first = make(self.bench, self._there(), requests, 1)
        wrong = [f"raised {made.raised}"] if made.raised else []
        wrong += [f"{len(made.strays)} answers to nothing that was asked ({made.strays[0]})"] if made.strays else []
        again = [request_id for request_id, count in made.count.items() if count > 1]
        none = [request.id for request in requests if request.id not in made.count]
        wrong += [f"answered more than once: {', '.join(again)}"] if again else []
        wrong += [f"not answered: {', '.join(none)}"] if none else []
        mend = "yield one Artifact or Failure for each request, with its request_id, and nothing else"
        wanted = f"{len(requests)} requests answered once each"
        yield finding("answers", wanted, "; ".join(wrong) or "so they were", not wrong, mend)
        bad = [f"{name}: {message}" for name, message in made.failures.items()]
        mend = "these are plain requests on pictures of rendered faces; look at the reason it gives"
        yield finding("answers", "an Artifact for each", "; ".join(bad) or "all there", not bad, mend)

    def check_media(self) -> Iterator[Finding]:
        """What it hands back can be kept, and has the size asked for."""
        made = self._first
        mend = "(H, W, 3) uint8 RGB frames, mono float32 sound without NaN, or a whole file; facts that JSON can say"
        wanted = f"{self.card.modality} of the right shape, type and values"
        yield finding("media", wanted, "; ".join(made.wrong) or f"{len(made.contents)} kept", not made.wrong, mend)
        asked = self.bench.output
        if asked.width is None or not made.facts:
            yield Finding(point="media", status="skipped", expected="the size asked for", found="no size was asked for")
            return
        sizes = {(facts.get("width"), facts.get("height")) for facts in made.facts.values()}
        found = ", ".join(f"{width} x {height}" for width, height in sorted(sizes, key=str))
        wanted, mend = f"{asked.width} x {asked.height}", "read request.output.width and .height; resize if need be"
        yield finding("media", wanted, found, sizes == {(asked.width, asked.height)}, mend)

    def check_seeds(self) -> Iterator[Finding]:
        """The same request gives the same content, another one another."""
        again = make(self.bench, self._there(), self.bench.requests(), 2)
        mend = "draw from numpy.random.default_rng(request.seed) or a torch.Generator of your own, never a global state"
        yield self._same("seeds", again, "the same content for the same request", mend)
        if "target" in self.card.uses:
            what, mend = "other targets give other content", "the output must depend on request.target"
        else:
            what, mend = "other seeds give other content", "the output must depend on request.seed"
        contents = list(self._first.contents.values())
        found = f"{len(set(contents))} different among {len(contents)}"
        wanted = min(len(contents), len(self.bench.targets)) if "target" in self.card.uses else len(contents)
        yield finding("seeds", what, found, bool(contents) and len(set(contents)) >= wanted, mend)

    def check_round_trip(self) -> Iterator[Finding]:
        """A fresh instance that loads what `save` wrote gives the same content."""
        wanted = "a new instance gives the same content, after load() if there are weights"
        mend = "save everything that generate() reads: sizes and options as JSON, tensors as safetensors"
        try:
            other = self.bench.build()
            self._load(other)
        except Exception as error:  # noqa: BLE001
            yield finding("save and load", wanted, f"{type(error).__name__}: {error}", False, mend)
            return
        yield self._same("save and load", make(self.bench, other, self.bench.requests(), 3), wanted, mend)

    def check_order(self) -> Iterator[Finding]:
        """Content depends on nothing but the request."""
        backwards = make(self.bench, self._there(), self.bench.requests()[::-1], 4)
        mend = "reset state between requests; do not let the place in a batch change the numbers"
        yield self._same("order", backwards, "the same content when asked in another order", mend)
        alone = make(self.bench, self._there(), self.bench.requests()[-1:], 5)
        yield self._same("order", alone, "the same content when asked alone", mend, {self.bench.requests()[-1].id})

    def check_kind(self) -> Iterator[Finding]:
        """What its kind must say of itself."""
        if self.card.kind != "partially_synthetic" or self.card.modality == "audio":
            found = f"{self.card.kind}, {self.card.modality}: nothing more is needed"
            yield Finding(point="kind", status="skipped", expected="masks of what was changed", found=found)
            return
        wrong = []
        for name, mask in self._first.masks.items():
            facts = self._first.facts[name]
            if mask is None:
                wrong.append(f"{name}: no masks")
            elif mask != ((facts.get("height"), facts.get("width")), "uint8"):
                wrong.append(f"{name}: {mask[1]} {mask[0]}")
        wanted = "masks of what was changed: (H, W) uint8 of the picture's size, 255 = changed"
        mend = "give Artifact(masks=lambda: iter([mask])); over command and http: masks"
        yield finding("kind", wanted, "; ".join(wrong) or "all there", not wrong and bool(self._first.masks), mend)

    def check_failures(self) -> Iterator[Finding]:
        """A request that cannot be met is a Failure, and the others are met."""
        requests = self.bench.requests(3)
        if "target" in self.card.uses and requests[1].target is not None:
            broken = self.bench.scratch / f"broken{(requests[1].target.location or Path('x.png')).suffix}"
            broken.write_text("this is no picture")
            requests[1] = replace(requests[1], target=replace(requests[1].target, location=broken))
            what = "a Failure for a target that cannot be read, and Artifacts for the others"
        else:
            requests[1] = replace(requests[1], output=Output(width=17, height=9))
            what = "an Artifact or a Failure for a size of 17 x 9, and Artifacts for the others"
        made = make(self.bench, self._there(), requests, 6)
        wrong = [f"raised {made.raised}"] if made.raised else []
        if "target" in self.card.uses and requests[1].id in made.contents:
            wrong.append("an Artifact for the broken one")
        silent = [request.id for request in requests if request.id not in made.count]
        wrong += [f"no answer for {', '.join(silent)}"] if silent else []
        failed = [request.id for request in (requests[0], requests[2]) if request.id in made.failures]
        wrong += [f"a Failure for {', '.join(failed)}"] if failed else []
        mend = (
            "catch what goes wrong with one request: yield Failure(request_id=..., kind='error', message=...) and go on"
        )
        yield finding("failures", what, "; ".join(wrong) or "so it was", not wrong, mend)

    def check_empty(self) -> Iterator[Finding]:
        """No request, no answer."""
        made = make(self.bench, self._there(), [], 7)
        found = f"raised {made.raised}" if made.raised else f"{len(made.count) + len(made.strays)} answers"
        wanted, mend = "0 answers to no requests", "let an empty sequence of requests pass"
        yield finding("nothing asked", wanted, found, found == "0 answers", mend)

    def check_progress(self) -> Iterator[Finding]:
        """What it says of its progress is a share."""
        outside = [f"{fraction:g}" for fraction in self._first.fractions if not 0 <= fraction <= 1]
        if not self._first.fractions:
            yield Finding(point="progress", status="skipped", expected="shares in [0, 1]", found="it reports none")
            return
        mend = "call context.progress(done / all, message)"
        found = f"outside: {', '.join(outside[:5])}" if outside else f"{len(self._first.fractions)} reports"
        yield finding("progress", "shares in [0, 1]", found, not outside, mend)

    def _there(self) -> Generator:
        if self._system is None:
            raise InputError("it was not built")
        return self._system

    def _load(self, system: Generator | None) -> None:
        if system is not None and (self.card.fits or self.bench.handed_in):
            system.load(self.bench.weights)

    def _same(self, point: str, made: Made, wanted: str, mend: str, only: set[str] | None = None) -> Finding:
        first = {name: value for name, value in self._first.contents.items() if only is None or name in only}
        differ = sorted(name for name in first if made.contents.get(name) != first[name])
        if made.raised:
            found = f"raised {made.raised}"
        elif not first:
            found = "nothing to compare: no artifact came"
        else:
            found = f"different: {', '.join(differ)}" if differ else f"{len(first)} the same"
        return finding(point, wanted, found, bool(first) and not differ and not made.raised, mend)


STOPS = frozenset({"builds", "fit", "answers"})
"""Points behind which nothing can be checked if they fail."""


def check(bench: Bench) -> Iterator[Finding | str]:
    """Yield the name of each point before it is looked at, and what was found."""
    kit = Kit(bench)
    for point, look in kit.points().items():
        yield point
        lost = False
        try:
            for found in look():
                lost = lost or found.status == "failed"
                yield found
        except Exception as error:  # noqa: BLE001
            what = f"raised {type(error).__name__}: {error}"
            yield finding(point, "no exception", what, False, "mend what it names")
            lost = True
        if lost and (point in STOPS or (point == "media" and not kit.comparable)):
            return
