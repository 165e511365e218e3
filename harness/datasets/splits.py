"""Splits by identity: deterministic, published, disjoint."""

from collections.abc import Mapping

from ..canonical import digest_of
from ..errors import InputError
from ..media.item import Split


def split_identities(sizes: Mapping[str, int], shares: Mapping[str, float], seed: int) -> dict[str, Split]:
    """Assign every identity to one split, so that the number of items comes near the shares.

    Identities are ordered by the sha256 of seed and name, hence in the same order on every machine, and dealt to the
    split that is furthest below its share. A split with a share above 0 gets at least one identity.

    Args:
        sizes: Identity -> number of items.
        shares: Split -> share, adding up to 1.
        seed: Changes the order.

    Raises:
        InputError: Fewer identities than splits with a share above 0.
    """
    wanted = {Split(name): share for name, share in shares.items() if share > 0}
    if len(sizes) < len(wanted):
        raise InputError(
            f"{len(sizes)} identities cannot be split into {', '.join(wanted)}: splits are disjoint in identity; "
            "give more identities, or set the share of a split to 0"
        )
    total = sum(sizes.values())
    filled = dict.fromkeys(wanted, 0)
    assigned: dict[str, Split] = {}
    order = sorted(sizes, key=lambda name: digest_of([seed, name]))
    for place, identity in enumerate(order):
        empty = [split for split in wanted if filled[split] == 0]
        open_splits = empty if len(order) - place <= len(empty) else list(wanted)
        split = min(open_splits, key=lambda s: filled[s] / (wanted[s] * total))
        assigned[identity] = split
        filled[split] += sizes[identity]
    return assigned
