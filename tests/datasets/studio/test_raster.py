import numpy as np
import pytest
import torch

from fauxbench.harness.datasets.studio import raster
from fauxbench.harness.datasets.studio.raster import rasterise


def reference(screen, faces, height, width, two_sided):
    """Nearest triangle per pixel by testing every pixel against every triangle."""
    depth, owner = np.full((height, width), np.inf), np.full((height, width), -1)
    for number, face in enumerate(faces):
        (x0, y0, z0), (x1, y1, z1), (x2, y2, z2) = screen[face]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(area) < 1e-9 or (area > 0 and number < two_sided):
            continue
        for y in range(height):
            for x in range(width):
                w0 = ((x1 - x) * (y2 - y) - (x2 - x) * (y1 - y)) / area
                w1 = ((x2 - x) * (y0 - y) - (x0 - x) * (y2 - y)) / area
                if min(w0, w1, 1 - w0 - w1) >= 0:
                    z = w0 * z0 + w1 * z1 + (1 - w0 - w1) * z2
                    if z < depth[y, x]:
                        depth[y, x], owner[y, x] = z, number
    return owner


@pytest.mark.parametrize("seed", range(6))
def test_matches_a_search_over_all_triangles(seed):
    rng = np.random.default_rng(seed)
    screen = rng.uniform([-4, -4, 0.1], [24, 20, 0.9], (2, 30, 3))
    faces = rng.integers(0, 30, (40, 3))
    seen = rasterise(torch.tensor(screen, dtype=torch.float32), torch.tensor(faces), 16, 20, 20)
    found = np.full((2, 16, 20), -1)
    found.reshape(-1)[seen.pixel.numpy()] = seen.triangle.numpy()
    expected = np.stack([reference(one, faces, 16, 20, 20) for one in screen])
    corners = np.vstack([np.sort(faces, axis=1), [-1, -1, -1]])  # the same triangle may be drawn twice
    assert (corners[found] != corners[expected]).any(-1).mean() < 0.002


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("batch", [1, 3])
def test_compiled_loops_and_tables_agree_to_the_last_bit(seed, batch):
    rng = np.random.default_rng(seed)
    at = rng.uniform([-9, -9, 0.0], [70, 50, 1.0], (batch, 90, 3))
    at[:, ::3, :2] = np.round(at[:, ::3, :2])  # edges through the middles of pixels, and ties
    screen, faces = torch.tensor(at, dtype=torch.float32), torch.tensor(rng.integers(0, 90, (200, 3)))
    compiled = rasterise(screen, faces, 40, 60, 100)
    table = raster._triangles(screen, faces, 40, 60, 100)
    assert len(compiled.pixel) > 1000
    for ours, plain in zip(compiled, raster._by_tables(table, batch, 40, 60), strict=True):
        assert ours.dtype == plain.dtype
        assert torch.equal(ours, plain)


def test_weights_give_back_the_pixel_and_the_depth():
    screen = torch.tensor([[[1.0, 1.0, 0.2], [2.0, 14.0, 0.5], [15.0, 3.0, 0.8]]])
    seen = rasterise(screen, torch.tensor([[0, 1, 2]]), 16, 16)
    assert len(seen.pixel) > 60
    back = (seen.weight[:, :, None] * screen[0][None]).sum(1)
    y, x = seen.pixel // 16, seen.pixel % 16
    torch.testing.assert_close(back[:, 0], x.float(), atol=1e-3, rtol=0)
    torch.testing.assert_close(back[:, 1], y.float(), atol=1e-3, rtol=0)
    torch.testing.assert_close(back[:, 2], seen.depth, atol=1e-4, rtol=0)


def test_back_faces_are_left_out_unless_two_sided():
    screen = torch.tensor([[[1.0, 1.0, 0.2], [14.0, 1.0, 0.2], [1.0, 14.0, 0.2]]])
    assert len(rasterise(screen, torch.tensor([[0, 1, 2]]), 16, 16).pixel) == 0
    assert len(rasterise(screen, torch.tensor([[0, 1, 2]]), 16, 16, 0).pixel) > 60


def test_nothing_in_view_gives_nothing():
    screen = torch.tensor([[[-9.0, -9.0, 0.2], [-8.0, -9.0, 0.2], [-9.0, -8.0, 0.2]]])
    assert len(rasterise(screen, torch.tensor([[0, 1, 2]]), 8, 8, 0).pixel) == 0
