import numpy as np
import pytest


@pytest.fixture
def rng():
    return np.random.default_rng(20240501)


@pytest.fixture(scope="session")
def calibrate():
    """Return a function that writes random weights of the Inception network, calibrated on pictures, to a file.

    Without calibration of the batch norms every input gives features of 1e-8, and any two pipelines agree.
    """
    import torch
    from torch import nn

    from fauxbench.harness.instruments.inception import network, prepare

    def write(pictures, path):
        torch.manual_seed(3)
        net = network()
        for module in net.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = None
                nn.init.constant_(module.bias, 2)  # mostly linear: else rounding grows with depth as in no trained one
        net.transform_input = False
        with torch.no_grad():
            net.train()(torch.stack([prepare(torch.from_numpy(np.array(p)), "clean") for p in pictures]))
        torch.save(net.state_dict(), path)
        return path

    return write
