"""A batched z-buffer: triangles to the nearest triangle of every pixel.

Every triangle is expanded into its rows of pixels, whose ends lie on its edges; the rows are expanded into pixels,
which compete for their place by one minimum over a key of depth and triangle number. In plain torch no Python loop runs
over pixels, triangles or pictures; on a processor the same is done by compiled loops (`raster_cpu`), bit by bit.
"""

from typing import NamedTuple

import numpy as np
import torch

from . import raster_cpu
from .raster_cpu import FAR, LOW, SLACK, UNIT

_CHUNK = 1 << 16  # rows of triangles at a time, so that the work stays in the processor's cache


class Visible(NamedTuple):
    """The nearest triangles.

    Attributes:
        pixel: (N,) flat index over (B, H, W) of covered pixels, ascending.
        triangle: (N,) index into the triangle list, which all pictures share.
        picture: (N,) picture of the batch.
        weight: (N, 3) barycentric weights of the pixel's centre.
        depth: (N,) depth, larger is farther.
    """

    pixel: torch.Tensor
    triangle: torch.Tensor
    picture: torch.Tensor
    weight: torch.Tensor
    depth: torch.Tensor


class _Table(NamedTuple):
    """Triangles that may cover a pixel, one column (N,) per quantity.

    Attributes:
        plane: Nine columns: the planes of the first two barycentric weights and of depth over the picture.
        line: Seven columns: x and y of the upper and of the middle corner, dx / dy of the long, upper and lower edge.
        top: First row.
        tall: Number of rows, int64.
        number: Number of the triangle.
        picture: Picture of the batch, or None if there is only one.
    """

    plane: list[torch.Tensor]
    line: list[torch.Tensor]
    top: torch.Tensor
    tall: torch.Tensor
    number: torch.Tensor
    picture: torch.Tensor | None


