import numpy as np
import pytest
import torch

import fauxbench
from fauxbench import InputError
from fauxbench.harness.metrics.arrays import array_of

SETS = ("frechet_distance", "kernel_distance", "precision_recall", "density_coverage")
PICTURES = ("ssim", "psnr")


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_tensors_give_what_arrays_give(rng, name, dtype):
    function = getattr(fauxbench, name)
    a, b = (torch.from_numpy(rng.normal(size=(n, 4))).to(dtype) for n in (30, 25))
    same = [t.float().numpy() if dtype is torch.bfloat16 else t.numpy() for t in (a, b)]
    assert function(a.requires_grad_(), b) == function(*same)
    assert function([row.tolist() for row in a], b.tolist()) == pytest.approx(function(*same), rel=1e-6)


def test_tensors_of_logits_and_pictures(rng):
    logits = rng.normal(size=(40, 7))
    assert fauxbench.inception_score(torch.from_numpy(logits))[0] == fauxbench.inception_score(logits)[0]
    a, b = (rng.integers(0, 256, (20, 24, 3), dtype=np.uint8) for _ in range(2))
    for name in PICTURES:
        function = getattr(fauxbench, name)
        assert function(torch.from_numpy(a), torch.from_numpy(b)) == function(a, b)
        assert function(a.astype(np.float32), b.astype(np.float32)) == pytest.approx(function(a, b), abs=1e-9)


@pytest.mark.parametrize("name", PICTURES)
def test_samples_on_another_scale_are_refused(rng, name):
    function = getattr(fauxbench, name)
    a, b = (rng.integers(0, 256, (20, 24, 3)).astype(float) for _ in range(2))
    with pytest.raises(InputError, match=r"samples in \[0, 1\]"):
        function(a / 255, b / 255)
    with pytest.raises(InputError, match="samples from -1 to"):
        function(a / 127.5 - 1 - 1e-9, np.full_like(b, -1))
    with pytest.raises(InputError, match="channels first"):
        function(a.transpose(2, 0, 1), b.transpose(2, 0, 1))
    function(a > 127, b > 127)  # bilevel pictures are whole numbers, and are taken as they are


def test_torch_is_not_imported_for_arrays():
    import subprocess
    import sys

    code = "import sys; from fauxbench import psnr; psnr([[0, 1]], [[1, 0]]); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"


def test_array_of_keeps_types():
    assert array_of([[1, 2]]).dtype == np.int64
    assert array_of(torch.zeros(2, dtype=torch.float16)).dtype == np.float16
