"""Products, eigenvalues and singular values of large float64 matrices, by whichever library is faster at their size.

From `LARGE` on everything goes through torch: threads of two libraries that wait in turns slow each other down.
"""

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Array = NDArray[np.float64]

LARGE = 512
"""From this side on, torch's two-stage reduction takes half of LAPACK's time; below, importing it would not pay."""
_LOST = 1e-10
"""Share of a nuclear norm that squaring may cost."""
_STRIPS = 8
_ALIGNMENT = 64  # bytes
_EPSILON = float(np.finfo(np.float64).eps)


def eigenvalues(matrix: Array) -> Array:
    """Eigenvalues (D,) of a symmetric matrix (D, D), of which the lower half is read, smallest first."""
    if len(matrix) < LARGE:
        return np.asarray(np.linalg.eigvalsh(matrix), dtype=np.float64)
    import torch

    return np.asarray(torch.linalg.eigvalsh(_aligned(matrix)).numpy(), dtype=np.float64)


def cholesky(matrix: Array) -> Array | None:
    """Lower Cholesky factor (D, D) of a symmetric matrix, or None if it is not positive definite."""
    if len(matrix) < LARGE:
        try:
            return np.asarray(np.linalg.cholesky(matrix), dtype=np.float64)
        except np.linalg.LinAlgError:
            return None
    import torch

    lower, info = torch.linalg.cholesky_ex(_aligned(matrix))
    return np.asarray(lower.numpy(), dtype=np.float64) if int(info) == 0 else None


def scatter(rows: Array, centre: Array) -> Array:
    """Sum (D, D) of products of the rows (N, D) less `centre` (D,), symmetric to the bit."""
    size = rows.shape[1]
    if size < LARGE:
        centred = rows - centre
        return np.asarray(centred.T @ centred, dtype=np.float64)
    import torch

    right, out = (torch.empty(shape, dtype=torch.float64) for shape in (rows.shape, (size, size)))
    np.subtract(rows, centre, out=right.numpy())
    for start, stop in _strips(size):
        torch.mm(right[:, start:stop].T, right[:, :stop], out=out[start:stop, :stop])
    return np.asarray((out.tril() + out.tril(-1).T).numpy(), dtype=np.float64)


def congruent(lower: Array, matrix: Array) -> Array:
    """Lower half of Lᵀ S L, of a lower triangular L and a symmetric S (both (D, D)); what is above it means nothing.

    In strips, so that of the two products only what is not zero and not above the diagonal is multiplied.
    """
    if len(matrix) < LARGE:
        return np.asarray(lower.T @ matrix @ lower, dtype=np.float64)
    import torch

    left, middle = _aligned(lower), _aligned(matrix)
    right, out = torch.empty_like(middle), torch.zeros_like(middle)
    for start, stop in _strips(len(matrix)):
        right[:, start:stop] = middle[:, start:] @ left[start:, start:stop]
    for start, stop in _strips(len(matrix)):
        torch.mm(left[start:, start:stop].T, right[start:, :stop], out=out[start:stop, :stop])
    return np.asarray(out.numpy(), dtype=np.float64)


def _aligned(matrix: Array) -> "Tensor":
    """Return a matrix, or a copy, at a place like torch's own: at others the last bits of a sum may be others."""
    import torch

    found = torch.from_numpy(np.ascontiguousarray(matrix, dtype=np.float64))
    return found if found.data_ptr() % _ALIGNMENT == 0 else found.clone()


def _strips(size: int) -> list[tuple[int, int]]:
    edges = [size * k // _STRIPS for k in range(_STRIPS + 1)]
    return list(pairwise(edges))


def nuclear_norm(matrix: Array) -> float:
    """Sum of the singular values of a matrix, to full precision."""
    return float(np.linalg.svd(matrix, compute_uv=False).sum()) if matrix.size else 0.0


def nuclear_norm_squared_first(matrix: Array) -> float | None:
    """Sum of the singular values by the eigenvalues of M Mᵀ, in a third of the time.

    Squaring costs the digits of singular values s that are small beside the largest S: each is off by up to
    eps S² / s, or sqrt(eps) S where that is less.

    Returns:
        None where these errors together may exceed 1e-10 of the sum, or the matrix is too small for it to pay.
    """
    if min(matrix.shape) < LARGE:
        return None
    squares = eigenvalues(matrix @ matrix.T if len(matrix) <= len(matrix.T) else matrix.T @ matrix)
    values = np.sqrt(np.clip(squares, 0, None))
    largest, total = float(values[-1]), float(values.sum())
    if largest == 0:
        return 0.0
    lost = _EPSILON * largest**2 / np.maximum(values, np.sqrt(_EPSILON) * largest)
    return total if float(lost.sum()) <= _LOST * total else None
