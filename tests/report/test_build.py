import pytest
from hypothesis import given
from hypothesis import strategies as st

from fauxbench.harness.report import measure_table, tables
from fauxbench.harness.report.panels import deal, system_cell
from fauxbench.harness.report.words import metric_label


def cells(table, name):
    """The line of a system, by column."""
    for line in table.rows:
        if line.cells[0].text == name:
            return dict(zip((column.key for column in table.columns), line.cells, strict=True))
    raise AssertionError(f"{name} is not in {table.name}")


def systems(table):
    return [line.cells[0].text for line in table.rows]


@pytest.fixture
def built(sample):
    return tables(sample.results(), version="0.0")


def test_names_and_order(built):
    assert list(built) == [
        "scoreboard",
        "realism",
        "realism-augmented_real",
        "detection",
        "matrix-cnn-accuracy",
        "matrix-cnn-f1",
        "matrix-cnn-auc",
        "false_alarms",
    ]
    assert all(name == table.name for name, table in built.items())


def test_the_control_comes_first_then_kind_by_kind_then_what_failed(built):
    assert systems(built["realism"]) == [
        *("real (held out)", "real (degraded)", "dcgan@1", "dcgan@2", "broken@1", "swap_a@0.3"),
    ]
    assert [line.panel for line in built["realism"].rows] == ["", "", *["fully synthetic"] * 3, "partially synthetic"]


def test_another_protocol_never_shares_a_column(built):
    apart = built["realism-augmented_real"]
    assert systems(apart) == ["environment@1"]
    assert cells(apart, "environment@1")["fd[spectrum]"].value == 0.3
    assert "A table of its own" in apart.caption
    assert "A table of its own" not in built["realism"].caption


def test_bold_is_the_row_s_own_mark(built):
    found = built["realism"]
    assert cells(found, "dcgan@2")["fd[spectrum]"].bold
    assert cells(found, "swap_a@0.3")["fd[spectrum]"].bold
    assert not cells(found, "dcgan@1")["fd[spectrum]"].bold
    assert not cells(found, "real (held out)")["fd[spectrum]"].bold


def test_positions_stand_beside_their_metric(built):
    found = built["realism"]
    keys = [column.key for column in found.columns]
    assert keys == ["system", "n", "fd[spectrum]", "fd[spectrum]_position", "inception score"]
    places = {name: cells(found, name)["fd[spectrum]_position"] for name in systems(found)}
    assert {name: cell.value for name, cell in places.items()} == {
        "real (held out)": 0,
        "real (degraded)": 1,
        "dcgan@1": 6.112,
        "dcgan@2": -0.004,
        "broken@1": None,
        "swap_a@0.3": None,
    }
    assert places["swap_a@0.3"].footnotes == ("failed (timeout): at n 190",)
    assert "(down by 1.5), n 200 on each side" in found.caption


def test_where_the_degradation_is_not_seen_a_note_says_so(sample):
    blind = sample.position(None, "the degradation is not seen at n 200")
    rows = [sample.row("real", "fd[spectrum]", 0.1), sample.row("dcgan@1", "fd[spectrum]", 0.2, position=blind)]
    found = tables(sample.results(rows), version="0.0")["realism"]
    assert [column.key for column in found.columns] == ["system", "n", "fd[spectrum]"]
    assert found.notes == ("FD[spectrum]: no position: the degradation is not seen at n 200",)


def test_the_caption_says_what_was_asked_of_instruments(sample):
    rows = []
    for metric, options in (("fid", {"resize": "tf1", "precision": "bf16"}), ("kid", {"resize": "tf1"}), ("is", {})):
        protocol = {"metric": metric, **({"options": options} if options else {})}
        rows.append(sample.row("dcgan@1", metric, 0.1, protocol=protocol))
    words = "Protocol: FID with resize tf1, precision bf16; KID with resize tf1."
    assert words in tables(sample.results(rows), version="0.0")["realism"].caption
    assert words in measure_table(rows).caption


def test_detection_is_never_bold(sample):
    rows = [row.model_copy(update={"best": True}) for row in sample.detection_rows()]
    for table in tables(sample.results(rows), version="0.0").values():
        assert not any(cell.bold for line in table.rows for cell in line.cells)


