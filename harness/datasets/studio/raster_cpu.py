"""The z-buffer of `raster` for processors, compiled: one loop over triangles, rows and pixels in place of tables.

It makes the same comparisons with the same single-precision numbers, in about a tenth of the time.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]

FAR = (1 << 62) - 1
UNIT = 1073741823.0
"""Depth 1 in the key."""
SLACK = 1e-4
"""Pixels by which the ends of a row may be missed by rounding."""
LOW = 0xFFFFFFFF
"""Of the key: names the triangle."""


def compete(buffer: I64, top: F32, tall: I64, line: F32, depth: F32, first: I64, width: int) -> None:
    """Let the pixels of all triangles compete for the buffer, in place: the least key wins.

    Args:
        buffer: (pixels,) of all pictures.
        top: (N,) first row of each triangle.
        tall: (N,) its number of rows.
        line: (7, N) edges, as in `raster`.
        depth: (3, N) its plane of depth.
        first: (N,) the first pixel of its picture.
        width: Of a picture.
    """
    _loops()[0](buffer, top, tall, line, depth, first, width)


def resolve(buffer: I64, plane: F32, first: I64, width: int) -> tuple[I64, I64, F32, F32]:
    """Return of each covered pixel its place, its triangle, barycentric weights (n, 3) and depth, ascending.

    Args:
        buffer: (pixels,) after `compete`.
        plane: (6, N) planes of the first two weights.
        first: (N,) the first pixel of the picture of each triangle.
        width: Of a picture.
    """
    found: tuple[I64, I64, F32, F32] = _loops()[1](buffer, plane, first, width)
    return found


@cache
def _loops() -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the compiled loops; numba is imported and compiles them when the first picture is rendered."""
    import numba

    compiled = numba.njit(nogil=True, error_model="numpy")
    return compiled(_compete), compiled(_resolve)


def _compete(buffer: I64, top: F32, tall: I64, line: F32, depth: F32, first: I64, width: int) -> None:
    unit, slack, nothing, all_of_it = np.float32(UNIT), np.float32(SLACK), np.float32(0.0), np.float32(1.0)
    last = np.float32(width - 1)
    for t in range(len(top)):
        x0, y0, x1, y1 = line[0, t], line[1, t], line[2, t], line[3, t]
        long, upper, lower = line[4, t], line[5, t], line[6, t]
        slope, down, at = depth[0, t], depth[1, t], depth[2, t]
        step = np.int64(slope * unit) << 32
        for row in range(tall[t]):
            y = top[t] + np.float32(row)
            fall = y - y0
            one = x0 + long * fall
            two = x0 + upper * fall if y < y1 else x1 + lower * (y - y1)
            low = max(np.float32(np.ceil(min(one, two) - slack)), nothing)
            high = min(np.float32(np.floor(max(one, two) + slack)), last)
            if high < low:
                continue
            deep = min(max(slope * low + down * y + at, nothing), all_of_it)
            key = (np.int64(deep * unit) << 32) + t
            place = first[t] + np.int64(y) * width + np.int64(low)
            for pixel in range(place, place + np.int64(high - low) + 1):
                if key < buffer[pixel]:
                    buffer[pixel] = key
                key += step


def _resolve(buffer: I64, plane: F32, first: I64, width: int) -> tuple[I64, I64, F32, F32]:
    count = 0
    for key in buffer:
        count += key != FAR
    place, triangle = np.empty(count, np.int64), np.empty(count, np.int64)
    weight, depth = np.empty((count, 3), np.float32), np.empty(count, np.float32)
    unit, nothing, all_of_it = np.float32(UNIT), np.float32(0.0), np.float32(1.0)
    n = 0
    for pixel in range(len(buffer)):
        key = buffer[pixel]
        if key == FAR:
            continue
        t = key & LOW
        local = pixel - first[t]
        x, y = np.float32(local % width), np.float32(local // width)
        w0 = min(max(plane[0, t] * x + plane[1, t] * y + plane[2, t], nothing), all_of_it)
        w1 = min(max(plane[3, t] * x + plane[4, t] * y + plane[5, t], nothing), all_of_it)
        w1 = min(w1, all_of_it - w0)
        place[n], triangle[n] = pixel, t
        weight[n, 0], weight[n, 1], weight[n, 2] = w0, w1, all_of_it - w0 - w1
        depth[n] = np.float32(key >> 32) / unit
        n += 1
    return place, triangle, weight, depth
