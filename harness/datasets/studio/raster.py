"""A batched z-buffer in plain torch: triangles to the nearest triangle of every pixel.

Every triangle is expanded into its rows of pixels, whose ends follow from the three edge functions (Pineda, A Parallel
Algorithm for Polygon Rasterization, SIGGRAPH 1988); the rows are expanded into pixels, which compete for their place by one
minimum over a key of depth and triangle number. No Python loop runs over pixels, triangles or pictures.
"""

import warnings
from typing import NamedTuple

import torch

_FAR = (1 << 62) - 1
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


def _edges(corner: torch.Tensor) -> torch.Tensor:
    """Return (N, 9) planes of the first two barycentric weights and of depth over the picture from (N, 3, 3) corners."""
    x, y, z = corner[:, :, 0], corner[:, :, 1], corner[:, :, 2]
    x0, x1, x2 = x.unbind(1)
    y0, y1, y2 = y.unbind(1)
    area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
    inverse = 1.0 / area
    a0, b0 = (y1 - y2) * inverse, (x2 - x1) * inverse
    a1, b1 = (y2 - y0) * inverse, (x0 - x2) * inverse
    c0, c1 = -(a0 * x2 + b0 * y2), -(a1 * x2 + b1 * y2)
    dz0, dz1 = z[:, 0] - z[:, 2], z[:, 1] - z[:, 2]
    return torch.stack(
        [a0, b0, c0, a1, b1, c1, a0 * dz0 + a1 * dz1, b0 * dz0 + b1 * dz1, c0 * dz0 + c1 * dz1 + z[:, 2]], 1
    )