def test_footnotes_say_what_is_missing(built):
    found = built["realism"]
    assert "fid" not in cells(found, "dcgan@1")  # a column of dashes says no more than a note does
    assert found.notes == ("FID: not computed: weights missing, see doctor",)
    assert cells(found, "swap_a@0.3")["inception score"].footnotes == (
        "180 of 200 items (20 error); below 95 % coverage, not ranked",
    )
    assert cells(found, "swap_a@0.3")["n"].text == "180–194"
    assert cells(found, "broken@1")["system"].footnotes[0].startswith("failed: fit raised")
    assert {cell.text or cell.value for cell in list(cells(found, "broken@1").values())[1:]} == {None}


def test_footnotes_of_controls_are_of_real_items(sample):
    asked = {"reason": "synthetic set: 1 item, at least 2 are needed"}
    flags = ("no interval: 1 synthetic and 2 real clusters, at least 3 are needed",)
    rows = [sample.row(name, "fd[spectrum]", None, **asked) for name in ("real", "dcgan@1")]
    rows += [sample.row(name, "kd[spectrum]", 0.5, flags=flags) for name in ("real", "dcgan@1")]
    lines = {line.cells[0].text: line.cells for line in tables(sample.results(rows), version="0.0")["realism"].rows}
    held, made = ([note for cell in lines[name] for note in cell.footnotes] for name in ("real (held out)", "dcgan@1"))
    assert made == [asked["reason"], *flags]
    assert held == [note.replace("synthetic", "held-out") for note in made]


@pytest.mark.parametrize(("count", "words"), [(1, "(1 item, 1 identity)"), (2, "(2 items, 2 identities)")])
def test_one_is_one_item(sample, count, words):
    facts = {"dataset": "orl", "splits": {"test": count}, "identities": {"test": count}}
    rows = [sample.row("dcgan@1", "fd[spectrum]", 0.5, n=0, expected=count, failures={"error": count})]
    table = tables(sample.results(rows, reference=facts), version="0.0")["realism"]
    noun = "item" if count == 1 else "items"
    assert words in table.caption
    assert f"n = {count} {noun} a set" in table.caption
    assert any(note.startswith(f"0 of {count} {noun} (") for note in table.footnotes())


def test_a_failed_system_with_rows_is_shown_once(sample):
    rows = [*sample.realism_rows(), sample.row("broken@1", "fd[spectrum]", None, reason="no set")]
    found = tables(sample.results(rows), version="0.0")["realism"]
    assert systems(found).count("broken@1") == 1
    assert cells(found, "broken@1")["fd[spectrum]"].footnotes == ("no set",)


def test_detection_has_a_panel_for_each_detector_and_training_set(built):
    found = built["detection"]
    assert [heading for heading, _ in found.panels()] == [
        "cnn trained on dcgan@1",
        "cnn trained on dcgan@2",
        "no set to test on",
    ]
    assert [column.key for column in found.columns] == ["system", "n", "accuracy", "f1", "auc"]
    assert "Threshold from validation." in found.caption


def test_matrix(built):
    found = built["matrix-cnn-auc"]
    assert [column.key for column in found.columns] == ["train", "dcgan@1", "dcgan@2", "swap_a@0.3"]
    assert cells(found, "dcgan@2")["dcgan@1"].value == pytest.approx(0.68)
    assert cells(found, "dcgan@1")["dcgan@2"].value == pytest.approx(0.83)


def test_one_ranked_row_is_the_best_of_nothing(sample, built):
    assert not cells(built["realism-augmented_real"], "environment@1")["ssim"].bold
    assert "bold" not in built["realism-augmented_real"].caption
    rows = [row for row in sample.realism_rows() if row.system != "dcgan@2" and row.metric == "inception score"]
    assert not cells(tables(sample.results(rows), version="0.0")["realism"], "dcgan@1")["inception score"].bold


