"""Steps that make MediaSets from what lies on a disk or from the studio."""

import os
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

from ...canonical import JSON
from ...datasets.folder import collect_outputs, index_folder
from ...datasets.published import index_published
from ...datasets.sealed import index_sealed
from ...datasets.studio_set import TERMS, studio_from_key, write_studio
from ...media.item import Modality, Split
from ...media.mediaset import MediaSet, MediaSetWriter, Terms
from ...metrics.sets import named, without_place
from ...store.memory import Memory
from ...store.store import Store
from ..step import Outcome, Step


def outcome_of_set(media: MediaSet) -> Outcome:
    """Return the outcome of a unit that made a set: its digest, and counts for the coordinator."""
    failures = Counter(missed.failure.kind for missed in media.missed)
    test_failures = Counter(missed.failure.kind for missed in media.missed if missed.split is Split.TEST)
    unread = {
        missed.failure.request_id: without_place(missed.failure.request_id, missed.failure.message)
        for missed in media.missed
        if missed.split is Split.TEST and missed.failure.kind == "unreadable"
    }
    splits = Counter(str(item.split) for item in media)
    facts: dict[str, JSON] = {
        "splits": dict(sorted(splits.items())),
        "asked": {str(split): count for split, count in sorted(media.asked().items())},
        "failures": dict(sorted(failures.items())),
        "test_failures": dict(sorted(test_failures.items())),
        "unread": list(named(unread)),
        "identities": {str(s): len({item.cluster for item in media.select(Split(s))}) for s in sorted(splits)},
        "targets": media.card.facts.get("targets"),
    }
    lengths = [float(item.facts["seconds"]) for item in media.select(Split.TEST) if "seconds" in item.facts]
    if lengths:
        facts["seconds"] = round(sum(lengths) / len(lengths), 3)
    return Outcome(output=media.digest, facts=facts)


def index(step: Step) -> Outcome:
    """Read a folder of real media, a sealed set, or a part of a published data set into a MediaSet."""
    path = Path(step.task["path"])
    terms = Terms.model_validate(step.key["terms"])
    origin = str(step.key.get("dataset", "folder"))
    writer = MediaSetWriter(step.out / "set", name=step.task["name"], origin=origin, terms=terms, roots={"data": path})
    memory = Memory(Store(step.store).memory_file)
    if "dataset" in step.key:
        writer.modality = Modality(step.key["modality"])
        outcome = outcome_of_set(index_published(path, writer, step.key, memory, step.progress))
        return replace(outcome, facts={**outcome.facts, "terms": terms.model_dump(mode="json")})
    if "sealed" in step.key:
        outcome = outcome_of_set(index_sealed(path, writer, step.key, memory, step.progress))
        return replace(outcome, facts={**outcome.facts, "terms": terms.model_dump(mode="json")})
    return outcome_of_set(index_folder(path, writer, step.key, memory, step.progress))


def render(step: Step) -> Outcome:
    """Render people who never lived into a MediaSet."""
    asked = studio_from_key(step.key)
    part = range(*step.key["part"]) if "part" in step.key else None
    writer = MediaSetWriter(step.out / "set", name="studio", origin="studio", modality=asked.modality, terms=TERMS)
    return outcome_of_set(write_studio(writer, asked, step.progress, dict(step.key["splits"]), part))


def gather(step: Step) -> Outcome:
    """Put the parts of a rendered set together, in order; files are linked where the disk knows links."""
    asked = studio_from_key(step.key)
    writer = MediaSetWriter(step.out / "set", name="studio", origin="studio", modality=asked.modality, terms=TERMS)
    for role in sorted(step.inputs, key=int):
        for item in step.set(role):
            place = writer.folder / item.path
            try:
                os.link(str(item.location), place)
            except OSError:
                shutil.copyfile(str(item.location), place)
            writer.keep(item)
    writer.facts = {"recipe": asked.digest}
    return outcome_of_set(writer.seal())


def collect(step: Step) -> Outcome:
    """Read outputs that a system made elsewhere into a MediaSet."""
    path = Path(step.task["path"])
    terms = Terms.model_validate(step.key["terms"])
    writer = MediaSetWriter(
        step.out / "set", name=step.key["system"], origin="folder", terms=terms, roots={"outputs": path}
    )
    real = step.set("real")
    memory = Memory(Store(step.store).memory_file)
    return outcome_of_set(collect_outputs(path, writer, step.key, real, memory, step.progress))
