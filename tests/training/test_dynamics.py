import numpy as np
import pytest
import torch

from sen2naip_sr.training.dynamics import NEAR_ZERO, snapshot, step_dynamics

CLIP = 0.5


def step():
    """One clipped SGD step, and numpy's view of its parts."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.Linear(7, 3))
    before = snapshot(model.parameters())
    model(torch.randn(4, 5)).square().sum().backward()
    for parameter in model.parameters():
        parameter.grad.view(-1)[0] = NEAR_ZERO / 2
        parameter.grad.view(-1)[1] = NEAR_ZERO * 2
    gradient = np.concatenate([p.grad.numpy().ravel().copy() for p in model.parameters()])
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
    assert norm > 10 * CLIP
    torch.optim.SGD(model.parameters(), lr=0.1).step()
    return list(model.parameters()), before, norm, gradient


def flat(tensors):
    return np.concatenate([t.detach().numpy().ravel() for t in tensors])


def test_figures_are_those_of_the_step():
    weights, before, norm, gradient = step()
    found = step_dynamics(weights, before, norm, CLIP)
    assert found == pytest.approx(
        {
            "gradient_l2": np.linalg.norm(gradient),
            "weight_l2": np.linalg.norm(flat(weights)),
            "near_zero_gradients": (np.abs(gradient) < NEAR_ZERO).mean(),
            "update_to_weight": np.linalg.norm(flat(weights) - flat(before))
            / np.linalg.norm(flat(weights)),
        },
        rel=1e-5,
    )
    assert found["near_zero_gradients"] == pytest.approx(4 / len(gradient))


def test_snapshot_does_not_follow_the_weights():
    weight = torch.nn.Parameter(torch.ones(3))
    before = snapshot([weight])
    with torch.no_grad():
        weight.zero_()
    assert torch.equal(before[0], torch.ones(3))