def test_matrix_with_holes_and_foreign_cells(sample):
    rows = {(row.slice["train"], row.system): row for row in sample.detection_rows() if row.metric == "auc"}
    a, b, c = rows["dcgan@1", "dcgan@1"], rows["dcgan@1", "dcgan@2"], rows["dcgan@2", "dcgan@1"]
    foreign = rows["dcgan@1", "swap_a@0.3"].model_copy(update={"comparability": "sha256:other"})
    found = tables(sample.results([a, b, c, foreign]), version="0.0")["matrix-cnn-auc"]
    assert cells(found, "dcgan@2")["dcgan@2"].value is None
    assert cells(found, "dcgan@1")["dcgan@1"].footnotes == ()
    assert "another protocol" in cells(found, "dcgan@1")["swap_a@0.3"].footnotes[0]


def test_thresholds_stand_side_by_side_and_the_matrix_has_the_one_from_validation(sample):
    rows = [
        sample.row(
            "dcgan@1",
            metric,
            value,
            section="detection",
            direction="none",
            slice={"detector": "cnn", "train": "all", "threshold": which},
            protocol={"metric": metric, "threshold": {"name": which, "value": at}},
            n_real=100,
        )
        for which, at, value in (("0.5", 0.5, 0.9), ("validation", 0.3, 0.8), ("pooled", 0.2, 0.7))
        for metric in ("balanced_accuracy", "accuracy", "specificity")
    ]
    built = tables(sample.results(rows), version="0.0")
    assert list(built) == ["detection", "detection-full", "thresholds", "matrix-cnn-accuracy"]
    found = cells(built["thresholds"], "dcgan@1")
    assert [found[f"balanced_accuracy at {which}"].value for which in ("0.5", "validation", "pooled")] == [
        0.9,
        0.8,
        0.7,
    ]
    assert (found["n"].value, found["n_real"].value) == (200, 100)
    assert "validation: chosen on the detector's own validation set (0.30)" in built["thresholds"].caption
    assert "Fakes are 67 % of a test set." in built["thresholds"].caption
    assert [line.panel for line in built["thresholds"].rows] == ["cnn trained on all"]
    assert cells(built["matrix-cnn-accuracy"], "all")["dcgan@1"].value == 0.8


def test_the_caption_names_the_policies(sample):
    one = {"section": "detection", "direction": "none", "slice": {"detector": "cnn", "train": "all"}}
    asked = {"metric": "auc", "pooling": "top-3", "missing": "worst"}
    caption = tables(sample.results([sample.row("dcgan@1", "auc", 0.9, protocol=asked, **one)]))["detection"].caption
    assert "Score of an item: top-3 over frames; an item without one has the worst for its class." in caption


def test_a_panel_says_in_what_its_protocol_differs(sample):
    parts = {"detector": "cnn", "train": "all", "threshold": "validation"}
    rows = [
        sample.row(
            name,
            "false_alarm_rate",
            0.1,
            section="false_alarms",
            direction="none",
            slice=parts,
            protocol={"metric": "x", "requests": {"n": n}},
        )
        for name, n in (("dcgan@1", 120), ("dcgan@2", 50))
    ]
    found = tables(sample.results(rows), version="0.0")["false_alarms"]
    assert [line.panel for line in found.rows][:2] == ["cnn trained on all", "cnn trained on all, n 50 instead of 120"]


def test_a_set_without_items_decides_no_protocol(sample):
    def rows(section, metric, **given):
        for name, n in (("dcgan@1", 0), ("dcgan@2", 2), ("swap_a@0.3", 2)):
            protocol = {"metric": metric, "requests": {"n": n}}
            value = 0.5 if n else None
            reason = None if n else "synthetic set: 0 items, at least 2 are needed"
            yield sample.row(name, metric, value, protocol=protocol, reason=reason, section=section, **given)

    control = sample.row("real", "fd[spectrum]", 0.1, protocol={"metric": "fd[spectrum]", "requests": {"n": 2}})
    judged = {"direction": "none", "slice": {"detector": "cnn", "train": "all", "threshold": "validation"}}
    found = [control, *rows("realism", "fd[spectrum]"), *rows("detection", "auc", **judged)]
    built = tables(sample.results(found), version="0.0")
    assert [name for name in built if name.startswith("realism")] == ["realism"]
    assert systems(built["realism"]) == ["real (held out)", "dcgan@2", "dcgan@1", "broken@1", "swap_a@0.3"]
    assert {line.panel for line in built["detection"].rows if line.cells[0].text != "broken@1"} == {
        "cnn trained on all"
    }
    (line,) = built["matrix-cnn-auc"].rows
    assert [cell.value for cell in line.cells[1:]] == [None, 0.5, 0.5]
    assert not any("another protocol" in note for cell in line.cells for note in cell.footnotes)


