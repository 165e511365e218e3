"""A batched z-buffer in plain torch: triangles to the nearest triangle of every pixel.

Every triangle is expanded into the pixels of its bounding box, the box is tested against the three edge functions
(Pineda, A Parallel Algorithm for Polygon Rasterization, SIGGRAPH 1988), and the survivors compete for their pixel by one
minimum over a key of depth and triangle number. No Python loop runs over pixels, triangles or pictures.
"""

import warnings
from typing import NamedTuple

import torch

_FAR = (1 << 62) - 1
_CHUNK = 1 << 21

with warnings.catch_warnings():  # the first call of index_reduce_ warns that it is in beta
    warnings.simplefilter("ignore")
    torch.zeros(1, dtype=torch.int64).index_reduce_(0, torch.zeros(1, dtype=torch.int64), torch.zeros(1, dtype=torch.int64), "amin")


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
    return torch.stack([a0, b0, c0, a1, b1, c1, a0 * dz0 + a1 * dz1, b0 * dz0 + b1 * dz1, c0 * dz0 + c1 * dz1 + z[:, 2]], 1)


def _visible_triangles(
    screen: torch.Tensor, faces: torch.Tensor, height: int, width: int, two_sided: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return corners (N, 3, 3), flat numbers (N,) over (B, T) and boxes (N, 4) of triangles that may cover a pixel.

    Triangles from number `two_sided` on are kept whichever way they face.
    """
    batch, count = screen.shape[0], faces.shape[0]
    flat = screen.reshape(-1, 3)
    offset = (torch.arange(batch, device=screen.device) * screen.shape[1])[:, None, None]
    corner = flat.index_select(0, (faces[None] + offset).reshape(-1)).view(-1, 3, 3)
    x, y = corner[:, :, 0], corner[:, :, 1]
    low_x, high_x = torch.ceil(x.amin(1)).clamp_(min=0), torch.floor(x.amax(1)).clamp_(max=width - 1)
    low_y, high_y = torch.ceil(y.amin(1)).clamp_(min=0), torch.floor(y.amax(1)).clamp_(max=height - 1)
    area = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])
    free = (torch.arange(count, device=screen.device) >= two_sided).repeat(batch)
    facing = (area < -1e-9) | (free & (area.abs() > 1e-9))  # y runs down, so outward faces turn clockwise
    kept = ((high_x >= low_x) & (high_y >= low_y) & facing).nonzero().squeeze(1)
    box = torch.stack([low_x, low_y, high_x - low_x + 1, high_y - low_y + 1], 1).index_select(0, kept)
    return corner.index_select(0, kept), kept, box


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
    sizes = (box[:, 2] * box[:, 3]).to(torch.int64)
    ends = sizes.cumsum(0)
    buffer = torch.full((screen.shape[0] * height * width,), _FAR, dtype=torch.int64, device=screen.device)
    start, n = 0, sizes.shape[0]
    base = torch.div(number, count, rounding_mode="floor") * (height * width)
    table = torch.cat([plane, box[:, :3], (ends - sizes).to(torch.float32)[:, None] * 0.0], 1)
    while start < n:
        done = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(torch.searchsorted(ends, done + _CHUNK, right=True)))
        _compete(buffer, table[start:stop], sizes[start:stop], base[start:stop], number[start:stop] % count, width)
        start = stop
    return _resolve(buffer, screen, faces, height, width)


def _compete(
    buffer: torch.Tensor,
    table: torch.Tensor,
    sizes: torch.Tensor,
    base: torch.Tensor,
    triangle: torch.Tensor,
    width: int,
) -> None:
    """Let the pixels of some triangles' boxes compete for the buffer."""
    total = int(sizes.sum())
    owner = torch.repeat_interleave(sizes, output_size=total)
    first = (sizes.cumsum(0) - sizes).index_select(0, owner)
    local = (torch.arange(total, device=sizes.device) - first).to(torch.float32)
    row = table.index_select(0, owner)
    down = torch.floor((local + 0.5) / row[:, 11])
    x = local - down * row[:, 11] + row[:, 9]
    y = down + row[:, 10]
    w0 = row[:, 0] * x + row[:, 1] * y + row[:, 2]
    w1 = row[:, 3] * x + row[:, 4] * y + row[:, 5]
    inside = (torch.minimum(torch.minimum(w0, w1), 1.0 - w0 - w1) >= -1e-5).nonzero().squeeze(1)
    x, y, row, owner = (t.index_select(0, inside) for t in (x, y, row, owner))
    depth = (row[:, 6] * x + row[:, 7] * y + row[:, 8]).clamp(0.0, 1.0)
    key = ((depth * 1073741823.0).to(torch.int64) << 32) | triangle.index_select(0, owner)
    where = base.index_select(0, owner) + (y * width + x).to(torch.int64)
    buffer.index_reduce_(0, where, key, "amin")


def _resolve(buffer: torch.Tensor, screen: torch.Tensor, faces: torch.Tensor, height: int, width: int) -> Visible:
    pixel = (buffer != _FAR).nonzero().squeeze(1)
    key = buffer.index_select(0, pixel)
    triangle = key & 0xFFFFFFFF
    picture = torch.div(pixel, height * width, rounding_mode="floor")
    local = pixel - picture * (height * width)
    y = torch.div(local, width, rounding_mode="floor")
    x = (local - y * width).to(torch.float32)
    corner_index = faces.index_select(0, triangle) + (picture * screen.shape[1])[:, None]
    corner = screen.reshape(-1, 3).index_select(0, corner_index.reshape(-1)).view(-1, 3, 3)
    p = _edges(corner)
    yf = y.to(torch.float32)
    w0 = (p[:, 0] * x + p[:, 1] * yf + p[:, 2]).clamp(0.0, 1.0)
    w1 = torch.minimum((p[:, 3] * x + p[:, 4] * yf + p[:, 5]).clamp(0.0, 1.0), 1.0 - w0)
    weight = torch.stack([w0, w1, 1.0 - w0 - w1], 1)
    return Visible(pixel, triangle, picture, weight, (key >> 32).to(torch.float32) / 1073741823.0)
