import pytest
import torch
from pydantic import ValidationError

from sen2naip_sr.errors import UserError
from sen2naip_sr.training.optimization.optimizers import available_optimizers, build_optimizer
from sen2naip_sr.training.parameters.optimization import OptimizerParameters

CPU = torch.device("cpu")


class Plain(torch.optim.Optimizer):
    """An optimiser of somebody else."""

    def __init__(self, params, lr, share=1.0):
        super().__init__(params, {"lr": lr, "share": share})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for weight in group["params"]:
                weight.sub_(weight.grad, alpha=group["lr"] * group["share"])


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv2d(4, 6, 3), torch.nn.Conv2d(6, 4, 1))


def build(path, model=None, extra=(), device=CPU, **arguments):
    parameters = OptimizerParameters(path=path, arguments=arguments)
    return build_optimizer(model or network(), 0.01, parameters, device, extra)


def loss_of(model):
    return model(torch.ones(1, 4, 8, 8)).square().mean()


@pytest.mark.parametrize("path", [*available_optimizers(), f"{__name__}.Plain"])
def test_every_optimizer_on_offer_trains_a_network_and_extra_weights(path):
    model, extra = network(), torch.nn.Parameter(torch.ones(3))
    optimizer = build(path, model, [extra])
    before = (loss_of(model) + extra.square().sum()).item()
    for _ in range(5):
        optimizer.zero_grad()
        loss = loss_of(model) + extra.square().sum()
        loss.backward()
        optimizer.step()
    assert (loss_of(model) + extra.square().sum()).item() < before
    assert extra.max() < 1


def test_the_default_is_adamw_with_the_projects_arguments():
    optimizer = build_optimizer(network(), 0.01, OptimizerParameters(), CPU)
    assert type(optimizer) is torch.optim.AdamW
    (group,) = optimizer.param_groups
    expected = {"lr": 0.01, "betas": (0.9, 0.99), "weight_decay": 0.0, "fused": True}
    assert {name: group[name] for name in expected} == expected


def test_every_weight_is_in_the_first_group_and_extra_ones_in_a_second_without_decay():
    model, extra = network(), torch.nn.Parameter(torch.ones(()))
    optimizer = build("torch.optim.SGD", model, [extra], weight_decay=0.1, momentum=0.9)
    first, second = optimizer.param_groups
    assert [id(w) for w in first["params"]] == [id(w) for w in model.parameters()]
    assert (first["weight_decay"], first["momentum"]) == (0.1, 0.9)
    assert [id(w) for w in second["params"]] == [id(extra)]
    assert (second["weight_decay"], second["momentum"], second["lr"]) == (0, 0.9, 0.01)


def test_extra_matrices_are_vectors_to_our_own_optimizer():
    extra = torch.nn.Parameter(torch.ones(4, 4))
    optimizer = build("sen2naip_sr.training.optimization.tucker_adam.TuckerAdam", extra=[extra])
    assert [group["matrices"] for group in optimizer.param_groups] == [True, False]


def test_frozen_weights_are_left_out():
    model = network().requires_grad_(False)
    model[1].requires_grad_(True)
    trained = build("torch.optim.Adam", model).param_groups[0]["params"]
    assert [id(w) for w in trained] == [id(w) for w in model[1].parameters()]


def test_a_part_of_a_network_can_be_given_by_its_named_weights():
    model = network()
    trained = build("torch.optim.Adam", model[1].named_parameters()).param_groups[0]["params"]
    assert [id(w) for w in trained] == [id(w) for w in model[1].parameters()]


@pytest.mark.parametrize(
    ("path", "device", "arguments", "fused"),
    [
        ("torch.optim.Adam", "cpu", {}, True),
        ("torch.optim.Adam", "cuda", {}, None),
        ("torch.optim.Adam", "cpu", {"fused": False}, False),
        ("torch.optim.Adam", "cpu", {"foreach": True}, None),
        ("torch.optim.Adam", "cpu", {"differentiable": True}, None),
    ],
)
def test_fused_on_a_cpu_unless_asked_otherwise(path, device, arguments, fused):
    optimizer = build(path, device=torch.device(device), **arguments)
    assert optimizer.param_groups[0]["fused"] is fused


def test_optimizers_without_a_fused_form_are_built_as_they_are():
    assert "fused" not in build("torch.optim.RMSprop").param_groups[0]


def test_lists_become_tuples():
    assert build("torch.optim.Rprop", etas=[0.4, 1.3]).param_groups[0]["etas"] == (0.4, 1.3)


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("torch.optim.AdmaW", "did you mean 'torch.optim.AdamW'"),
        ("AdamW", "did you mean 'torch.optim.AdamW'"),
        ("tuckeradam", "did you mean 'sen2naip_sr.training.optimization.tucker_adam.TuckerAdam'"),
        ("no.such.module.Adam", "No module named 'no'"),
        ("torch.optim.lr_scheduler.StepLR", "no subclass of torch.optim.Optimizer"),
        ("torch.optim.Optimizer", "no subclass of torch.optim.Optimizer"),
        ("torch.optim.", "no attribute ''"),
        ("..Adam", "relative import"),
        ("", "is no optimiser"),
    ],
)
def test_unknown_paths_are_refused_with_those_on_offer(path, named):
    with pytest.raises(UserError) as refusal:
        build(path)
    assert f"'{path}'" in str(refusal.value)
    assert named in str(refusal.value)
    assert all(known in str(refusal.value) for known in available_optimizers())


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("torch.optim.LBFGS", "evaluates the loss several times"),
        ("torch.optim.SparseAdam", "needs sparse gradients"),
        ("torch.optim.Muon", "matrices only"),
    ],
)
def test_unsuited_optimizers_are_refused_with_the_reason(path, reason):
    with pytest.raises(UserError, match=reason):
        build(path)
    assert path not in available_optimizers()


def test_unknown_arguments_are_refused_with_the_valid_ones():
    with pytest.raises(UserError, match=r"argument 'betta': did you mean 'betas'.*weight_decay"):
        build("torch.optim.AdamW", betta=[0.9, 0.99])


def test_the_learning_rate_is_no_argument():
    with pytest.raises(UserError, match="the learning rate cannot be one"):
        build("torch.optim.AdamW", lr=0.1)


@pytest.mark.parametrize(
    ("path", "arguments", "named"),
    [
        ("torch.optim.AdamW", {"betas": [0.9, 2.0]}, "beta"),
        ("torch.optim.AdamW", {"eps": "small"}, "str"),
        ("torch.optim.AdamW", {"fused": True, "foreach": True}, "fused"),
        (
            "sen2naip_sr.training.optimization.tucker_adam.TuckerAdam",
            {"refresh_every": 0},
            "refresh_every",
        ),
    ],
)
def test_values_that_the_optimizer_refuses_are_the_users_to_correct(path, arguments, named):
    with pytest.raises(UserError, match=f"{path} cannot be built.*{named}"):
        build(path, **arguments)


def test_unknown_parameters_are_refused():
    with pytest.raises(ValidationError, match="did you mean 'arguments'"):
        OptimizerParameters(argument={})