def test_controls_without_a_system_of_their_protocol_say_why(sample):
    rows = [
        sample.row(name, "fd[spectrum]", 0.1, protocol={"metric": "fd", "requests": {"n": n}})
        for name, n in (("real", 120), ("dcgan@1", 50))
    ]
    built = tables(sample.results(rows), version="0.0")
    apart = built["realism-real"]
    assert apart.title == "Realism, controls"
    assert "its protocol is not that of the first: n 120 instead of 50" in apart.caption


def test_conditions_have_tables_of_their_own(sample):
    rows = [*sample.realism_rows(), sample.row("dcgan@1", "fd[spectrum]", 2.0, 0.1, slice={"condition": "240p"})]
    built = tables(sample.results(rows), version="0.0")
    assert systems(built["realism-condition-240p"]) == ["dcgan@1", "broken@1"]
    assert "condition 240p" in built["realism-condition-240p"].caption


def test_only_a_control(sample):
    built = tables(sample.results([sample.row("real", "fd[spectrum]", 0.01, 0.001)]), version="0.0")
    assert systems(built["realism"]) == ["real (held out)", "broken@1"]


def test_no_rows_no_tables(sample):
    assert tables(sample.results([]), version="0.0") == {}


def test_caption_says_n_interval_and_protocol(built):
    caption = built["realism"].caption
    for words in (
        "studio faces, test split (200 items, 40 identities)",
        "n = 200 items a set, one training seed each",
        "95 % intervals (delete-a-block jackknife, 20 blocks, by identity)",
        "↓ lower is better, ↑ higher is better; bold: not distinguishable from the best",
    ):
        assert words in caption
    assert "bold" not in built["detection"].caption


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("jackknife-12 bias-corrected", "(delete-a-block jackknife, 12 blocks, bias-corrected, by speaker)"),
        ("wilson on effective n", "(Wilson on effective n, by speaker)"),
        ("cluster-bootstrap", "(bootstrap, by speaker)"),
        ("3 training seeds and jackknife", "(3 training seeds and jackknife, by speaker)"),
    ],
)
def test_methods_in_words(sample, method, words):
    interval = sample.interval(0.0, 1.0, method).model_copy(update={"cluster": "speaker"})
    rows = [sample.row("dcgan@1", "fid", 0.5, interval=interval)]
    assert words in tables(sample.results(rows), version="0.0")["realism"].caption


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"dataset": "orl", "splits": {"test": 120}, "identities": {"test": 12}}, "orl, test split (120 items, 12 id"),
        ({"dataset": "orl", "splits": {"test": 120}}, "against orl, test split (120 items)."),
        ({"name": "orl"}, "against orl."),
        ({}, "against real data."),
    ],
)
def test_reference_in_words(sample, facts, words):
    assert words in tables(sample.results(reference=facts), version="0.0")["realism"].caption


def test_provenance_follows_the_document(sample):
    one, two = (tables(sample.results(rows), version="0.0")["realism"] for rows in (None, sample.realism_rows()[:4]))
    assert one.provenance["suite"] == "quick_100% 1 (sha256:5u17e)"
    assert one.provenance["run"] != two.provenance["run"]


def test_measure_table(sample):
    rows = [row for row in sample.realism_rows() if row.system == "dcgan@1"]
    found = measure_table(rows)
    assert [column.key for column in found.columns] == ["system", "metric", "value", "n", "position"]
    bare = measure_table([row.model_copy(update={"position": None}) for row in rows])
    assert [column.key for column in bare.columns] == ["metric", "value", "n"]
    assert [line.cells[0].text for line in bare.rows] == ["FD[spectrum] ↓", "inception score ↑", "FID ↓"]
    assert measure_table(sample.realism_rows()).columns[0].key == "system"
    assert measure_table([]).rows == ()


