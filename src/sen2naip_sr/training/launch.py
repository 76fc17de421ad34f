"""The launcher of trainings: it makes the Lightning Fabric that a training computes with.

Fabric knows the device, the precision and the processes of a training. A training in several
processes makes one in each of them.
"""

import logging
from typing import Any

from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision

from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.hardware import has_bfloat16


class _FullInput(MixedPrecision):
    """Mixed precision that leaves the input in float32.

    Fabric rounds the input too. The bicubic part of a prediction would then have the 8 bits of
    bfloat16: an error of up to half a digital number in 8-bit data and of 128 in 16-bit data.
    """

    def convert_input(self, data: Any) -> Any:
        return data


def make_fabric(accelerator: str, precision: str) -> Fabric:
    """Return Fabric for a training in this process, on one device.

    Args:
        accelerator: As in `sen2naip_sr.training.parameters.TrainingParameters`.
        precision: Likewise; ``auto`` is bfloat16 if the device has it in hardware.

    Raises:
        UserError: If the device is not available or does not have the precision.
    """
    # Fabric logs the device and the precision, which the run records anyway
    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
    try:
        plain = Fabric(accelerator=accelerator, devices=1)
    except RuntimeError as error:
        raise UserError(
            "device-missing",
            f"the accelerator '{accelerator}' is not available: {error}",
            "choose auto or cpu",
        ) from error
    device = plain.device.type
    if precision == "auto":
        precision = "bf16-mixed" if has_bfloat16(device) else "32-true"
    if precision == "32-true":
        return plain
    if precision == "16-mixed" and device == "cpu":
        raise UserError(
            "precision-missing",
            "the precision 16-mixed is not available on a CPU",
            "choose auto, bf16-mixed or 32-true",
        )
    if precision not in ("16-mixed", "bf16-mixed"):
        raise ValueError(f"unknown precision {precision}")
    plugin = _FullInput(precision, device)  # type: ignore[arg-type]
    return Fabric(accelerator=accelerator, devices=1, plugins=plugin)
