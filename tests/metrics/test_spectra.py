import numpy as np
import pytest

from fauxbench.harness.metrics.frechet import frechet_distance
from fauxbench.harness.metrics.spectra import (
    LARGE,
    cholesky,
    congruent,
    eigenvalues,
    nuclear_norm,
    nuclear_norm_squared_first,
    scatter,
)


@pytest.mark.parametrize("size", [40, LARGE + 8])
def test_eigenvalues_are_those_of_the_lower_half(rng, size):
    rows = rng.normal(size=(size, 2 * size))
    matrix = rows @ rows.T
    expected = np.linalg.eigvalsh(matrix)
    matrix[np.triu_indices(size, 1)] = 7.0
    np.testing.assert_allclose(eigenvalues(matrix), expected, rtol=1e-9)
    np.testing.assert_array_equal(eigenvalues(matrix), eigenvalues(matrix.copy()))


@pytest.mark.parametrize("shape", [(LARGE, 700), (700, LARGE)])
def test_squaring_first_keeps_ten_digits_or_says_no(rng, shape):
    matrix = rng.normal(size=shape)
    assert nuclear_norm_squared_first(matrix) == pytest.approx(nuclear_norm(matrix), rel=1e-10)
    u, _, v = np.linalg.svd(matrix, full_matrices=False)
    steep = (u * np.logspace(0, -12, LARGE)) @ v
    assert nuclear_norm_squared_first(steep) is None
    assert nuclear_norm(steep) == pytest.approx(np.logspace(0, -12, LARGE).sum(), rel=1e-12)
    assert nuclear_norm_squared_first(matrix[:20]) is None
    assert nuclear_norm_squared_first(np.zeros(shape)) == 0


def test_the_fast_way_changes_no_distance(rng, monkeypatch):
    a, b = rng.normal(size=(600, 800)), rng.normal(0.1, 1.2, size=(600, 800))
    fast = frechet_distance(a, b)
    assert frechet_distance(a, a[rng.permutation(600)]) == 0
    monkeypatch.setattr("fauxbench.harness.metrics.frechet.nuclear_norm_squared_first", lambda product: None)
    assert fast == pytest.approx(frechet_distance(a, b), rel=1e-8)
    assert fast != 0


@pytest.mark.parametrize("size", [1, 2, 63, 200, 600])
def test_congruent_gives_the_lower_half_of_the_product(size):
    rng = np.random.default_rng(size)
    lower, other = np.tril(rng.normal(size=(size, size))), rng.normal(size=(size, size))
    symmetric = other + other.T
    found = congruent(lower, symmetric)
    np.testing.assert_allclose(np.tril(found), np.tril(lower.T @ symmetric @ lower), atol=1e-9 * size)


@pytest.mark.parametrize("size", [3, 600])
def test_cholesky_factors_or_says_no(size):
    rows = np.random.default_rng(0).normal(size=(2 * size, size))
    definite, singular = rows.T @ rows, rows[: size - 1].T @ rows[: size - 1] - 1e-6 * np.eye(size)
    lower = cholesky(definite)
    assert np.all(lower == np.tril(lower))
    np.testing.assert_allclose(lower @ lower.T, definite, atol=1e-10 * size)
    assert cholesky(singular) is None


@pytest.mark.parametrize("shape", [(5, 3), (700, LARGE + 9)])
def test_scatter_is_the_product_about_the_centre_and_symmetric(rng, shape):
    rows, centre = rng.normal(size=shape), rng.normal(size=shape[1])
    found = scatter(rows, centre)
    np.testing.assert_array_equal(found, found.T)
    np.testing.assert_allclose(found, (rows - centre).T @ (rows - centre), atol=1e-9)


def test_large_products_do_not_depend_on_where_their_matrices_lie(rng):
    rows = rng.normal(size=(640, LARGE + 8))
    room = np.empty(rows.size + 8)
    for offset in (1, 3, 6):
        moved = room[offset : offset + rows.size].reshape(rows.shape)
        moved[:] = rows
        np.testing.assert_array_equal(scatter(moved, rows[0]), scatter(rows, rows[0]))