def test_what_a_position_is_made_of_stands_in_the_table(sample):
    rows = [row for row in sample.realism_rows() if row.system in {"real", "real-degraded", "dcgan@1"}]
    found = measure_table([row for row in rows if row.metric == "fd[spectrum]"])
    lines = {line.cells[0].text: line.cells for line in found.rows}
    assert list(lines) == ["real (held out)", "real (degraded)", "dcgan@1", "dcgan@1 (equal n)"]
    (real, degraded, own, equal) = (cells[2].value for cells in lines.values())
    assert own == 1.2345
    assert lines["dcgan@1"][4].value is None
    assert lines["dcgan@1 (equal n)"][4].value == pytest.approx((equal - real) / (degraded - real))
    assert lines["dcgan@1 (equal n)"][3].value == 200
    assert any("(score at equal n - real) / (degraded - real)" in note for note in found.notes)


def test_a_row_that_is_measured_at_the_n_of_the_controls_has_one_line(sample):
    rows = [row for row in sample.realism_rows() if row.system == "dcgan@1" and row.position]
    position = rows[0].position.model_copy(update={"system": rows[0].value})
    found = measure_table([rows[0].model_copy(update={"position": position})])
    assert [line.cells[-1].value for line in found.rows] == [6.112]
    assert not any("equal n" in note for note in found.notes)


def test_how_pairs_are_found_is_said_where_there_are_pairs(sample):
    rows = [sample.row("a@1", metric, 0.5, protocol={"metric": f"{metric} 1"}) for metric in ("ssim", "psnr", "fd")]
    assert measure_table(rows).notes == ("SSIM, PSNR: each file against the real file of the same name.",)
    assert measure_table(rows[2:]).notes == ()


@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz"), st.integers(0, 2), st.booleans(), st.booleans()),
        min_size=1,
        max_size=20,
    )
)
def test_dealing_keeps_every_row_and_never_mixes_keys(sample, entries):
    rows = []
    for number, (name, metric, key, control, empty) in enumerate(entries):
        protocol = {"metric": metric, "key": key}
        system, kind = ("real", "real") if control else (name, name)
        said = {"value": None, "reason": "no items"} if empty else {"value": 1.0}
        rows.append(sample.row(system, metric, **said, protocol=protocol, id=str(number), kind=kind))
    panels = deal(rows)
    assert sorted(row.id for panel in panels for row in panel.rows) == sorted(row.id for row in rows)
    for panel in panels:
        assert len({(row.system, row.metric) for row in panel.rows}) == len(panel.rows)
        for metric in "xyz":
            valued = [row for row in panel.rows if row.metric == metric and row.value is not None]
            assert len({row.comparability for row in valued}) <= 1


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("fd[spectrum]", "FD[spectrum]"),
        ("mcd", "MCD"),
        ("mcd_dtw", "MCD-DTW"),
        ("si_sdr", "SI-SDR"),
        ("f0_rmse", "F0 RMSE"),
        ("f0_correlation", "F0 correlation"),
        ("lse_d[studio-sync]", "LSE-D[studio-sync]"),
        ("lser[studio-sync]", "LSER[studio-sync]"),
        ("ms_ssim", "MS-SSIM"),
        ("voicing_error", "voicing error"),
    ],
)
def test_metrics_are_called_by_their_names(name, label):
    assert metric_label(name) == label


def test_a_control_says_which_real_items_it_is_of(sample):
    def cell(*wholes):
        rows = [sample.row("real", "fid", 1.0, id=str(k), protocol=p) for k, p in enumerate(wholes)]
        return system_cell("real", None, rows).text

    assert cell({}) == cell({"control": "halves"}) == "real (held out)"
    assert cell({"control": "whole"}) == "real (whole set)"
    assert cell({"control": "whole"}, {"control": "halves"}) == "real"
