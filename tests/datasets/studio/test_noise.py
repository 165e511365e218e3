import torch

from fauxbench.harness.datasets.studio.noise import grid_noise, value_noise


def test_noise_is_smooth_and_repeats_after_256_cells():
    generator = torch.Generator().manual_seed(0)
    x, y = (400.0 * torch.rand(2000, generator=generator) - 200.0).chunk(2)
    here = value_noise(x, y, 4)
    assert here.shape == (1000, 4)
    assert 0.0 <= here.min() < 0.1
    assert 0.9 < here.max() < 1.0
    torch.testing.assert_close(value_noise(x + 256.0, y - 256.0, 4), here, atol=1e-3, rtol=0)
    assert (value_noise(x + 1e-3, y, 4) - here).abs().max() < 2e-3


def test_noise_of_a_grid_is_the_noise_of_its_points():
    x, y = torch.linspace(-70.0, 300.0, 90), torch.linspace(3.0, -20.0, 50)
    grid = torch.stack(grid_noise(x, y, 3), -1)
    assert torch.equal(grid, value_noise(x.expand(50, 90), y[:, None].expand(50, 90), 3))
