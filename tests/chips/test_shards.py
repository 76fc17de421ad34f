import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sen2naip_sr.chips.shards import ShardedArray, ShardWriter


def chips_of(count, dtype="uint8", shape=(2, 6, 5)):
    values = np.arange(count * np.prod(shape)).reshape(count, *shape)
    return (values % 251).astype(dtype)


def write(folder, chips, shard_chips):
    with ShardWriter(folder, "chips", chips.shape[1:], chips.dtype, shard_chips) as writer:
        for chip in chips:
            writer.append(chip)
    return ShardedArray.open([folder / name for name in writer.names])


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize(("count", "shard_chips", "shards"), [(1, 4, 1), (8, 4, 2), (9, 4, 3)])
def test_what_is_written_is_read_again(tmp_path, dtype, count, shard_chips, shards):
    chips = chips_of(count, dtype)
    array = write(tmp_path, chips, shard_chips)
    assert len(list(tmp_path.iterdir())) == shards
    assert (array.shape, array.dtype, len(array)) == (chips.shape, chips.dtype, count)
    np.testing.assert_array_equal(np.stack(list(array)), chips)
    np.testing.assert_array_equal(np.stack([array[i] for i in range(count)]), chips)


def test_shards_are_plain_npy_files(tmp_path):
    write(tmp_path, chips_of(5), 2)
    np.testing.assert_array_equal(np.load(tmp_path / "chips_00001.npy"), chips_of(5)[2:4])


def test_a_transposed_chip_is_written_in_its_own_order(tmp_path):
    chip = np.arange(2 * 5 * 6, dtype="uint8").reshape(2, 5, 6).transpose(0, 2, 1)
    np.testing.assert_array_equal(write(tmp_path, chip[None], 4)[0], chip)


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_crops_equal_slices_whatever_the_shards(data):
    count, shard_chips = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 4))
    size = data.draw(st.integers(1, 5))
    chips = chips_of(count)
    array = ShardedArray([chips[i : i + shard_chips] for i in range(0, count, shard_chips)])
    places = data.draw(
        st.lists(
            st.tuples(
                st.integers(0, count - 1), st.integers(0, 6 - size), st.integers(0, 5 - size)
            ),
            min_size=1,
            max_size=8,
        )
    )
    numbers, rows, columns = np.array(places).T
    expected = [chips[n, :, r : r + size, c : c + size] for n, r, c in places]
    np.testing.assert_array_equal(array.crops(numbers, rows, columns, size), np.stack(expected))


@pytest.mark.parametrize(
    ("chip", "row", "column"), [(-1, 0, 0), (3, 0, 0), (0, -1, 0), (0, 4, 0), (0, 0, 3)]
)
def test_a_crop_outside_is_refused_rather_than_filled_with_chance(chip, row, column):
    array = ShardedArray.from_array(chips_of(3))
    with pytest.raises(IndexError):
        array.crops(np.array([chip]), np.array([row]), np.array([column]), 3)


@pytest.mark.parametrize("chip", [-1, 3])
def test_a_chip_that_is_not_there_is_refused(chip):
    with pytest.raises(IndexError, match="of 3"):
        ShardedArray.from_array(chips_of(3))[chip]


@pytest.mark.parametrize("wrong", [chips_of(1)[0, :1], chips_of(1, "uint16")[0]])
def test_a_chip_of_other_shape_or_dtype_is_refused(tmp_path, wrong):
    with (
        ShardWriter(tmp_path, "chips", (2, 6, 5), np.dtype("uint8")) as writer,
        pytest.raises(ValueError, match="uint8"),
    ):
        writer.append(wrong)
