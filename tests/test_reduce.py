import pytest

from fauxbench.harness.reduce import _counted


@pytest.mark.parametrize(
    ("failures", "said"),
    [
        ({}, "no item came"),
        ({"unreadable": 1}, "1 item that was asked for did not come (unreadable)"),
        ({"timeout": 3}, "3 items that were asked for did not come (timeout)"),
        ({"timeout": 2, "error": 1}, "3 items that were asked for did not come (2 timeout, 1 error)"),
    ],
)
def test_what_did_not_come_is_a_sentence(failures: dict[str, int], said: str) -> None:
    assert _counted(failures) == said
