import pytest

from fauxbench.harness.report import SUFFIXES, render, tables

LEARNT = "real 25 % + 1x synthetic"


def utility(sample, system, metric, value, half=None, **given):
    parts = {"task": "smile", "learned": given.pop("learned", LEARNT)}
    return sample.row(system, metric, value, half, section="utility", slice=parts, direction="higher", **given)


@pytest.fixture
def board(sample):
    rows = sample.realism_rows() + sample.detection_rows()
    rows += [
        utility(sample, "dcgan@1", "gain", 0.051, 0.02, p=0.001, detectable=0.04),
        utility(sample, "dcgan@2", "gain", -0.03, 0.01, p=0.0002, detectable=0.04),
        utility(sample, "swap_a@0.3", "gain", 0.004, 0.03, p=0.6, detectable=0.04),
        sample.row("dcgan@1", "marks", 1.0, section="safety", n=8, expected=8),
        sample.row("dcgan@2", "marks", 0.75, section="safety", n=8, expected=8, flags=("watermark not read: 2 of 8",)),
        sample.row("dcgan@1", "cleared", 1.0, section="safety"),
        sample.row("swap_a@0.3", "cleared", 0.0, section="safety", flags=("terms do not permit 'publish'",)),
        sample.row("dcgan@1", "memorisation[thumbnail]", 0.4, direction="none"),
    ]
    failing = sample.system("dcgan@2", flags=("fails memorisation",))
    systems = tuple(failing if one.name == "dcgan@2" else one for one in sample.results().systems)
    taught = {"dcgan@1": ("dcgan@1",), "dcgan@2": ("dcgan@2",)}
    return tables(sample.results(rows, systems=systems, taught=taught), version="0.0")["scoreboard"]


def line(board, name):
    (found,) = (one for one in board.rows if one.cells[0].text == name)
    return dict(zip((column.key for column in board.columns), found.cells, strict=True))


def test_everything_stands_side_by_side(board):
    one, two = line(board, "dcgan@1"), line(board, "dcgan@2")
    assert (one["realism"].value, two["realism"].bold) == (1.2345, True)
    assert (one["known"].value, one["unseen"].value) == (pytest.approx(0.99), pytest.approx(0.68))
    assert one["known"].footnotes[0] == "cnn trained on dcgan@1"
    assert [line(board, n)["evidence"].text for n in ("dcgan@1", "dcgan@2", "swap_a@0.3")] == [
        "more",
        "less",
        "no evidence",
    ]
    assert (one["marks"].text, two["marks"].text) == ("8 of 8", "6 of 8")
    assert two["marks"].footnotes == ("watermark not read: 2 of 8",)
    assert (one["cleared"].text, line(board, "swap_a@0.3")["cleared"].text) == ("clear", "not clear")
    assert (one["memorisation"].text, two["memorisation"].text) == ("passes", "fails")
    assert line(board, "swap_a@0.3")["known"].value is None  # no detector learnt from it


def test_kinds_are_panels_and_what_failed_has_its_line(board):
    assert [heading for heading, _ in board.panels()] == [
        "fully synthetic",
        "partially synthetic",
        "augmented real",
    ]
    assert "failed: fit raised" in line(board, "broken@1")["system"].footnotes[0]


def test_rows_of_another_protocol_do_not_compete(sample):
    rows = sample.realism_rows()
    other = rows[3].model_copy(update={"comparability": "sha256:other"})
    swapped = [other if row is rows[3] else row for row in rows]
    third = sample.row("broken@1", "fd[spectrum]", 0.5, 0.1, best=True)
    board = tables(sample.results([*swapped, third, *sample.detection_rows()]), version="0.0")["scoreboard"]
    assert not line(board, "dcgan@2")["realism"].bold
    assert "another protocol" in line(board, "dcgan@2")["realism"].footnotes[-1]


def test_no_scoreboard_where_there_is_one_thing_alone(sample):
    assert "scoreboard" not in tables(sample.results(sample.realism_rows()), version="0.0")


def test_every_form_holds_its_caption(board):
    for form in SUFFIXES:
        text = render(board, form)
        assert "8 of 8" in text
    assert all(word in board.caption for word in ("n = 200", "Holm", "95 %", "Realism: FD[spectrum]"))
