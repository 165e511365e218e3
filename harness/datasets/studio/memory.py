"""A small memory of what the frames of a clip share."""

from collections.abc import Callable, Hashable, Mapping
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Memory(Generic[Value]):
    """Hold the last few results by key, oldest out first; two threads may make the same value twice, to no harm."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._held: dict[Hashable, Value] = {}

    def recall(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return the value of a key, made anew if it is not held."""
        value = self._held.get(key)
        if value is None:
            value = make()
            for old in list(self._held)[: max(0, len(self._held) + 1 - self._size)]:
                self._held.pop(old, None)
            self._held[key] = value
        return value


def scene_key(scene: Mapping[str, float]) -> tuple[float, ...]:
    """Return all that a scene's frames share: everything but the noise and the compression."""
    return tuple(value for name, value in scene.items() if name not in ("noise_seed", "jpeg_quality"))
