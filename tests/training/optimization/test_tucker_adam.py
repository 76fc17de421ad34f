import copy
import io

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from sen2naip_sr.training.optimization import tucker_adam
from sen2naip_sr.training.optimization.tucker_adam import TuckerAdam

KERNEL = (6, 5, 3, 3)
SHAPES = [KERNEL, KERNEL, (7, 6, 1, 1), (6,), (7,), (4, 8), ()]


def noise(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def orthogonal(size, seed):
    return torch.linalg.qr(noise(size, size, seed=seed))[0]


def weights_of(shapes, dtype=torch.float32):
    return [torch.nn.Parameter(noise(*s, seed=n).to(dtype)) for n, s in enumerate(shapes)]


def train(weights, gradients, optimizer=TuckerAdam, **settings):
    """Step through a list of gradients, each a list with one tensor a weight."""
    optimizer = optimizer(weights, **settings)
    for step in gradients:
        for weight, gradient in zip(weights, step, strict=True):
            weight.grad = gradient.to(weight.dtype)
        optimizer.step()
    return optimizer


def random_gradients(shapes, steps, first=0):
    return [
        [noise(*shape, seed=1000 * step + n) for n, shape in enumerate(shapes)]
        for step in range(first, first + steps)
    ]


def minimise(optimizer_of, start, loss, steps):
    """Return the loss after steps whose learning rate falls to zero linearly."""
    weight = torch.nn.Parameter(start.clone())
    optimizer = optimizer_of([weight])
    peak = optimizer.param_groups[0]["lr"]
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = peak * (1 - step / steps)
        optimizer.zero_grad()
        loss(weight).backward()
        optimizer.step()
    return loss(weight).item()


def test_vectors_are_trained_as_by_adamw():
    shapes = [(5,), (), (3,), (5,)]
    settings = {"lr": 0.01, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.1}
    ours, theirs = weights_of(shapes), weights_of(shapes)
    gradients = random_gradients(shapes, 20)
    train(ours, gradients, **settings)
    train(theirs, gradients, torch.optim.AdamW, **settings)
    torch.testing.assert_close(ours, theirs)


def test_without_matrices_kernels_are_trained_as_by_adamw_too():
    ours, theirs = weights_of(SHAPES), weights_of(SHAPES)
    gradients = random_gradients(SHAPES, 5)
    train(ours, gradients, matrices=False)
    train(theirs, gradients, torch.optim.AdamW, betas=(0.9, 0.99), weight_decay=0)
    torch.testing.assert_close(ours, theirs)


def test_first_step_is_adams_first_step_in_the_singular_vectors():
    """A matrix's bases are its gradient's singular vectors; Adam's first step is the sign."""
    weight, gradient = weights_of([(4, 4)], torch.float64)[0], noise(4, 4, seed=5)
    before = weight.detach().clone()
    train([weight], [[gradient]], lr=0.1, damping=0.0)
    left, _, right = torch.linalg.svd(gradient)
    update = (before - weight.detach()) / 0.1
    # off the diagonal both sides have rounding errors only, whose signs are arbitrary
    found = (left.mT @ update @ right.mT).diagonal()
    torch.testing.assert_close(found, torch.ones_like(found))


def test_damping_keeps_rounding_errors_out_of_the_step():
    """With it the first step of a matrix is the polar factor of its gradient, as in Muon."""
    weight, gradient = weights_of([(4, 9)], torch.float64)[0], noise(4, 9, seed=5)
    before = weight.detach().clone()
    train([weight], [[gradient]], lr=1.0, damping=1e-7)
    left, _, right = torch.linalg.svd(gradient, full_matrices=False)
    torch.testing.assert_close(before - weight.detach(), left @ right, atol=1e-4, rtol=0)


@settings(deadline=None, max_examples=4)
@given(st.integers(0, 1000))
def test_turned_gradients_give_turned_updates(seed):
    """Along every mode: the axes that a kernel is written in do not matter."""
    o, i, t = 4, 3, 9
    turns = [orthogonal(size, seed + size) for size in (o, i, t)]

    def turn(kernel):
        turned = torch.einsum("oit,ao,bi,ct->abc", kernel.flatten(2), *turns)
        return turned.reshape(kernel.shape)

    plain, turned = (torch.nn.Parameter(torch.zeros(o, i, 3, 3).double()) for _ in range(2))
    gradients = [noise(o, i, 3, 3, seed=seed + step) for step in range(30)]
    train([plain], [[g] for g in gradients], lr=0.1)
    train([turned], [[turn(g)] for g in gradients], lr=0.1)
    torch.testing.assert_close(turned.detach(), turn(plain.detach()), atol=1e-6, rtol=0)
    assert plain.abs().max() > 0.1


def test_order_and_signs_of_the_axes_do_not_matter(monkeypatch):
    """Libraries differ in them, and axes of nearly equal weight change places."""
    plain, mixed = weights_of([KERNEL], torch.float64), weights_of([KERNEL], torch.float64)
    gradients = random_gradients([KERNEL], 25)
    train(plain, gradients)
    random = torch.Generator().manual_seed(0)
    eigenvectors = tucker_adam._eigenvectors

    def any_order(covariances):
        length = covariances.shape[1]
        order = torch.randperm(length, generator=random)
        signs = torch.randint(0, 2, (length,), generator=random) * 2 - 1
        return eigenvectors(covariances)[..., order] * signs

    monkeypatch.setattr(tucker_adam, "_eigenvectors", any_order)
    train(mixed, gradients)
    torch.testing.assert_close(mixed, plain)


@settings(deadline=None, max_examples=8)
@given(st.floats(1e-9, 1e9))
def test_size_of_the_loss_does_not_matter_to_kernels(scale):
    ours, scaled = weights_of([KERNEL], torch.float64), weights_of([KERNEL], torch.float64)
    gradients = random_gradients([KERNEL], 15)
    train(ours, gradients)
    train(scaled, [[scale * g for g in step] for step in gradients])
    torch.testing.assert_close(scaled, ours, rtol=1e-7, atol=1e-9)


def test_updates_are_of_adams_size():
    """Noise alone moves every entry by the same root mean square as Adam's: one learning rate."""
    kernel = (16, 16, 3, 3)
    sizes = []
    for optimizer in (TuckerAdam, torch.optim.Adam):
        weight = torch.nn.Parameter(torch.zeros(kernel))
        train([weight], random_gradients([kernel], 60), optimizer, lr=1.0, betas=(0.9, 0.99))
        sizes.append(weight.detach().square().mean().sqrt())
    assert sizes[0] / sizes[1] == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize("lr", [0.1, 0.3])
def test_beats_adam_where_the_axes_of_a_matrix_hide_its_condition(lr):
    """Half the squared norm of A (W - T) B: singular values of A and B from 1 to 1/30."""
    sizes = torch.logspace(0, -1.5, 12, dtype=torch.float64)
    a, b = (orthogonal(12, s) * sizes @ orthogonal(12, s + 1) for s in (1, 3))
    target = noise(12, 12, seed=9)

    def loss(weight):
        return (a @ (weight - target) @ b).square().sum() / 2

    start = torch.zeros(12, 12, dtype=torch.float64)
    settings = {"lr": lr, "betas": (0.9, 0.99)}
    ours = minimise(lambda w: TuckerAdam(w, **settings), start, loss, 300)
    adams = minimise(lambda w: torch.optim.Adam(w, **settings), start, loss, 300)
    assert ours < adams / 1000


def test_finds_the_minimum_of_rosenbrocks_function():
    def loss(weight):
        x, y = weight.flatten()
        return (1 - x) ** 2 + 100 * (y - x**2) ** 2

    start = torch.tensor([[-1.2, 1.0]], dtype=torch.float64)
    assert minimise(lambda w: TuckerAdam(w, lr=0.2), start, loss, 700) < 1e-4


def test_finds_the_optimum_of_logistic_regression():
    features = noise(200, 5) @ noise(5, 5, seed=1)
    classes = (features @ noise(5, 3, seed=2) + noise(200, 3, seed=3)).argmax(1)
    reference = LogisticRegression(C=1.0, tol=1e-10, max_iter=1000, fit_intercept=False)
    reference.fit(features.numpy(), classes.numpy())

    def loss(weight):
        misfit = torch.nn.functional.cross_entropy(features @ weight.mT, classes, reduction="sum")
        return misfit + weight.square().sum() / 2

    best = loss(torch.from_numpy(reference.coef_)).item()
    start = torch.zeros(3, 5, dtype=torch.float64)
    found = minimise(lambda w: TuckerAdam(w, lr=0.2), start, loss, 250)
    assert found == pytest.approx(best, rel=1e-5)


def test_weights_together_and_one_by_one_are_the_same():
    together, alone = weights_of(SHAPES), weights_of(SHAPES)
    gradients = random_gradients(SHAPES, 25)
    train(together, gradients)
    for number, weight in enumerate(alone):
        train([weight], [[step[number]] for step in gradients])
    torch.testing.assert_close(together, alone)


def test_layout_in_memory_does_not_matter():
    plain, last = weights_of([KERNEL]), weights_of([KERNEL])
    last[0].data = last[0].data.to(memory_format=torch.channels_last)
    train(plain, random_gradients([KERNEL], 12))
    train(last, random_gradients([KERNEL], 12))
    assert torch.equal(plain[0], last[0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_stored_state_goes_on_bit_for_bit(dtype):
    shapes = [*SHAPES, (9, 3, 3, 3)]
    whole, parted = weights_of(shapes, dtype), weights_of(shapes, dtype)
    train(whole, random_gradients(shapes, 34))
    stopped = train(parted, random_gradients(shapes, 17))
    stream = io.BytesIO()
    torch.save(stopped.state_dict(), stream)
    stream.seek(0)
    parted = copy.deepcopy(parted)
    resumed = TuckerAdam(parted)
    resumed.load_state_dict(torch.load(stream, weights_only=True))
    for step in random_gradients(shapes, 17, first=17):
        for weight, gradient in zip(parted, step, strict=True):
            weight.grad = gradient.to(dtype)
        resumed.step()
    assert all(torch.equal(a, b) for a, b in zip(whole, parted, strict=True))


def test_autocast_does_not_lower_the_precision_of_a_step():
    plain, cast = weights_of([KERNEL]), weights_of([KERNEL])
    train(plain, random_gradients([KERNEL], 3))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        train(cast, random_gradients([KERNEL], 3))
    assert torch.equal(plain[0], cast[0])


def test_low_precision_follows_full_precision():
    start = weights_of([KERNEL])[0].detach()
    low = torch.nn.Parameter(start.bfloat16())
    full = torch.nn.Parameter(low.detach().float())
    gradients = random_gradients([KERNEL], 12)
    train([low], gradients, lr=0.05)
    train([full], gradients, lr=0.05)
    moved = (full.detach() - start.bfloat16().float()).norm()
    assert (low.detach().float() - full.detach()).norm() < 0.1 * moved


@pytest.mark.parametrize("steps_before", [0, 3])
def test_zero_gradients_give_finite_weights_and_at_first_no_update(steps_before):
    weights = weights_of(SHAPES)
    gradients = random_gradients(SHAPES, steps_before)
    optimizer = train(weights, gradients)
    before = [w.detach().clone() for w in weights]
    for _ in range(12):
        for weight in weights:
            weight.grad = torch.zeros_like(weight)
        optimizer.step()
    assert all(torch.isfinite(w).all() for w in weights)
    if not steps_before:
        assert all(torch.equal(w, b) for w, b in zip(weights, before, strict=True))


def test_dead_outputs_stay_where_they_are():
    """Damping keeps the rounding errors of turned gradients from becoming steps."""
    weight = weights_of([KERNEL])[0]
    before = weight.detach().clone()
    alive = torch.tensor([1, 1, 0, 1, 0, 1]).view(-1, 1, 1, 1)
    train([weight], [[g * alive] for [g] in random_gradients([KERNEL], 30)], lr=1.0)
    moved = (weight.detach() - before).abs().amax((1, 2, 3))
    assert moved[[2, 4]].max() < 0.01 * moved[[0, 1, 3, 5]].min()


def test_weights_without_a_gradient_are_left_and_join_later():
    weights = weights_of([KERNEL, KERNEL])
    reference = weights_of([KERNEL, KERNEL])
    gradients = random_gradients([KERNEL, KERNEL], 6)
    optimizer = TuckerAdam(weights)
    for number, (first, second) in enumerate(gradients):
        weights[0].grad = first.float()
        weights[1].grad = second.float() if number >= 3 else None
        optimizer.step()
    train(reference[:1], [[first] for first, _ in gradients])
    train(reference[1:], [[second] for _, second in gradients[3:]])
    torch.testing.assert_close(weights, reference)


def test_groups_keep_their_own_settings():
    still, moving, decaying = weights_of([KERNEL] * 3)
    before = [w.detach().clone() for w in (still, moving, decaying)]
    groups = [
        {"params": [still], "lr": 0.0},
        {"params": [moving]},
        {"params": [decaying], "lr": 0.1, "weight_decay": 0.5},
    ]
    optimizer = TuckerAdam(groups, lr=0.01)
    gradient = noise(*KERNEL).float()
    still.grad, moving.grad, decaying.grad = gradient, gradient, torch.zeros_like(gradient)
    optimizer.step()
    assert torch.equal(still, before[0])
    assert not torch.equal(moving, before[1])
    torch.testing.assert_close(decaying.detach(), before[2] * 0.95)


def test_closure_is_evaluated_with_gradients_and_its_loss_returned():
    weight = weights_of([KERNEL])[0]
    optimizer = TuckerAdam([weight], lr=1e-3)

    def closure():
        optimizer.zero_grad()
        loss = weight.square().sum()
        loss.backward()
        return loss

    first = optimizer.step(closure)
    assert optimizer.step(closure) < first == weights_of([KERNEL])[0].square().sum()


def test_long_modes_keep_their_axes():
    weight = weights_of([KERNEL])[0]
    optimizer = train([weight], random_gradients([KERNEL], 1), largest_mode=6)
    bases = {name for name in optimizer.state[weight] if name.startswith("basis")}
    assert bases == {"basis_0", "basis_1"}


def test_short_state():
    """The bases and covariances of a kernel are small beside the two averages."""
    weight = torch.nn.Parameter(torch.zeros(32, 32, 3, 3))
    optimizer = train([weight], random_gradients([weight.shape], 1))
    numbers = sum(v.numel() for v in optimizer.state[weight].values() if torch.is_tensor(v))
    assert numbers < 2.5 * weight.numel()


def test_sparse_gradients_are_refused():
    weight = torch.nn.Parameter(torch.zeros(3, 2))
    weight.grad = torch.eye(3, 2).to_sparse()
    with pytest.raises(RuntimeError, match="sparse"):
        TuckerAdam([weight]).step()


def test_complex_weights_are_refused():
    weight = torch.nn.Parameter(torch.zeros(3, 2, dtype=torch.complex64))
    weight.grad = torch.ones_like(weight)
    with pytest.raises(ValueError, match="complex"):
        TuckerAdam([weight]).step()


@pytest.mark.parametrize(
    "wrong",
    [
        {"lr": -1.0},
        {"betas": (1.0, 0.9)},
        {"basis_decay": 1.0},
        {"damping": -1e-3},
        {"refresh_every": 0},
    ],
)
def test_values_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        TuckerAdam([torch.nn.Parameter(torch.zeros(2))], **wrong)


def test_the_state_of_a_kernel_is_two_averages_and_two_small_matrices_a_mode():
    (kernel,) = weights_of([(32, 32, 3, 3)])
    optimizer = train([kernel], random_gradients([kernel.shape], steps=1))
    held = sum(
        value.numel() for value in optimizer.state[kernel].values() if torch.is_tensor(value)
    )
    assert held == 2 * kernel.numel() + 2 * (32**2 + 32**2 + 9**2)
    assert round(held / kernel.numel(), 2) == 2.46  # docs/optimizer.md
