"""What to do when a training needs more memory than there is."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from sen2naip_sr.errors import UserError
from sen2naip_sr.training.parameters import TrainingParameters


@contextmanager
def enough_memory(parameters: TrainingParameters) -> Iterator[None]:
    """Turn the errors of a full memory, of the device or of the machine, into a `UserError`."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # the allocators of the CPU and of some devices raise a plain RuntimeError
        told = any(sign in str(error) for sign in ("DefaultCPUAllocator", "out of memory"))
        if not told and not isinstance(error, (MemoryError, torch.OutOfMemoryError)):
            raise
        raise UserError(
            "training-out-of-memory",
            f"{parameters.batch_size} crops of {parameters.crop_size} x {parameters.crop_size} LR "
            "pixels do not fit into memory",
            "choose smaller batches, smaller crops or a smaller architecture",
        ) from error
