import pytest
import torch
from small_federation import DESCENT, equal, make_sites, make_task, start_of

from sen2naip_sr.errors import UserError
from sen2naip_sr.federated.local import build, train_locally
from sen2naip_sr.federated.task import Task, check_task


def test_the_proximal_term_is_half_mu_times_the_squared_distance():
    site, mu = make_sites()[0], 0.3
    task = make_task(local_steps=3, rounds=1, **DESCENT)
    start = start_of(task)
    # the reference: the same steps one by one, each with the gradient mu (w - w_t) added
    expected, rate = start, task.training.learning_rate
    for step in range(3):
        one = task.model_copy(
            update={"local_steps": 1, "training": task.training.model_copy(update={"steps": 3})}
        )
        plain = train_locally(site, one, expected, step + 1).weights
        expected = {
            name: plain[name] - rate * mu * (expected[name] - start[name]) for name in start
        }
    found = train_locally(site, task, start, 1, mu).weights
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=0, atol=1e-6)
    free = train_locally(site, task, start, 1).weights
    far, near = (sum(float(((w[n] - start[n]) ** 2).sum()) for n in start) for w in (free, found))
    assert near < far


def test_a_round_depends_on_its_number_and_the_weights_alone():
    site, task = make_sites()[0], make_task()
    start = start_of(task)
    first, again, second = (train_locally(site, task, start, n).weights for n in (1, 1, 2))
    assert equal(first, again)
    assert not equal(first, second)


def test_sites_draw_crops_of_their_own():
    task = make_task()
    weights = [
        train_locally(site, task, start_of(task), 1).weights
        for site in make_sites({"a": [0], "b": [0]})
    ]
    assert not equal(*weights)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"losses": {"l1": 1, "adversarial": 0.1}}, "federated-adversarial"),
        ({"mixture": {}, "crop_size": 8}, "federated-mixture"),
        ({"optimizer": {"path": "somebody.Optimizer"}}, "federated-optimizer"),
        ({"losses": {"l1": 1, "mse": 1}, "balance": "uncertainty"}, "federated-adaptive"),
        ({"batch_growth": {"largest": 4}}, "federated-adaptive"),
    ],
)
def test_what_cannot_be_federated_is_refused(changes, code):
    with pytest.raises(UserError) as caught:
        check_task(make_task(**changes))
    assert caught.value.code == code


def test_a_network_with_running_statistics_is_refused():
    task = make_task()
    sizes = {"widths": [4, 8], "normalisation": "batch"}
    unet = Task(**task.model_dump() | {"architecture": "unet", "architecture_parameters": sizes})
    with pytest.raises(UserError, match="running statistics"):
        build(unet)