def _less(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Return 1.0 where a < b, else 0.0; by `lerp` it chooses between numbers exactly, and faster than `where` does."""
    return torch.lt(a, b, out=torch.empty_like(a))


def places(mask: torch.Tensor) -> torch.Tensor:
    """Return the indices (N,) of the true cells of a flat mask."""
    if mask.device.type == "cpu":
        return torch.from_numpy(np.flatnonzero(mask.numpy()))  # several times as fast
    return mask.nonzero().squeeze(1)


def _planes(x: list[torch.Tensor], y: list[torch.Tensor], z: list[torch.Tensor]) -> list[torch.Tensor]:
    inverse = 1.0 / ((x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0]))
    a0, b0 = (y[1] - y[2]) * inverse, (x[2] - x[1]) * inverse
    a1, b1 = (y[2] - y[0]) * inverse, (x[0] - x[2]) * inverse
    c0, c1 = -(a0 * x[2] + b0 * y[2]), -(a1 * x[2] + b1 * y[2])
    d0, d1 = z[0] - z[2], z[1] - z[2]
    return [a0, b0, c0, a1, b1, c1, a0 * d0 + a1 * d1, b0 * d0 + b1 * d1, c0 * d0 + c1 * d1 + z[2]]


def _lines(x: list[torch.Tensor], y: list[torch.Tensor]) -> list[torch.Tensor]:
    """Return the edges from the top: a row lies between the long edge and one of the two others."""
    (x0, x1, x2), (y0, y1, y2) = x, y
    for _ in range(2):  # sort the corners by height: two rounds of exchanging neighbours
        swap = _less(y1, y0)
        x0, x1 = torch.lerp(x0, x1, swap), torch.lerp(x1, x0, swap)
        y0, y1 = torch.minimum(y0, y1), torch.maximum(y0, y1)
        swap = _less(y2, y1)
        x1, x2 = torch.lerp(x1, x2, swap), torch.lerp(x2, x1, swap)
        y1, y2 = torch.minimum(y1, y2), torch.maximum(y1, y2)
    slopes = [
        (xb - xa) / (yb - ya).clamp(min=1e-6)
        for xa, ya, xb, yb in ((x0, y0, x2, y2), (x0, y0, x1, y1), (x1, y1, x2, y2))
    ]
    return [x0, y0, x1, y1, *slopes]


def _triangles(screen: torch.Tensor, faces: torch.Tensor, height: int, width: int, two_sided: int) -> _Table:
    """Return the triangles of all pictures that face the camera, or are seen from both sides, and may cover a pixel."""
    batch, count = screen.shape[0], faces.shape[0]
    columns = [screen[..., k].contiguous() for k in range(3)]
    corner = [faces[:, k].contiguous() for k in range(3)]
    x, y = ([columns[k].index_select(1, corner[j]) for j in range(3)] for k in (0, 1))
    # y runs down, so outward faces turn clockwise
    facing = (x[2] - x[0]) * (y[1] - y[0]) - (x[1] - x[0]) * (y[2] - y[0])
    facing[:, two_sided:].abs_()
    left = torch.minimum(torch.minimum(x[0], x[1]), x[2]).ceil_().clamp_(min=0)
    right = torch.maximum(torch.maximum(x[0], x[1]), x[2]).floor_().clamp_(max=width - 1)
    top = torch.minimum(torch.minimum(y[0], y[1]), y[2]).ceil_().clamp_(min=0)
    tall = torch.maximum(torch.maximum(y[0], y[1]), y[2]).floor_().clamp_(max=height - 1).sub_(top).add_(1.0)
    room = torch.minimum(right.sub_(left).add_(1.0), tall)
    kept = places((torch.minimum(room, facing.sub_(1e-9)) > 0).view(-1))
    picture, local, vertex = None, kept, kept
    if batch > 1:
        ends = torch.searchsorted(kept, torch.arange(batch + 1, device=kept.device) * count)
        picture = torch.repeat_interleave(ends.diff(), output_size=kept.shape[0])
        local = kept - picture * count
    z = []
    for j in range(3):
        vertex = corner[j].index_select(0, local)
        if picture is not None:
            vertex = torch.add(vertex, picture, alpha=screen.shape[1])
        z.append(columns[2].view(-1).index_select(0, vertex))
    x, y = ([t.view(-1).index_select(0, kept) for t in part] for part in (x, y))
    top, tall = (t.view(-1).index_select(0, kept) for t in (top, tall))
    return _Table(_planes(x, y, z), _lines(x, y), top, tall.to(torch.int64), local, picture)


def rasterise(
    screen: torch.Tensor, faces: torch.Tensor, height: int, width: int, two_sided: int | None = None
) -> Visible:
    """Find the nearest triangle at every pixel's centre.

    Args:
        screen: (B, V, 3) float32: x right and y down in pixels, the centre of the first pixel at (0, 0), and depth in
            [0, 1).
        faces: (T, 3) int64, shared by all pictures; counter-clockwise triangles are seen, clockwise ones are not.
        height: Rows of the picture.
        width: Columns of the picture.
        two_sided: Triangles from this number on are seen from both sides.

    Returns:
        One record for each covered pixel.
    """
    count = faces.shape[0]
    table = _triangles(screen, faces, height, width, count if two_sided is None else two_sided)
    work = _on_processor if screen.device.type == "cpu" else _by_tables
    return work(table, screen.shape[0], height, width)


def _on_processor(table: _Table, batch: int, height: int, width: int) -> Visible:
    """Find what is nearest by compiled loops."""
    buffer = np.full(batch * height * width, FAR, np.int64)
    plane = torch.stack(table.plane).numpy()
    picture = torch.zeros_like(table.number) if table.picture is None else table.picture
    first = picture * (height * width)
    tall, top, line = table.tall.numpy(), table.top.numpy(), torch.stack(table.line).numpy()
    raster_cpu.compete(buffer, top, tall, line, plane[6:], first.numpy(), width)
    found = raster_cpu.resolve(buffer, plane[:6], first.numpy(), width)
    pixel, which, weight, depth = (torch.from_numpy(part) for part in found)
    return Visible(pixel, table.number.index_select(0, which), picture.index_select(0, which), weight, depth)


def _by_tables(table: _Table, batch: int, height: int, width: int) -> Visible:
    """Find what is nearest by tables of rows and pixels, as graphics processors like it."""
    device = table.top.device
    ends = table.tall.cumsum(0)
    buffer = torch.full((batch * height * width,), FAR, dtype=torch.int64, device=device)
    start, n = 0, ends.shape[0]
    marks = torch.arange(0, int(ends[-1]) + _CHUNK if n else 0, _CHUNK, device=device)
    for stop in [*torch.searchsorted(ends, marks).tolist()[1:], n]:
        stop = min(max(stop, start), n)
        if stop > start:
            _compete(buffer, table, start, stop, (height, width))
        start = stop
    return _resolve(buffer, table, height, width)


def _compete(buffer: torch.Tensor, table: _Table, start: int, stop: int, size: tuple[int, int]) -> None:
    """Let the pixels of the triangles start to stop compete for the buffer: triangles to rows, rows to pixels."""
    device = buffer.device
    tall = table.tall[start:stop]
    total = int(tall.sum())
    owner = torch.repeat_interleave(tall, output_size=total)
    begin = table.top[start:stop] - (tall.cumsum(0) - tall).to(torch.float32)

    def at(column: torch.Tensor) -> torch.Tensor:
        return column[start:stop].index_select(0, owner)

    y = torch.arange(total, device=device, dtype=torch.float32) + begin.index_select(0, owner)
    x0, y0, x1, y1, long, upper, lower = (at(column) for column in table.line)
    fall = y - y0
    one = torch.addcmul(x0, long, fall)
    two = torch.lerp(torch.addcmul(x1, lower, y - y1), torch.addcmul(x0, upper, fall), _less(y, y1))
    low = torch.minimum(one, two).sub_(SLACK).ceil_().clamp_(min=0.0)
    high = torch.maximum(one, two).add_(SLACK).floor_().clamp_(max=size[1] - 1.0)
    length = high.sub_(low).add_(1.0).clamp_(min=0.0).to(torch.int64)
    slope = at(table.plane[6])
    depth = (slope * low + at(table.plane[7]) * y + at(table.plane[8])).clamp_(0.0, 1.0)
    where = y.mul_(size[1]).add_(low).to(torch.int64)
    if table.picture is not None:
        where.add_(at(table.picture), alpha=size[0] * size[1])
    # along a row the key is linear: its high half steps by the slope of depth, its low half names the triangle
    step = (slope * UNIT).to(torch.int64) << 32
    key = ((depth * UNIT).to(torch.int64) << 32) + (owner + start)
    first = length.cumsum(0) - length
    total = int(length.sum())
    row = torch.repeat_interleave(length, output_size=total)
    along = torch.arange(total, device=device)
    key = torch.addcmul((key - first * step).index_select(0, row), step.index_select(0, row), along)
    buffer.scatter_reduce_(0, (where - first).index_select(0, row).add_(along), key, "amin")


def _resolve(buffer: torch.Tensor, table: _Table, height: int, width: int) -> Visible:
    pixel = places(buffer != FAR)
    key = buffer.index_select(0, pixel)
    kept = key & LOW
    if table.picture is None:
        which, local = torch.zeros_like(pixel), pixel.to(torch.float32)
    else:
        which = table.picture.index_select(0, kept)
        local = torch.sub(pixel, which, alpha=height * width).to(torch.float32)
    y = torch.floor((local + 0.5) / width)
    x = local - y * width
    a0, b0, c0, a1, b1, c1 = (p.index_select(0, kept) for p in table.plane[:6])
    w0 = (a0 * x + b0 * y + c0).clamp(0.0, 1.0)
    w1 = torch.minimum((a1 * x + b1 * y + c1).clamp(0.0, 1.0), 1.0 - w0)
    weight = torch.stack([w0, w1, 1.0 - w0 - w1], 1)
    triangle = table.number.index_select(0, kept)
    return Visible(pixel, triangle, which, weight, (key >> 32).to(torch.float32) / UNIT)
