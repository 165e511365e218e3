"""A detector that is a service: one POST for each item.

The body of the request is JSON:

    {"protocol": 1, "system": "name@version", "parameters": {...}, "item": ITEM}

where an ITEM is `{"id", "modality", "language", "content_type", "data"}` with its file in base64. The answer has status
200 and is JSON, with P(fake), 1 = fake; frames are optional:

    {"fake": 0.9, "frames": [[0.0, 0.8], ...]}, {"missing": "no face"} or {"failure": {"message": "..."}}

A header `Fauxbench-Version` must equal the version that is declared of it.
"""

import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ..canonical import JSON
from ..cards import DetectorCard
from ..contracts import Context, Detector, ScoreRecord
from ..errors import InputError, MediaError
from ..media.item import Item
from .service import ANSWER, Broken, Service, item_with_data
from .spec import HttpSpec
from .verdicts import record_of
from .wire import PROTOCOL, read_object, stop_after

GIVE_UP_AFTER = 3
"""Items in a row for which there was no connection, after which the rest are not tried."""


class HttpDetector(Detector):
    """A detector that is a service; it is not trained here."""

    def __init__(
        self,
        card: DetectorCard,
        parameters: Mapping[str, JSON],
        spec: HttpSpec,
        token: str | None = None,
        *,
        threshold: float = 0.5,
    ) -> None:
        super().__init__(card, parameters)
        self.spec = spec
        self.threshold = threshold
        self._service = Service(spec, card.version, token)

    def score(self, items: Sequence[Item], context: Context) -> Iterator[ScoreRecord]:
        """Ask about one item after the other; what goes wrong with one is its record.

        Raises:
            InputError: Nothing listens at the address.
        """
        deadline = time.monotonic() + stop_after(context.time_limit) if context.time_limit else float("inf")
        place = Path(tempfile.mkdtemp(prefix="http-", dir=context.scratch))
        lost, reached = 0, False
        try:
            for done, item in enumerate(items, 1):
                if lost >= GIVE_UP_AFTER:
                    reason = f"not tried: no connection to {self.spec.url} for {lost} items in a row"
                    yield ScoreRecord(item=item.id, status="error", reason=reason)
                    continue
                record, broken = self._one(item, place, deadline)
                lost, reached = (lost + 1, reached) if broken else (0, True)
                if broken and not reached and lost == min(GIVE_UP_AFTER, len(items)):
                    raise InputError(str(record.reason))
                yield record
                context.progress(done / len(items), f"{done} of {len(items)} items")
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def _one(self, item: Item, place: Path, deadline: float) -> tuple[ScoreRecord, bool]:
        """Return what is said of an item, and whether there was no connection."""
        if item.location is None:
            return ScoreRecord(item=item.id, status="missing", reason="no file on this machine"), False
        try:
            document = {
                "protocol": PROTOCOL,
                "system": f"{self.card.name}@{self.card.version}",
                "parameters": dict(self.parameters),
                "item": item_with_data(item),
            }
            reply = self._service.ask(json.dumps(document).encode(), place / "body", deadline)
            if reply.type != ANSWER:
                raise ValueError(f"expected {ANSWER}, found {reply.type}")  # noqa: TRY301 - one kind of wrong answer
            return record_of(item.id, read_object(reply.body.read_bytes())), False
        except Broken as error:
            return ScoreRecord(item=item.id, status="error", reason=str(error)), error.kind == "crashed"
        except (MediaError, ValueError) as error:
            return ScoreRecord(item=item.id, status="error", reason=str(error)), False
