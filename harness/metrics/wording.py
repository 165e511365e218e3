"""Numbers with their nouns, as reasons, flags and captions print them."""


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun: `1 item`, `2 items`.

    Args:
        number: How many.
        one: The noun for one.
        many: For any other number; by default with an s.
    """
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def too_few(number: int, one: str, least: int) -> str:
    """Return that there are fewer than are needed: `1 item, at least 2 are needed`."""
    return f"{counted(number, one)}, at least {least} {'is' if least == 1 else 'are'} needed"
