import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fauxbench.harness.contracts import ScoreRecord
from fauxbench.harness.errors import InputError
from fauxbench.harness.stats.intake import settle
from fauxbench.harness.stats.score_file import read_score_file, write_score_file


def read(tmp_path, text, name="scores.csv"):
    (tmp_path / name).write_bytes(text.encode())
    return read_score_file(tmp_path / name)


def of(found, system, items, others=None):
    return {one.item: one for one in found.of_system(system, set(items), others or {})}


def test_a_table_of_scores(tmp_path):
    found = read(tmp_path, "\ufeffItem,Score\r\na,0.25\r\nb, 1 \r\n\r\nc,\r\nd,nan\r\ne,high\r\n")
    records = of(found, "real", "abcde")
    assert (records["a"].fake, records["b"].fake) == (0.25, 1.0)
    settled, strays = settle(records.values(), list("abcdef"))
    assert [one.status for one in settled] == ["ok", "ok", "missing", "error", "error", "missing"]
    assert settled[3].reason == "invalid: P(fake) must lie in [0, 1], found nan"
    assert settled[4].reason == "invalid: 'high' is no number"
    assert strays == {}


def test_frames_are_lines_of_their_own(tmp_path):
    found = read(tmp_path, "item\tseconds\tfake\na\t0.0\t0.25\na\t1.0\t0.75\nb\t0\t0.1\nb\t\t0.9\n", "s.tsv")
    records = of(found, "real", "ab")
    assert (records["a"].fake, records["a"].frames) == (0.5, ((0.0, 0.25), (1.0, 0.75)))
    assert (records["b"].fake, records["b"].frames) == (0.9, ((0.0, 0.1),))


def test_sets_that_share_ids_need_a_system(tmp_path):
    others = {"gan@1": {"a", "c"}}
    found = read(tmp_path, "item,score\na,0.5\nb,0.5\nc,0.5\nz,0.5\n")
    records = of(found, "real", "ab", others)
    assert records["a"].status == "error"
    assert "the id stands in gan@1, real; give the file a column 'system'" in records["a"].reason
    assert set(records) == {"a", "b", "z"}  # z is nobody's: the real set counts it as unknown
    assert set(of(found, "gan@1", "ac", {"real": {"a", "b"}})) == {"a", "c"}
    named = read(tmp_path, "item,score,system\na,0.25,real\na,0.75,gan@1\na,0.5,gone@1\n")
    assert of(named, "real", "ab", others)["a"].fake == 0.25
    assert of(named, "gan@1", "ac", {"real": {"a", "b"}})["a"].fake == 0.75
    _, strays = settle(named.of_system("real", {"a", "b"}, others), ["a", "b"])
    assert strays == {"unknown": 1}


def test_status_and_reason_are_kept(tmp_path):
    found = of(
        read(tmp_path, "item,score,status,reason\na,,error,no face\nb,0.5,missing,\nc,0.5,well,\n"), "real", "abc"
    )
    assert (found["a"].status, found["a"].reason, found["b"].fake) == ("error", "no face", None)
    assert (found["c"].status, found["c"].reason) == ("error", "invalid: status 'well'")


def test_parquet(tmp_path):
    frames = [[{"seconds": 0.0, "score": 0.5}], []]
    table = pa.table({"item": ["a", "b"], "score": [0.5, None], "frames": frames, "detector": ["x", "x"]})
    pq.write_table(table, tmp_path / "s.parquet")
    found = of(read_score_file(tmp_path / "s.parquet"), "real", "ab")
    assert (found["a"].frames, found["b"].status) == (((0.0, 0.5),), "missing")
    pq.write_table(table.set_column(3, "detector", pa.array(["x", "y"])), tmp_path / "s.parquet")
    with pytest.raises(InputError, match=r"scores of 2 detectors \(x, y\); keep one"):
        read_score_file(tmp_path / "s.parquet")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("s.csv", "", "expected the columns item and score in the first line, found nothing"),
        ("s.csv", "id,score\na,1\n", "found id, score"),
        ("s.txt", "item,score\n", "expected a file of scores, .csv, .tsv, .parquet"),
        ("s.parquet", "item,score\n", "cannot be read"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, name, text, message):
    with pytest.raises(InputError, match=message):
        read(tmp_path, text, name)


def test_what_is_written_is_read(tmp_path):
    records = [
        ScoreRecord(item="a, b", fake=0.1, frames=((0.0, 0.1), (0.5, 0.3))),
        ScoreRecord(item="c", status="error", reason='no "face"'),
    ]
    write_score_file(tmp_path / "s.csv", (("real", one) for one in records))
    found = of(read_score_file(tmp_path / "s.csv"), "real", ["a, b", "c"])
    assert list(found.values()) == records


def test_frames_that_are_no_probability_are_counted():
    given = [ScoreRecord(item="a", fake=0.5, frames=((0.0, 0.5), (1.0, math.nan), (2.0, 7.0)))]
    settled, strays = settle(given, ["a"])
    assert settled[0].frames == ((0.0, 0.5),)
    assert strays == {"unusable frames": 2}
