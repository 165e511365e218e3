"""The losses of the trained instruments."""

import torch
from torch import Tensor
from torch.nn import functional


def prototype_loss(embeddings: Tensor, per_group: int, *, scale: float = 24.0, margin: float = 0.2) -> Tensor:
    """Return the loss of angular prototypes with a margin.

    Each row is compared with the mean of every group of the batch, of its own group without itself; the right one
    must win by `margin` (Chung et al. 2020, In defence of metric learning for speaker recognition, section 2.2; the
    margin is that of Wang et al. 2018, CosFace, equation 4).

    Args:
        embeddings: (G * per_group, D) of length 1, group by group.
        per_group: Rows of each group, at least 2.
        scale: Inverse temperature.
        margin: Taken off the cosine with the own group.
    """
    groups = embeddings.view(-1, per_group, embeddings.shape[1])
    total = groups.sum(1)
    means = functional.normalize(total, dim=1)
    rest = functional.normalize(total[:, None] - groups, dim=2)
    cosines = embeddings @ means.T
    own = torch.arange(groups.shape[0], device=embeddings.device).repeat_interleave(per_group)
    alone = (groups * rest).sum(2).reshape(-1, 1) - margin
    cosines = cosines.scatter(1, own[:, None], alone)
    return functional.cross_entropy(scale * cosines, own)


def sharpness(share: float) -> dict[str, float]:
    """Return scale and margin of `prototype_loss` when `share` of a training is over.

    Both grow over the first half: strict from the start, the loss is lowest where all embeddings are the same.
    """
    grown = min(1.0, 2.0 * share)
    return {"scale": 10.0 + 18.0 * grown, "margin": 0.2 * grown}


def discriminant(features: Tensor, per_group: int, dimensions: int) -> Tensor:
    """Return the directions (dimensions, D) in which groups differ most for how much they differ in themselves.

    Linear discriminant analysis (Fisher 1936; Rao 1948), each direction scaled by how much of its variance, averaged
    over a group, is between groups: lambda / (1 + lambda) of its unit variance within groups.

    Args:
        features: (G * per_group, D) float64, group by group, about zero on average.
        per_group: Rows of each group, at least 2.
        dimensions: At most D.
    """
    groups = features.view(-1, per_group, features.shape[1])
    means = groups.mean(1)
    inner = (groups - means[:, None]).flatten(0, 1)
    within = inner.T @ inner / (len(groups) * (per_group - 1))
    spread = means - means.mean(0)
    between = spread.T @ spread / max(1, len(groups) - 1) - within / per_group
    ridge = 1e-3 * within.diagonal().mean() * torch.eye(len(within), dtype=within.dtype)
    whitener = torch.linalg.inv(torch.linalg.cholesky(within + ridge))
    values, directions = torch.linalg.eigh(whitener @ between @ whitener.T)
    kept = values.clamp(min=0).flip(0)[:dimensions]
    rows = directions.T.flip(0)[:dimensions] @ whitener
    scaled: Tensor = rows * torch.sqrt(kept / (1 + kept))[:, None]
    return scaled


def matching_loss(video: Tensor, audio: Tensor, scale: Tensor) -> Tensor:
    """Return the loss of finding, for every window of picture, its sound among all of the batch, and the other way.

    Windows of the same clip at other times are the hard negatives, those of other clips the easy ones (van den Oord et
    al. 2018, Representation learning with contrastive predictive coding, equation 4).

    Args:
        video: (C, W, D) of length 1: W successive windows of C clips.
        audio: (C, W, D), in step with them.
        scale: Inverse temperature.
    """
    v, a = video.flatten(0, 1), audio.flatten(0, 1)
    logits = scale * v @ a.T
    own = torch.arange(v.shape[0], device=v.device)
    return 0.5 * (functional.cross_entropy(logits, own) + functional.cross_entropy(logits.T, own))


def offset_curve(video: Tensor, audio: Tensor, reach: int) -> Tensor:
    """Return the mean cosine (C, 2 * reach + 1) of windows `reach` before to `reach` after, over the windows in both.

    Entry `reach + k` compares picture at window t with sound at window t + k.
    """
    windows = video.shape[1]
    means = []
    for shift in range(-reach, reach + 1):
        first, last = max(0, -shift), min(windows, windows - shift)
        products = video[:, first:last] * audio[:, first + shift : last + shift]
        means.append(products.sum(2).mean(1))
    return torch.stack(means, 1)


def offset_loss(video: Tensor, audio: Tensor, reach: int, scale: Tensor) -> Tensor:
    """Return the loss of finding the offset of a clip as a whole, which is 0, among -reach to reach windows."""
    curve = offset_curve(video, audio, reach)
    return functional.cross_entropy(scale * curve, torch.full((curve.shape[0],), reach, device=curve.device))
