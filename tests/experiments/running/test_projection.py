import pytest
import torch
from scipy.linalg import hadamard as dense_hadamard

from sen2naip_sr.experiments.running.projection import FastfoodProjection, hadamard

SIZES = [(10, 1), (640, 50), (1000, 37), (777, 3), (1000, 1000)]


def dense(projection):
    units = torch.eye(projection.dimension, dtype=torch.float64)
    return torch.stack([projection(unit) for unit in units], dim=1)


@pytest.mark.parametrize("width", [1, 2, 8, 64])
def test_hadamard_is_the_product_with_the_matrix(width):
    rows = torch.randn(3, width, dtype=torch.float64)
    expected = rows @ torch.from_numpy(dense_hadamard(width)).double()
    torch.testing.assert_close(hadamard(rows), expected)


@pytest.mark.parametrize(("weights", "dimension"), SIZES)
def test_is_a_linear_map_with_columns_of_about_unit_length(weights, dimension):
    projection = FastfoodProjection(weights, dimension, seed=0)
    matrix = dense(projection)
    assert matrix.shape == (weights, dimension)
    vector = torch.randn(dimension, dtype=torch.float64)
    torch.testing.assert_close(projection(vector), matrix @ vector)
    assert matrix.norm(dim=0).sub(1).abs().max() < 0.05


FILLED = [(640, 64), (640, 40), (1024, 1024), (5, 1)]
ALL_OR_MOST = [(1000, 1000), (777, 777), (777, 600), (129, 129), (255, 255), (3, 3)]


@pytest.mark.parametrize(("weights", "dimension"), FILLED + ALL_OR_MOST)
def test_columns_are_orthonormal_where_no_row_is_cut_off(weights, dimension):
    matrix = dense(FastfoodProjection(weights, dimension, seed=0))
    identity = torch.eye(dimension, dtype=torch.float64)
    torch.testing.assert_close(matrix.T @ matrix, identity)


def test_columns_are_nearly_orthogonal_and_look_random_where_rows_are_cut_off():
    matrix = dense(FastfoodProjection(3000, 100, seed=0))
    products = matrix.T @ matrix - torch.eye(100)
    assert products.abs().max() < 5 / 3000**0.5
    entries = matrix.flatten() * 3000**0.5
    assert abs(entries.mean()) < 0.01
    # of Gaussian numbers: 1 and 3
    assert entries.square().mean() == pytest.approx(1, abs=0.01)
    assert entries.pow(4).mean() == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize("dimension", [20, 300, 512, 600, 700])
def test_no_direction_is_nearly_taken_away(dimension):
    matrix = dense(FastfoodProjection(700, dimension, seed=0))
    assert torch.linalg.eigvalsh(matrix.T @ matrix)[0] > 0.5


@pytest.mark.parametrize("dimension", [20, 4500, 5000])
def test_every_weight_depends_on_the_coordinates(dimension):
    projection = FastfoodProjection(5000, dimension, seed=0)
    assert (projection(torch.randn(dimension)) != 0).all()


def test_is_fixed_by_its_seed_and_leaves_the_global_generator_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first, second, other = (FastfoodProjection(100, 7, seed) for seed in (1, 1, 2))
    assert torch.equal(before, torch.get_rng_state())
    vector = torch.ones(7)
    assert torch.equal(first(vector), second(vector))
    assert not torch.equal(first(vector), other(vector))


@pytest.mark.parametrize("dimension", [10, 1000, 100_000])
def test_memory_does_not_grow_with_the_dimension(dimension):
    projection = FastfoodProjection(100_000, dimension, seed=0)
    assert not list(projection.parameters())
    held = sum(buffer.nbytes for buffer in projection.buffers())
    # a permutation of 8 bytes and two signs a row, in whole blocks
    assert held <= 10 * 2 * 100_000
