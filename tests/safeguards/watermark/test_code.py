import numpy as np

from fauxbench.harness.safeguards.watermark.code import decode, encode


def words(count, seed=0):
    return np.random.default_rng(seed).integers(0, 2, (count, 128)).astype(np.uint8)


def test_the_code_is_linear_and_its_lightest_short_word_has_the_free_distance():
    a, b = words(2)
    np.testing.assert_array_equal(encode(a ^ b), encode(a) ^ encode(b))
    weights = []
    for pattern in range(1, 1 << 12, 2):
        word = np.zeros(128, np.uint8)
        word[40:52] = [pattern >> place & 1 for place in range(12)]
        weights.append(int(encode(word).sum()))
    assert min(weights) == 12


def test_a_word_turned_round_the_circle_gives_its_code_turned_round():
    (word,) = words(1)
    np.testing.assert_array_equal(encode(np.roll(word, 5)), np.roll(encode(word), 10))


def test_clean_words_and_words_with_spread_errors_are_read():
    rng = np.random.default_rng(1)
    for word in words(20, 2):
        soft = 1.0 - 2.0 * encode(word)
        np.testing.assert_array_equal(decode(soft), word)
        soft[(np.arange(13) * 19 + rng.integers(19)) % 256] *= -1
        np.testing.assert_array_equal(decode(soft), word)


def test_a_third_of_the_bits_may_be_unknown():
    rng = np.random.default_rng(3)
    read = 0
    for word in words(20, 4):
        soft = 1.0 - 2.0 * encode(word)
        soft[rng.permutation(256)[:85]] = 0.0
        read += bool((decode(soft) == word).all())
    assert read >= 19


def test_soft_values_gain_over_hard_ones():
    rng = np.random.default_rng(5)
    soft_right = hard_right = 0
    for word in words(30, 6):
        noisy = 1.0 - 2.0 * encode(word) + 0.8 * rng.standard_normal(256)
        soft_right += bool((decode(noisy) == word).all())
        hard_right += bool((decode(np.sign(noisy)) == word).all())
    assert soft_right >= 26
    assert soft_right > hard_right
