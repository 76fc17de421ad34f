import pytest
import torch
from torch import nn

from sen2naip_sr.training.objective.balance import (
    Balance,
    GradientNormBalance,
    UncertaintyBalance,
)


class TwoTerms(nn.Module):
    """Two terms of the same weights, the gradient of the first a hundred times the second's."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([1.0, 2.0]))

    def forward(self):
        return 100 * self.weight[0], self.weight[1]


def gradient_norms(balance, terms, shared):
    return torch.stack(
        [
            torch.autograd.grad(weight * term, shared, retain_graph=True)[0].norm()
            for weight, term in zip(balance.weights(), terms, strict=True)
        ]
    )


def balanced(balance, scale=1.0, steps=300):
    network = TwoTerms()
    for _ in range(steps):
        balance.rebalance(network(), network.weight, scale)
    return gradient_norms(balance, network(), network.weight)


@pytest.mark.parametrize("scale", [1.0, 65536.0])
def test_gradient_norm_makes_unequal_gradients_equal(scale):
    balance = GradientNormBalance([1.0, 1.0])
    norms = balanced(balance, scale)
    assert norms[0].item() == pytest.approx(norms[1].item(), rel=1e-4)
    torch.testing.assert_close(balance.weights(), torch.tensor([2 / 101, 200 / 101]))


def test_gradient_norm_keeps_the_ratio_that_was_asked_for_and_the_sum_of_the_weights():
    balance = GradientNormBalance([3.0, 1.0])
    norms = balanced(balance)
    assert (norms[0] / norms[1]).item() == pytest.approx(3, rel=1e-4)
    assert balance.weights().sum().item() == pytest.approx(4, rel=1e-5)


def test_gradient_norm_comes_nearer_with_every_step():
    balance, network, ratios = GradientNormBalance([1.0, 1.0]), TwoTerms(), []
    for _ in range(20):
        balance.rebalance(network(), network.weight, 1.0)
        norms = gradient_norms(balance, network(), network.weight)
        ratios.append((norms[0] / norms[1]).item())
    assert ratios == sorted(ratios, reverse=True)
    assert 1 < ratios[-1] < ratios[0] < 100


@pytest.mark.parametrize("factor", [float("nan"), float("inf")])
def test_gradient_norm_waits_where_a_gradient_is_not_finite(factor):
    balance, network = GradientNormBalance([1.0, 2.0]), TwoTerms()
    terms = network()
    balance.rebalance((terms[0], factor * terms[1]), network.weight, 1.0)
    torch.testing.assert_close(balance.weights(), torch.tensor([1.0, 2.0]))


@pytest.mark.parametrize("idle", [lambda term: 0 * term, lambda term: torch.zeros(())])
def test_gradient_norm_leaves_terms_out_that_have_no_gradient_yet(idle):
    balance, network = GradientNormBalance([1.0, 2.0, 1.0]), TwoTerms()
    for _ in range(300):
        first, second = network()
        balance.rebalance((first, idle(first), second), network.weight, 1.0)
    torch.testing.assert_close(balance.weights(), torch.tensor([2 / 101, 2.0, 200 / 101]))


def test_gradient_norm_of_terms_without_gradients_changes_nothing():
    balance, network = GradientNormBalance([1.0, 2.0]), TwoTerms()
    balance.rebalance((torch.zeros(()), torch.ones(())), network.weight, 1.0)
    torch.testing.assert_close(balance.weights(), torch.tensor([1.0, 2.0]))


def test_gradient_norm_leaves_the_gradients_of_the_network_alone():
    balance, network = GradientNormBalance([1.0, 1.0]), TwoTerms()
    terms = network()
    balance.rebalance(terms, network.weight, 1.0)
    assert network.weight.grad is None
    balance(terms).backward()
    torch.testing.assert_close(network.weight.grad, balance.weights() * torch.tensor([100.0, 1.0]))


def test_uncertainty_begins_with_the_given_weights():
    balance = UncertaintyBalance([1.0, 0.5], [True, True])
    assert balance((torch.tensor(4.0), torch.tensor(6.0))).item() == pytest.approx(7)
    torch.testing.assert_close(balance.weights().detach(), torch.tensor([1.0, 0.5]))


def test_uncertainty_finds_the_logarithm_of_each_loss():
    losses = torch.tensor([0.02, 3.0])
    balance = UncertaintyBalance([1.0, 0.5], [True, True])
    optimizer = torch.optim.SGD(balance.parameters(), lr=0.5)
    for _ in range(100):
        optimizer.zero_grad()
        balance(losses.unbind()).backward()
        optimizer.step()
    torch.testing.assert_close(balance.log_variances.detach(), losses.log(), rtol=1e-3, atol=1e-3)
    shares = torch.tensor([1.0, 0.5])
    torch.testing.assert_close(balance.weights().detach(), shares / losses, rtol=2e-3, atol=0)


def test_uncertainty_leaves_terms_alone_that_are_no_likelihoods():
    balance = UncertaintyBalance([1.0, 0.1], [True, False])
    balance((torch.tensor(0.5), torch.tensor(-3.0))).backward()
    assert balance.log_variances.grad[0] != 0
    assert balance.log_variances.grad[1] == 0
    with torch.no_grad():
        balance.log_variances += 1
    assert balance.weights()[1].item() == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("make", "stored"),
    [
        (lambda: Balance([1.0, 1.0]), set()),
        (lambda: UncertaintyBalance([1.0, 1.0], [True, True]), {"log_variances"}),
        (lambda: GradientNormBalance([1.0, 1.0]), {"log_weights"}),
    ],
)
def test_what_adapts_is_stored_and_nothing_else(make, stored):
    assert make().state_dict().keys() == stored
    trained = {name for name, _ in make().named_parameters()}
    assert trained == stored & {"log_variances"}
