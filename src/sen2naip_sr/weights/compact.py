"""Numbers in fewer bytes, without loss."""

import zlib

import numpy as np

from sen2naip_sr.arrays import Array


def compressed(numbers: Array) -> bytes:
    """Return numbers, compressed: all first bytes, then all second ones, and so on.

    Bytes of one significance are much alike, where numbers are of similar size.
    """
    flat = np.ascontiguousarray(numbers).reshape(-1).view(np.uint8).reshape(-1, numbers.itemsize)
    return zlib.compress(flat.T.tobytes(), 9)


def decompressed(content: bytes, dtype: np.dtype[np.generic], most: int) -> Array:
    """Return the numbers, (n,), writable.

    Args:
        content: From `compressed`.
        dtype: Their dtype.
        most: So many of them at most.

    Raises:
        ValueError: If the content is damaged, or there are more. No more are decompressed.
    """
    stream = zlib.decompressobj()
    limit = most * dtype.itemsize
    try:
        found = stream.decompress(content, limit + 1)
    except zlib.error as error:
        raise ValueError(f"compressed content is damaged: {error}") from error
    if len(found) > limit or not stream.eof or stream.unused_data:
        raise ValueError("compressed content is damaged, or too long")
    if len(found) % dtype.itemsize:
        raise ValueError(f"compressed content is no multiple of {dtype.itemsize} bytes long")
    ordered = np.frombuffer(found, np.uint8).reshape(dtype.itemsize, -1).T
    return np.array(ordered, order="C", copy=True).reshape(-1).view(dtype)
