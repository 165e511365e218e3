"""Train the detectors that come with the package: `python -m fauxbench.harness.training.detectors [NAME ...]`.

They learn studio portraits at 64 px against what `dcgan` makes of them; portraits that `environment` changed count as
real. What is measured are other people, and other pictures of the same generator. About two minutes on one core.
Weights go beside each detector's code, their digests into its card.
"""

import argparse
import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..canonical import digest_of_file
from ..contracts import Artifact, Context, Detector, FitTask, Generator, Output, Request
from ..datasets.studio.recipe import RESERVED_PEOPLE, StudioRecipe, render_pictures
from ..media.content import ImageMedia
from ..media.encode import write_media
from ..media.item import Item, Kind, Modality
from ..registry import DETECTORS, GENERATORS, load_class

SIZE, SEED = 64, 0
PEOPLE = {"train": 32, "validation": 12, "test": 20}
PER_PERSON = 6
FIRST = RESERVED_PEOPLE + 980_000
"""People that are in no data set and in no other training."""
PARAMETERS: Mapping[str, Mapping[str, Any]] = {"cnn": {"steps": 120}, "spectrum": {}, "dcgan": {"steps": 500}}
RECIPE = "fauxbench.harness.training.detectors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What there is to learn and to measure, by split."""

    real: Mapping[str, list[Item]]
    fake: Mapping[str, list[Item]]
    changed: Mapping[str, list[Item]]
    """Augmented real: not fake."""

    def learnt(self, split: str) -> list[Item]:
        """Return everything of a split."""
        return [*self.real[split], *self.fake[split], *self.changed[split]]


def material(folder: Path, people: Mapping[str, int] = PEOPLE, steps: int | None = None) -> Material:
    """Render people, train a generator on those of the train split, and let it and `environment` make their share."""
    real = {split: _real(folder, split, people) for split in people}
    context = Context(seed=SEED, scratch=folder)
    maker = _generator("dcgan", {} if steps is None else {"steps": steps})
    editor = _generator("environment", {})
    maker.fit(FitTask(train=tuple(real["train"]), output=Output(width=SIZE, height=SIZE)), context)
    fake = {split: list(_made(folder, maker, split, items, context)) for split, items in real.items()}
    changed = {split: list(_made(folder, editor, split, items, context)) for split, items in real.items()}
    return Material(real=real, fake=fake, changed=changed)


def _real(folder: Path, split: str, people: Mapping[str, int]) -> list[Item]:
    first = FIRST + sum(count for name, count in people.items() if list(people).index(name) < list(people).index(split))
    recipe = StudioRecipe(people=people[split], per_person=PER_PERSON, size=SIZE, seed=SEED, first_person=first)
    found = []
    for place, picture in enumerate(render_pictures(recipe)):
        name = f"real-{split}-{place}"
        path, _, _ = write_media(folder, name, ImageMedia(pixels=picture.pixels))
        found.append(Item(id=name, modality=Modality.IMAGE, kind=Kind.REAL, group="studio", location=path))
    return found


def _generator(name: str, given: Mapping[str, Any]) -> Generator:
    part = GENERATORS.find(name, Path())
    built = load_class(part.spec, Generator)(part.card, part.card.fill({**PARAMETERS.get(name, {}), **given}))
    assert isinstance(built, Generator)
    return built


def _made(folder: Path, maker: Generator, split: str, real: Sequence[Item], context: Context) -> Iterator[Item]:
    group, kind = f"{maker.card.name}@{maker.card.version}", Kind(getattr(maker.card, "kind", ""))
    salt = list(PEOPLE).index(split) << 20
    requests = [
        Request(
            id=f"{maker.card.name}-{split}-{place}",
            seed=salt + place,
            target=item,
            output=Output(width=SIZE, height=SIZE),
        )
        for place, item in enumerate(real)
    ]
    for made in maker.generate(requests, context):
        if isinstance(made, Artifact):
            path, _, _ = write_media(folder, made.request_id, made.media)
            fake = kind.fakes(Modality.IMAGE).visual
            item = Item(id=made.request_id, modality=Modality.IMAGE, kind=kind, group=group, location=path)
            yield replace(item, visual_fake=fake)


def trained(name: str, found: Material, folder: Path, given: Mapping[str, Any] | None = None) -> Detector:
    """Return a detector trained on `found`."""
    part = DETECTORS.find(name, Path())
    parameters = part.card.fill({**PARAMETERS.get(name, {}), **(given or {})})
    detector = load_class(part.spec, Detector)(part.card, parameters)
    assert isinstance(detector, Detector)
    detector.fit(found.learnt("train"), found.learnt("validation"), Context(seed=SEED, scratch=folder))
    return detector


def measured(detector: Detector, found: Material, folder: Path) -> dict[str, float]:
    """Return the AUC of held-out real against fake, and the shares called fake at the threshold."""
    from sklearn.metrics import roc_auc_score

    context = Context(seed=SEED, scratch=folder)
    real, fake, changed = (
        np.array([record.fake for record in detector.score(items["test"], context)], dtype=np.float64)
        for items in (found.real, found.fake, found.changed)
    )
    truth = np.repeat([0, 1], [len(real), len(fake)])
    return {
        "auc": round(float(roc_auc_score(truth, np.concatenate([real, fake]))), 4),
        "recall": round(float(np.mean(fake >= detector.threshold)), 4),
        "false_alarms": round(float(np.mean(real >= detector.threshold)), 4),
        "false_alarms_changed": round(float(np.mean(changed >= detector.threshold)), 4),
    }


def install(detector: Detector, home: Path, numbers: Mapping[str, float]) -> None:
    """Write the weights beside the code in `home`, and their digests into the card there."""
    weights = home / "weights"
    detector.save(weights)
    config = weights / "config.json"
    about = json.loads(config.read_text(encoding="utf-8")) | {"recipe": RECIPE, "measured": dict(numbers)}
    config.write_text(json.dumps(about, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    card = home / "card.toml"
    text = re.sub(r"\n\[weights\]\n(.+\n)*", "", card.read_text(encoding="utf-8")).rstrip()
    files = [f'"{file.name}" = "{digest_of_file(file)}"' for file in sorted(weights.iterdir())]
    card.write_text(text + "\n\n[weights]\n" + "\n".join(files) + "\n", encoding="utf-8")


def main() -> None:
    """Train, measure and install."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=["cnn", "spectrum"])
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        found = material(folder)
        for name in parser.parse_args().names:
            detector = trained(name, found, folder)
            install(detector, DETECTORS.find(name, Path()).folder, measured(detector, found, folder))


if __name__ == "__main__":
    main()
