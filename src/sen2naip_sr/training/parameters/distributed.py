"""Training in several processes, on one machine or on several."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from sen2naip_sr.parameters import Parameters

Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]


class AveragingParameters(Parameters):
    """Post-local SGD: from some step on, processes exchange weights now and then.

    Until then they exchange the gradient of every step. Afterwards each takes steps by the gradient
    of its own crops, and weights and moments of the optimiser are averaged over the processes: Lin
    et al. 2020, "Don't Use Large Mini-Batches, Use Local SGD", https://arxiv.org/abs/1808.07217;
    the moments as in Yu, Jin and Yang 2019, https://arxiv.org/abs/1905.03817.
    """

    start_step: int = Field(default=100, ge=0)
    """The step at which the local steps begin."""
    every: int = Field(default=8, ge=1)
    """Steps between averages. The weights are also averaged for validations and checkpoints."""


class DistributedParameters(Parameters):
    """The processes of a training. One process on one machine starts no other."""

    processes: Count | Literal["auto"] = 1
    """Processes on each machine, which share every batch; ``auto``: one for each GPU, or one."""
    nodes: int = Field(default=1, ge=1)
    """Machines. The same training is started on each of them, with the same parameters."""
    endpoint: str | None = None
    """Where the machines meet, ``host:port`` of one of them; null: a free port of this machine."""
    address: str | None = None
    """The name or address by which the other machines reach this one; null: its host name."""
    backend: Literal["auto", "gloo", "nccl"] = "auto"
    """What processes exchange data by; auto: nccl between GPUs, gloo between CPUs."""
    timeout: Seconds = 600.0
    """Seconds that a process waits for the others in a step before the training ends."""
    join_timeout: Seconds = 300.0
    """Seconds that a machine waits for the others to begin."""
    strategy: Literal["ddp", "fsdp"] = "ddp"
    """ddp: every process has all weights, and they exchange gradients. fsdp: each has a part of all
    weights, gradients and moments of the optimiser, for networks that are too large otherwise."""
    accumulation: int = Field(default=1, ge=1)
    """Pieces that a process cuts its crops of a step into, to save memory. Gradients are exchanged
    after the last one."""
    averaging: AveragingParameters | None = None
    """Exchange weights now and then instead of gradients, for slow networks; null: gradients."""

    @field_validator("endpoint")
    @classmethod
    def _has_port(cls, endpoint: str | None) -> str | None:
        if endpoint is not None and not re.fullmatch(
            r"[^\s:]+:\d{1,5}|\[[^\s]+\]:\d{1,5}", endpoint
        ):
            raise ValueError(f"'{endpoint}' is not host:port, such as 10.0.0.1:29400")
        return endpoint

    @model_validator(mode="after")
    def _machines_can_meet(self) -> Self:
        if self.nodes > 1 and self.endpoint is None:
            raise ValueError("several nodes need an 'endpoint', where they meet")
        return self

    @property
    def alone(self) -> bool:
        """Whether the training has one process, whatever the machine."""
        return self.processes == 1 and self.nodes == 1

    def changes(self) -> dict[str, Any]:
        """Return what the result depends on: only what changes more than rounding."""
        changed: dict[str, Any] = {}
        if self.accumulation > 1:
            changed["accumulation"] = self.accumulation
        if self.averaging and not self.alone:
            averaging = self.averaging.model_dump()
            changed["averaging"] = averaging | {"processes": self.processes, "nodes": self.nodes}
        return changed