def _visible_triangles(
    screen: torch.Tensor, faces: torch.Tensor, height: int, width: int, two_sided: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return corners (N, 3, 3), flat numbers (N,) over (B, T) and boxes (N, 4) of triangles that may cover a pixel.

    Triangles from number `two_sided` on are kept whichever way they face.
    """
    batch, count = screen.shape[0], faces.shape[0]
    x0, y0, x1, y1, x2, y2 = (
        t for k in range(3) for t in screen[:, :, :2].index_select(1, faces[:, k]).reshape(-1, 2).unbind(1)
    )
    area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
    low_x = torch.ceil(torch.minimum(torch.minimum(x0, x1), x2)).clamp_(min=0)
    high_x = torch.floor(torch.maximum(torch.maximum(x0, x1), x2)).clamp_(max=width - 1)
    low_y = torch.ceil(torch.minimum(torch.minimum(y0, y1), y2)).clamp_(min=0)
    high_y = torch.floor(torch.maximum(torch.maximum(y0, y1), y2)).clamp_(max=height - 1)
    free = (torch.arange(count, device=screen.device) >= two_sided).repeat(batch)
    facing = (area < -1e-9) | (free & (area > 1e-9))  # y runs down, so outward faces turn clockwise
    kept = ((high_x >= low_x) & (high_y >= low_y) & facing).nonzero().squeeze(1)
    box = torch.stack([low_x, high_x, low_y, high_y], 1).index_select(0, kept)
    picture = torch.div(kept, count, rounding_mode="floor")
    index = faces.index_select(0, kept - picture * count) + (picture * screen.shape[1])[:, None]
    return screen.reshape(-1, 3).index_select(0, index.reshape(-1)).view(-1, 3, 3), kept, box


def _sides(plane: torch.Tensor, box: torch.Tensor) -> torch.Tensor:
    """Return (N, 14): three lines x = k y + m that bound a triangle's rows on the left, three on the right, and the box."""
    a = torch.stack([plane[:, 0], plane[:, 3], -plane[:, 0] - plane[:, 3]], 1)
    b = torch.stack([plane[:, 1], plane[:, 4], -plane[:, 1] - plane[:, 4]], 1)
    c = torch.stack([plane[:, 2], plane[:, 5], 1.0 - plane[:, 2] - plane[:, 5]], 1)
    steep = a.abs() > 1e-12
    safe = torch.where(steep, a, torch.ones_like(a))
    k, m = -b / safe, -c / safe
    left, right = steep & (a > 0), steep & (a < 0)
    zero = torch.zeros_like(k)
    return torch.cat(
        [
            torch.where(left, k, zero),
            torch.where(left, m, zero - 1e6),
            torch.where(right, k, zero),
            torch.where(right, m, zero + 1e6),
            box[:, :2],
        ],
        1,
    )


def rasterise(
    screen: torch.Tensor, faces: torch.Tensor, height: int, width: int, two_sided: int | None = None
) -> Visible:
    """Find the nearest triangle at every pixel's centre.

    Args:
        screen: (B, V, 3) float32: x right and y down in pixels, the centre of the first pixel at (0, 0), and depth in [0, 1).
        faces: (T, 3) int64, shared by all pictures; counter-clockwise triangles are seen, clockwise ones are not.
        height: Rows of the picture.
        width: Columns of the picture.
        two_sided: Triangles from this number on are seen from both sides.

    Returns:
        One record for each covered pixel.
    """
    count = faces.shape[0]
    corner, number, box = _visible_triangles(screen, faces, height, width, count if two_sided is None else two_sided)
    plane = _edges(corner)
    side = _sides(plane, box)
    picture = torch.div(number, count, rounding_mode="floor")
    base = picture * (height * width)
    tall = (box[:, 3] - box[:, 2] + 1).to(torch.int64)
    ends = tall.cumsum(0)
    buffer = torch.full((screen.shape[0] * height * width,), _FAR, dtype=torch.int64, device=screen.device)
    start, n = 0, tall.shape[0]
    marks = torch.arange(0, int(ends[-1]) + _CHUNK if n else 0, _CHUNK, device=screen.device)
    stops = torch.searchsorted(ends, marks, right=False).tolist()
    for stop in [*stops[1:], n]:
        stop = min(max(stop, start), n)
        if stop > start:
            part = slice(start, stop)
            _compete(buffer, plane[part], side[part], box[part, 2], tall[part], base[part], start, width)
        start = stop
    return _resolve(buffer, plane, number, picture, count, height, width)


def _compete(
    buffer: torch.Tensor,
    plane: torch.Tensor,
    side: torch.Tensor,
    top: torch.Tensor,
    tall: torch.Tensor,
    base: torch.Tensor,
    first: int,
    width: int,
) -> None:
    """Let the pixels of some triangles compete for the buffer: triangles to rows, rows to pixels."""
    device = buffer.device
    total = int(tall.sum())
    owner = torch.repeat_interleave(tall, output_size=total)
    place = torch.arange(total, device=device) - (tall.cumsum(0) - tall).index_select(0, owner)
    y = top.index_select(0, owner) + place.to(torch.float32)
    line = side.index_select(0, owner)
    low, high = line[:, 0:3] * y[:, None] + line[:, 3:6], line[:, 6:9] * y[:, None] + line[:, 9:12]
    low = torch.maximum(torch.maximum(low[:, 0], low[:, 1]), torch.maximum(low[:, 2], line[:, 12]))
    high = torch.minimum(torch.minimum(high[:, 0], high[:, 1]), torch.minimum(high[:, 2], line[:, 13]))
    low, high = torch.ceil(low - 1e-4), torch.floor(high + 1e-4)
    length = (high - low + 1.0).clamp_(min=0.0).to(torch.int64)
    slope, fall, height = (plane[:, k].contiguous() for k in (6, 7, 8))
    slope = slope.index_select(0, owner)
    depth = slope * low + fall.index_select(0, owner) * y + height.index_select(0, owner)
    where = base.index_select(0, owner) + (y * width + low).to(torch.int64)
    total = int(length.sum())
    row = torch.repeat_interleave(length, output_size=total)
    begin = length.cumsum(0) - length
    along = torch.arange(total, device=device) - begin.index_select(0, row)
    z = torch.addcmul(depth.index_select(0, row), slope.index_select(0, row), along.to(torch.float32)).clamp_(0.0, 1.0)
    key = ((z * 1073741823.0).to(torch.int64) << 32) | (owner + first).index_select(0, row)
    buffer.index_reduce_(0, where.index_select(0, row) + along, key, "amin")


def _resolve(
    buffer: torch.Tensor,
    plane: torch.Tensor,
    number: torch.Tensor,
    picture: torch.Tensor,
    count: int,
    height: int,
    width: int,
) -> Visible:
    pixel = (buffer != _FAR).nonzero().squeeze(1)
    key = buffer.index_select(0, pixel)
    kept = key & 0xFFFFFFFF
    which = picture.index_select(0, kept)
    local = (pixel - which * (height * width)).to(torch.float32)
    y = torch.floor((local + 0.5) / width)
    x = local - y * width
    p = plane[:, :6].contiguous().index_select(0, kept)
    w0 = (p[:, 0] * x + p[:, 1] * y + p[:, 2]).clamp(0.0, 1.0)
    w1 = torch.minimum((p[:, 3] * x + p[:, 4] * y + p[:, 5]).clamp(0.0, 1.0), 1.0 - w0)
    weight = torch.stack([w0, w1, 1.0 - w0 - w1], 1)
    triangle = number.index_select(0, kept) - which * count
    return Visible(pixel, triangle, which, weight, (key >> 32).to(torch.float32) / 1073741823.0)
