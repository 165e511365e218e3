"""A batched z-buffer in plain torch: triangles to the nearest triangle of every pixel.

Every triangle is expanded into its rows of pixels, whose ends lie on its edges; the rows are expanded into pixels,
which compete for their place by one minimum over a key of depth and triangle number. No Python loop runs over pixels,
triangles or pictures.
"""

import warnings
from typing import NamedTuple

import torch

_FAR = (1 << 62) - 1
_UNIT = 1073741823.0  # depth 1 in the key
_CHUNK = 1 << 15  # rows of triangles at a time, so that the work stays in the processor's cache

with warnings.catch_warnings():  # the first call of index_reduce_ warns that it is in beta
    warnings.simplefilter("ignore")
    torch.zeros(1, dtype=torch.int64).index_reduce_(
        0, torch.zeros(1, dtype=torch.int64), torch.zeros(1, dtype=torch.int64), "amin"
    )


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
        number: Flat number over (B, T).
        picture: Picture of the batch.
    """

    plane: list[torch.Tensor]
    line: list[torch.Tensor]
    top: torch.Tensor
    tall: torch.Tensor
    number: torch.Tensor
    picture: torch.Tensor


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
        swap = y1 < y0
        x0, x1 = torch.where(swap, x1, x0), torch.where(swap, x0, x1)
        y0, y1 = torch.minimum(y0, y1), torch.maximum(y0, y1)
        swap = y2 < y1
        x1, x2 = torch.where(swap, x2, x1), torch.where(swap, x1, x2)
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
    x, y = ([columns[k].index_select(1, corner[j]).view(-1) for j in range(3)] for k in (0, 1))
    area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
    box = [
        torch.ceil(torch.minimum(torch.minimum(x[0], x[1]), x[2])).clamp_(min=0),
        torch.floor(torch.maximum(torch.maximum(x[0], x[1]), x[2])).clamp_(max=width - 1),
        torch.ceil(torch.minimum(torch.minimum(y[0], y[1]), y[2])).clamp_(min=0),
        torch.floor(torch.maximum(torch.maximum(y[0], y[1]), y[2])).clamp_(max=height - 1),
    ]
    free = (torch.arange(count, device=screen.device) >= two_sided).repeat(batch)
    facing = (area < -1e-9) | (free & (area > 1e-9))  # y runs down, so outward faces turn clockwise
    kept = ((box[1] >= box[0]) & (box[3] >= box[2]) & facing).nonzero().squeeze(1)
    picture = torch.div(kept, count, rounding_mode="floor")
    local, offset = kept - picture * count, picture * screen.shape[1]
    z = [columns[2].view(-1).index_select(0, corner[j].index_select(0, local) + offset) for j in range(3)]
    x, y, box = ([t.index_select(0, kept) for t in part] for part in (x, y, box))
    tall = (box[3] - box[2] + 1.0).to(torch.int64)
    return _Table(_planes(x, y, z), _lines(x, y), box[2], tall, kept, picture)


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
    ends = table.tall.cumsum(0)
    buffer = torch.full((screen.shape[0] * height * width,), _FAR, dtype=torch.int64, device=screen.device)
    start, n = 0, ends.shape[0]
    marks = torch.arange(0, int(ends[-1]) + _CHUNK if n else 0, _CHUNK, device=screen.device)
    for stop in [*torch.searchsorted(ends, marks).tolist()[1:], n]:
        stop = min(max(stop, start), n)
        if stop > start:
            _compete(buffer, table, start, stop, (height, width))
        start = stop
    return _resolve(buffer, table, count, height, width)


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
    above, fall = y < y1, y - y0
    one = torch.addcmul(x0, long, fall)
    two = torch.where(above, torch.addcmul(x0, upper, fall), torch.addcmul(x1, lower, y - y1))
    low = torch.ceil(torch.minimum(one, two) - 1e-4).clamp_(min=0.0)
    high = torch.floor(torch.maximum(one, two) + 1e-4).clamp_(max=size[1] - 1.0)
    length = (high - low + 1.0).clamp_(min=0.0).to(torch.int64)
    slope = at(table.plane[6])
    depth = (slope * low + at(table.plane[7]) * y + at(table.plane[8])).clamp_(0.0, 1.0)
    where = at(table.picture) * (size[0] * size[1]) + (y * size[1] + low).to(torch.int64)
    # along a row the key is linear: its high half steps by the slope of depth, its low half names the triangle
    step = (slope * _UNIT).to(torch.int64) << 32
    key = ((depth * _UNIT).to(torch.int64) << 32) + (owner + start)
    first = length.cumsum(0) - length
    total = int(length.sum())
    row = torch.repeat_interleave(length, output_size=total)
    along = torch.arange(total, device=device)
    key = torch.addcmul((key - first * step).index_select(0, row), step.index_select(0, row), along)
    buffer.index_reduce_(0, (where - first).index_select(0, row).add_(along), key, "amin")


def _resolve(buffer: torch.Tensor, table: _Table, count: int, height: int, width: int) -> Visible:
    pixel = (buffer != _FAR).nonzero().squeeze(1)
    key = buffer.index_select(0, pixel)
    kept = key & 0xFFFFFFFF
    which = table.picture.index_select(0, kept)
    local = (pixel - which * (height * width)).to(torch.float32)
    y = torch.floor((local + 0.5) / width)
    x = local - y * width
    a0, b0, c0, a1, b1, c1 = (p.index_select(0, kept) for p in table.plane[:6])
    w0 = (a0 * x + b0 * y + c0).clamp(0.0, 1.0)
    w1 = torch.minimum((a1 * x + b1 * y + c1).clamp(0.0, 1.0), 1.0 - w0)
    weight = torch.stack([w0, w1, 1.0 - w0 - w1], 1)
    triangle = table.number.index_select(0, kept) - which * count
    return Visible(pixel, triangle, which, weight, (key >> 32).to(torch.float32) / _UNIT)
