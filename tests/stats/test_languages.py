import math

import numpy as np
import pytest

from fauxbench.harness.errors import InputError
from fauxbench.harness.stats.languages import LanguageRow, Tones, contrast_languages, language_table, rows_of

TONAL = {"cmn": True, "yue": True, "vi": True, "th": True, "en": False, "es": False, "de": False, "id": False}
KEPT = Tones(0.9, 0.0, 0.1)


def rows(effects, tones=None, control=1.0):
    system = {name: control + effect for name, effect in zip(TONAL, effects, strict=True)}
    held = dict.fromkeys(TONAL, KEPT) | (tones or {})
    return rows_of(system, dict.fromkeys(TONAL, control), TONAL, held)


def test_the_value_is_by_hand_and_p_counts_all_seventy_ways():
    found = contrast_languages(rows([5, 6, 7, 8, 1, 2, 3, 4]), "mcd", "eSpeak NG")
    assert found.value == pytest.approx(4)
    assert found.p == pytest.approx(2 / 70)  # no other way is as far apart, but its mirror
    assert found.claimed
    assert "tonal languages differ" in found.sentence
    assert "speech by eSpeak NG" in found.sentence
    mixed = contrast_languages(rows([1, 8, 3, 6, 2, 7, 4, 5]), "mcd", "eSpeak NG")
    assert mixed.value == pytest.approx(0)
    assert mixed.p == 1
    assert "no evidence" in mixed.sentence


def test_the_interval_is_what_the_permutation_does_not_refuse():
    rng = np.random.default_rng(0)
    effects = rng.normal(size=8) + np.repeat([2.0, 0.0], 4)
    found = contrast_languages(rows(effects), "fd", "eSpeak NG")
    assert found.low < found.value < found.high

    def p_at(shift):
        moved = effects - shift * np.repeat([1.0, 0.0], 4)
        return contrast_languages(rows(moved), "fd", "eSpeak NG").p

    assert p_at(found.low - 0.01) <= 0.05 < p_at(found.low + 0.01)
    assert p_at(found.high + 0.01) <= 0.05 < p_at(found.high - 0.01)


def test_it_covers_the_truth():
    rng, inside = np.random.default_rng(1), 0
    for _ in range(200):
        found = contrast_languages(rows(rng.normal(size=8) + np.repeat([1.0, 0.0], 4)), "fd", "x")
        inside += found.low <= 1 <= found.high
    assert 180 <= inside <= 200


def test_a_language_whose_control_passes_is_dropped_and_nothing_is_claimed():
    for spoilt in (Tones(0.9, 0.8, 0.0), Tones(0.9, 0.0, 0.6), Tones(0.0, 0.0, 0.0), None):
        found = contrast_languages(rows([5, 6, 7, 8, 1, 2, 3, 4], {"th": spoilt}), "mcd", "eSpeak NG")
        assert (found.tonal, found.others) == (3, 4)
        assert not found.claimed
        assert "description only" in found.sentence
        assert "a claim needs 4 on each side" in found.sentence
        assert found.value == pytest.approx(6 - 2.5)
        (line,) = (line for line in language_table(found).splitlines() if line.startswith("| th"))
        assert "| no: " in line


def test_few_languages_have_no_interval_and_none_no_value():
    two = {"cmn": True, "en": False}
    given = rows_of({"cmn": 2.0, "en": 1.0}, {"cmn": 0.0, "en": 0.0}, two, dict.fromkeys(two, KEPT))
    found = contrast_languages(given, "mcd", "x")
    assert (found.value, found.low, found.high, found.p) == (1.0, None, None, 1.0)
    gone = contrast_languages(rows_of({}, {}, two, {}), "mcd", "x")
    assert (gone.value, gone.tonal) == (None, 0)
    assert "no comparison" in gone.sentence
    assert math.isnan(gone.rows[0].system)


def test_wrong_input_is_said():
    one = LanguageRow(language="en", tonal=False, system=1, control=0, tones=KEPT)
    with pytest.raises(InputError, match="given twice"):
        contrast_languages([one, one], "mcd", "x")
    with pytest.raises(InputError, match="name the synthesiser"):
        contrast_languages([one], "mcd", " ")
