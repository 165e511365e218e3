import re

import pytest

from fauxbench.harness.report import FORMATS, render, tables
from fauxbench.harness.stats.languages import Tones, contrast_languages, rows_of

SIDES = {"cmn": True, "yue": True, "vi": True, "th": True, "en": False, "es": False, "de": False, "id": False}
CLONE, COPY, SPEECH, MADE = "clone@1", "clone@copy", "tts@1", "eSpeak NG 1.52"
KEPT = Tones(0.9, 0.0, 0.1)


def document(sample, effects, tones=None):
    """Results as a run leaves them: values, effects, the contrast, the synthesiser's tones."""
    held = dict.fromkeys(SIDES, KEPT) | (tones or {})
    system = {code: 1 + effect for code, effect in zip(SIDES, effects, strict=True)}
    made = contrast_languages(rows_of(system, dict.fromkeys(SIDES, 1.0), SIDES, held), "mcd", MADE)

    def row(name, metric, value, half=None, *, code=None, statistic="value", **given):
        part = {"statistic": statistic} | ({"language": code} if code else {})
        protocol = {"metric": metric, "synthesiser": MADE, "control": COPY, "languages": SIDES, **part}
        role = "control" if name == "real" else "system"
        fields = {"section": "languages", "slice": part, "protocol": protocol, "role": role, "direction": "none"}
        return sample.row(name, metric, value, half, **(fields | given))

    rows = []
    for one in made.rows:
        rows.append(row(CLONE, "mcd", one.system, 0.25, code=one.language))
        rows.append(row(COPY, "mcd", one.control, 0.25, code=one.language))
        flags = (f"left out: {one.dropped}",) if one.dropped else ()
        rows.append(row(CLONE, "mcd", one.effect, code=one.language, statistic="effect", flags=flags))
    half = None if made.low is None else (made.high - made.low) / 2
    said = "difference in differences"
    rows.append(row(CLONE, "mcd", made.value, half, statistic=said, p=made.p, flags=(made.sentence,)))
    for code in ("cmn", "th"):
        for name, value in (("", 0.75), ("_flattened", 0.25), ("_shuffled", 0.125)):
            rows.append(row("real", f"tone_accuracy{name}", value, code=code))
        rows.append(row(SPEECH, "tone_accuracy_of_text", 0.5, code=code))
        rows.append(row(CLONE, "tone_accuracy", 0.625, code=code))
    return sample.results(rows, systems=())


def test_a_claim_stands_with_four_languages_a_side_and_names_the_synthesiser(sample):
    built = tables(document(sample, [5, 6, 7, 8, 1, 2, 3, 4]), version="0.0")
    assert [name for name in built if name.startswith("languages")] == [
        *("languages", f"languages-{CLONE}", "languages-tones", "languages-values")
    ]
    (line,) = built["languages"].rows
    assert [cell.text for cell in line.cells[3:]] == ["4 + 4", "tonal languages differ"]
    assert (line.cells[1].value, line.cells[2].value) == (pytest.approx(4), pytest.approx(2 / 70))
    assert line.cells[1].interval is not None
    assert MADE in built["languages"].caption
    (note,) = built["languages"].footnotes()
    assert f"speech by {MADE}" in note


def test_a_language_whose_tones_fail_makes_it_description(sample):
    built = tables(document(sample, [5, 6, 7, 8, 1, 2, 3, 4], {"th": Tones(0.9, 0.8, 0.0)}), version="0.0")
    (line,) = built["languages"].rows
    assert [cell.text for cell in line.cells[3:]] == ["3 + 4", "description only"]
    used = {line.cells[0].text: line.cells[-1] for line in built[f"languages-{CLONE}"].rows}
    assert (used["th"].text, used["cmn"].text) == ("no", "yes")
    assert used["th"].footnotes == ("left out: flattened F0 keeps 0.80, the system 0.90",)
    mixed = tables(document(sample, [1, 8, 3, 6, 2, 7, 4, 5]), version="0.0")
    assert mixed["languages"].rows[0].cells[-1].text == "no evidence"


def test_the_synthesiser_s_tones_have_a_line_for_each_language(sample):
    found = tables(document(sample, range(8)), version="0.0")["languages-tones"]
    assert [line.cells[0].text for line in found.rows] == ["cmn", "th"]
    assert [cell.value for cell in found.rows[0].cells[2:]] == [0.75, 0.25, 0.125, 0.625, 0.5]
    assert [(column.label, column.group) for column in found.columns[-2:]] == [(CLONE, "after"), (SPEECH, "of text")]
    assert "not whether a listener hears the word" in found.caption


def test_values_have_a_line_for_each_language_and_system(sample):
    found = tables(document(sample, range(8)), version="0.0")["languages-values"]
    assert [(line.panel, line.cells[0].text) for line in found.rows[:9]] == [
        *((CLONE, code) for code in SIDES),
        (COPY, "cmn"),
    ]


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_prints_all_of_it(sample, form):
    for table in tables(document(sample, [5, 6, 7, 8, 1, 2, 3, 4]), version="0.0").values():
        text = render(table, form)
        assert not re.search(r"\b(nan|None|inf)\b", text)
        if table.name == "languages":
            assert all(word in text for word in ("tonal languages differ", "0.029", "4 + 4", CLONE))


def test_a_run_without_languages_has_no_such_table(sample):
    assert not [name for name in tables(sample.results(), version="0.0") if name.startswith("languages")]
