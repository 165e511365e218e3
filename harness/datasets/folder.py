"""The `folder` data set, and finished outputs of a system in a folder."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..canonical import JSON, digest_of
from ..errors import Failure, MediaError
from ..media.content import ImageMedia
from ..media.images import crop_square, read_image, resize
from ..media.item import Item, Kind, Modality, Split
from ..media.mediaset import MediaSet, MediaSetWriter
from ..media.read import content_of, modality_of
from ..store.memory import Memory, Seen
from .listing import Listed, list_folder, list_media
from .manifest import Output
from .splits import split_identities

Progress = Callable[[float, str], None]
REMEMBER_EVERY = 200
"""Files after which content digests are written to memory, so that a killed run does not read them again."""


def index_folder(
    folder: Path, writer: MediaSetWriter, key: Mapping[str, JSON], memory: Memory, progress: Progress
) -> MediaSet:
    """Read a folder into `writer` and seal it.

    Every file is decoded once; one that cannot be is a counted failure. With `key["size"]`, pictures become square
    copies of that side; otherwise they are referenced where they lie.

    Args:
        folder: The root; `key["identities"]` says how it is laid out, `key["splits"]` and `key["seed"]` how it is cut.
        writer: An empty set with a root `data` at `folder`.
        key: The unit's key.
        memory: Remembers digests of unchanged files.
        progress: Told of every file.
    """
    listed = list_folder(folder, key["identities"])
    sizes = Counter(one.identity or one.path for one in listed)
    splits = split_identities(sizes, key["splits"], int(key["seed"]))
    reader = Reader(folder, memory, str(key["code"]))
    for place, one in enumerate(listed):
        identity = one.identity or one.path
        item = Item(
            id=one.path,
            modality=one.modality,
            kind=Kind.REAL,
            group=writer.name,
            split=splits[identity],
            clusters={"identity": identity} if one.identity else {},
        )
        try:
            if key.get("size") and one.modality is Modality.IMAGE:
                _add_resized(writer, item, folder / one.path, int(key["size"]))
            else:
                content, facts = reader.content(one)
                writer.refer(replace(item, facts=facts), root="data", path=one.path, content=content)
        except MediaError as error:
            writer.fail(Failure(request_id=one.path, kind="unreadable", message=str(error)), item.split, item.cluster)
        progress((place + 1) / len(listed), f"{place + 1} of {len(listed)} files")
    reader.flush()
    return writer.seal()


def _add_resized(writer: MediaSetWriter, item: Item, path: Path, size: int) -> None:
    pixels = read_image(path)
    facts = {"resized_from": f"{pixels.shape[1]}x{pixels.shape[0]}"}
    writer.add(replace(item, facts=facts), ImageMedia(pixels=resize(crop_square(pixels), size, size)))


class Reader:
    """Digests files, remembering those that have not changed."""

    def __init__(self, folder: Path, memory: Memory, code: str) -> None:
        self.folder = folder
        self.memory = memory
        self.code = code
        self._fresh: list[tuple[Seen, str, dict[str, JSON]]] = []

    def content(self, one: Listed) -> tuple[str, dict[str, JSON]]:
        """Return the content digest and the facts of a file.

        Raises:
            MediaError: It cannot be decoded.
        """
        path = self.folder / one.path
        try:
            seen = Seen.now(path, self.code)
        except OSError as error:
            raise MediaError(f"{path}: {error.strerror}") from error
        known = self.memory.content(seen)
        if known:
            return known
        digest, facts = content_of(path, one.modality)
        self._fresh.append((seen, digest, facts))
        if len(self._fresh) >= REMEMBER_EVERY:
            self.flush()
        return digest, facts

    def flush(self) -> None:
        """Remember what was read."""
        self.memory.remember_content(self._fresh)
        self._fresh = []


def collect_outputs(
    folder: Path,
    writer: MediaSetWriter,
    key: Mapping[str, JSON],
    real: MediaSet,
    memory: Memory,
    progress: Progress,
) -> MediaSet:
    """Read a system's finished outputs into `writer` and seal it.

    If more outputs belong to a split than `key["counts"]` asks for, a fixed selection of that many is taken, so that
    every system is measured at the same N. A target that the real set does not know is a counted failure. With
    `key["size"]`, pictures are cropped and resized as the real ones are.
    """
    manifest = key.get("manifest_rows")
    outputs = [Output(*row) for row in manifest] if manifest else _outputs_by_name(folder, real)
    outputs = _limit(_assign_splits(outputs, key), {Split(s): int(n) for s, n in dict(key["counts"]).items()})
    kind = Kind(key["kind"])
    made_from = [[output.target] for output in outputs if output.target and output.split is Split.TEST]
    if made_from:
        writer.facts["targets"] = digest_of(sorted(made_from))
    reader = Reader(folder, memory, str(key["code"]))
    targets = {item.id: item for item in real}
    for place, output in enumerate(outputs):
        try:
            item = _item_of_output(output, kind, writer.name, targets)
            if key.get("size") and item.modality is Modality.IMAGE:
                _add_resized(writer, item, folder / output.file, int(key["size"]))
            else:
                content, facts = reader.content(Listed(output.file, None, item.modality))
                writer.refer(replace(item, facts=facts), root="outputs", path=output.file, content=content)
        except MediaError as error:
            writer.fail(Failure(request_id=output.id, kind="unreadable", message=str(error)), output.split)
        progress((place + 1) / len(outputs), f"{place + 1} of {len(outputs)} files")
    reader.flush()
    return writer.seal()


def _outputs_by_name(folder: Path, real: MediaSet) -> list[Output]:
    """List outputs; one with the path (but for the suffix) of a real Item was made from it."""
    stems = {Path(item.id).with_suffix("").as_posix(): item.id for item in real}
    outputs = []
    for path in list_media(folder):
        name = path.relative_to(folder)
        target = stems.get(name.with_suffix("").as_posix())
        outputs.append(Output(name.as_posix(), name.as_posix(), None, None, target, None))
    return outputs


def _assign_splits(outputs: Sequence[Output], key: Mapping[str, JSON]) -> list[Output]:
    if any(output.split for output in outputs) or not key.get("splits"):
        return [output._replace(split=output.split or Split.TEST) for output in outputs]
    groups = Counter(output.target or output.id for output in outputs)
    splits = split_identities(groups, key["splits"], int(key["seed"]))
    return [output._replace(split=splits[output.target or output.id]) for output in outputs]


def _limit(outputs: Sequence[Output], counts: Mapping[Split, int]) -> list[Output]:
    kept: list[Output] = []
    for split in Split:
        mine = [output for output in outputs if output.split == split]
        chosen = sorted(mine, key=lambda output: digest_of(output.id))[: counts.get(split, len(mine))]
        ids = {output.id for output in chosen}
        kept += [output for output in mine if output.id in ids]
    return kept


def _item_of_output(output: Output, kind: Kind, group: str, targets: Mapping[str, Item]) -> Item:
    target = targets.get(output.target) if output.target else None
    if output.target and target is None:
        raise MediaError(f"{output.file}: its target '{output.target}' is not in the real set")
    modality = modality_of(Path(output.file))
    if modality is None:
        raise MediaError(f"{output.file}: not a picture, clip or sound that fauxbench reads")
    fakes = kind.fakes(modality)
    return Item(
        id=output.id,
        modality=modality,
        kind=kind,
        visual_fake=fakes.visual,
        audio_fake=fakes.audio,
        group=group,
        split=output.split,
        language=output.language,
        sources=(target.id,) if target else (),
        clusters=dict(target.clusters) if target else {},
        seed=output.seed,
    )
