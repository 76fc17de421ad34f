"""The training loop: two conditioned networks at once, on a GPU or a CPU."""

import logging
import time
from collections.abc import Callable
from itertools import cycle, repeat
from pathlib import Path

import torch
from torch import Tensor

from sen2naip_sr.release.imagery.bank import Imagery
from sen2naip_sr.release.imagery.learner import Learner
from sen2naip_sr.release.imagery.parameters import ImageryParameters
from sen2naip_sr.release.imagery.result import Results
from sen2naip_sr.training.mixture.batches import BatchMaker
from sen2naip_sr.training.optimization.schedule import Budget
from sen2naip_sr.weights.files import load_weights

logger = logging.getLogger(__name__)

TEACHER, STUDENT = "best", "default"
"""Names of the weights files."""
_WARM_UPS = 3
"""Iterations before a graph is captured, in which libraries choose their algorithms."""
_AHEAD = 8
"""Iterations that the host may be ahead of a GPU: the schedule follows the clock."""

Losses = tuple[Tensor, Tensor]


def train(  # noqa: PLR0913 - the last two are keywords
    packed: Path,
    folder: Path,
    parameters: ImageryParameters,
    budget: Budget,
    *,
    start: Path | None = None,
    commit: str | None = None,
) -> None:
    """Train both networks, and write their weights now and then and at the end.

    Args:
        packed: Folder of packed imagery.
        folder: Where the weights are written.
        parameters: All that decides the result, but for the length.
        budget: How long to train.
        start: Folder of the weights of an earlier training to start from. None: random weights.
        commit: The commit of this code, where there is no checkout that tells it.

    Raises:
        UserError: If the imagery or the weights to start from do not fit the parameters.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cudnn.benchmark = True
    torch.manual_seed(parameters.seed)
    trainer = ImageryTrainer(packed, folder, parameters, device, commit)
    if start is not None:
        trainer.load(start)
    turns = cycle([run for run, count in trainer.iterations() for run in repeat(run, count)])
    saved = time.monotonic()
    # one iteration at least, however long the start has taken
    for step, run in enumerate(turns, 1):
        progress = budget.progress(step - 1)
        trainer.schedule(progress)
        losses = run()
        if device.type == "cuda" and step % _AHEAD == 0:
            torch.cuda.synchronize()
        if time.monotonic() - saved > parameters.save_every:
            trainer.save(step, progress, losses)
            saved = time.monotonic()
        if budget.progress(step) >= 1:
            break
    trainer.save(step, 1.0, losses)


class ImageryTrainer:
    """Both networks, their batches and their losses.

    Args:
        packed: Folder of packed imagery.
        folder: Where the weights are written.
        parameters: All that decides the result.
        device: Where to train.
        commit: The commit of this code, where there is no checkout that tells it.

    Raises:
        UserError: If the imagery does not fit the parameters.
    """

    def __init__(
        self,
        packed: Path,
        folder: Path,
        parameters: ImageryParameters,
        device: torch.device,
        commit: str | None = None,
    ) -> None:
        self._parameters, self._device = parameters, device
        imagery = Imagery.read(packed, parameters, device)
        self._banks, validation = imagery.banks, imagery.validation
        self._results = Results(folder, packed, imagery.trained, validation, parameters, commit)
        self._generator = torch.Generator(device).manual_seed(parameters.seed)
        bands = validation.chips.shape[1]
        self._teacher, self._student = (
            Learner(size, bands, parameters, device)
            for size in (parameters.teacher, parameters.student)
        )
        self._learners = {TEACHER: self._teacher, STUDENT: self._student}
        # shares of the squared error, and of the teacher's output, in the loss
        self._squared, self._distilled = (torch.zeros((), device=device) for _ in range(2))
        if device.type == "cuda":
            self._teacher.compile()
            self._student.compile()

    def load(self, folder: Path) -> None:
        """Start from the weights of an earlier training.

        Raises:
            UserError: If there are none, or they do not fit.
        """
        for name, learner in self._learners.items():
            learner.load(load_weights(folder / f"{name}.safetensors"))

    def iterations(self) -> list[tuple[Callable[[], Losses], int]]:
        """Return an iteration for each kind of batch, and how many follow in a row."""
        result = []
        for kind in self._parameters.batches:
            maker = BatchMaker(self._banks, kind, self._parameters, self._generator)

            def run(maker: BatchMaker = maker) -> Losses:
                return self._iterate(maker)

            captured = self._captured(run) if self._device.type == "cuda" else run
            result.append((captured, kind.turns))
        return result

    def schedule(self, progress: float) -> None:
        """Set what depends on the share of the training that is over."""
        parameters = self._parameters
        squared = (progress - parameters.squared_from) / parameters.squared_over
        self._squared.fill_(min(1.0, max(0.0, squared)))
        late = progress >= parameters.distilled_from
        self._distilled.fill_(parameters.distilled if late else 0.0)
        self._teacher.schedule(progress, 1)
        self._student.schedule(progress, parameters.parts)

    def save(self, step: int, progress: float, losses: Losses) -> None:
        """Write both networks' weights, and report."""
        for (name, learner), loss in zip(self._learners.items(), losses, strict=True):
            psnr = self._results.write(name, learner)
            logger.info(
                "%3.0f %%, iteration %d, %s: loss %.3f, validation %.3f dB",
                100 * progress,
                step,
                name,
                float(loss),
                psnr,
            )

    def _iterate(self, maker: BatchMaker) -> Losses:
        """Make one step of the large network, and some of the small one on parts of the batch."""
        batch = maker()
        output = self._teacher.predict(batch.lr, batch.conditions)
        teacher_loss = self._loss(output, batch.hr)
        self._teacher.step(teacher_loss)
        parts = self._parameters.parts
        for part, taught in zip(batch.parts(parts), output.detach().chunk(parts), strict=True):
            predicted = self._student.predict(part.lr, part.conditions)
            loss = self._loss(predicted, part.hr)
            imitated = self._loss(predicted, taught)
            self._student.step(torch.lerp(loss, imitated, self._distilled))
        return teacher_loss.detach(), loss.detach()

    def _loss(self, predicted: Tensor, truth: Tensor) -> Tensor:
        error = predicted - truth
        floor = self._parameters.floor
        absolute = torch.log(error.abs().mean((1, 2, 3)) + floor).mean()
        squared = torch.log(error.square().mean((1, 2, 3)) + floor**2).mean() / 2
        return torch.lerp(absolute, squared, self._squared)

    def _captured(self, run: Callable[[], Losses]) -> Callable[[], Losses]:
        """Return an iteration as one CUDA graph: launching its kernels singly takes longer."""
        self.schedule(0.0)
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UPS):
                run()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        graph.register_generator_state(self._generator)
        with torch.cuda.graph(graph):
            losses = run()

        def replay() -> Losses:
            graph.replay()
            return losses

        return replay
