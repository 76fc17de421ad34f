"""Parameters of a training on varied imagery."""

from pydantic import Field

from sen2naip_sr.degradation.parameters import SensorParameters, ToldParameters, TruthParameters
from sen2naip_sr.parameters import Parameters
from sen2naip_sr.release.imagery.leaves import NAME as LEAVES
from sen2naip_sr.training.parameters.mixture import BatchParameters, CropParameters


def crops(*kinds: tuple[float, int, bool]) -> tuple[CropParameters, ...]:
    """Return kinds of crops, given their shares, reductions, and whether they are deep."""
    return tuple(CropParameters(share=s, reduction=r, deep=deep) for s, r, deep in kinds)


class LearnerParameters(Parameters):
    """A network that is trained."""

    channels: int = Field(ge=1)
    """Feature maps of every layer of `sen2naip_sr.models.networks.lean.Lean`."""
    blocks: int = Field(ge=1)
    """Its residual blocks."""
    learning_rate: float = Field(gt=0)
    """The peak of the learning rate."""


class ImageryParameters(Parameters):
    """A training of two networks: a large one, and a small one that also learns from it."""

    seed: int = Field(default=0, ge=0)
    """Of the initial weights and all draws."""
    validation: str = "ca-claremont"
    """The location whose images are not trained on, at any date. It gives the validation PSNR."""
    locations: dict[str, float] = Field(default={LEAVES: 0.4})
    """How often locations are drawn, relative to the others of their depth; 1 if not named."""
    teacher: LearnerParameters = LearnerParameters(channels=96, blocks=14, learning_rate=8e-4)
    """The large network."""
    student: LearnerParameters = LearnerParameters(channels=48, blocks=7, learning_rate=1.2e-3)
    """The small network."""
    parts: int = Field(default=4, ge=1)
    """The small network makes a step on each of so many parts of a batch."""
    batches: tuple[BatchParameters, ...] = Field(
        default=(
            BatchParameters(
                side=128,
                images=64,
                turns=3,
                crops=crops((0.56, 1, False), (0.25, 2, False), (0.19, 1, True)),
            ),
            BatchParameters(
                side=64,
                images=256,
                crops=crops((0.3, 4, False), (0.2, 3, False), (0.32, 2, False), (0.18, 2, True)),
            ),
        ),
        min_length=1,
    )
    """The kinds of batches, which take turns."""
    truth: TruthParameters = TruthParameters()
    """How HR is varied."""
    sensor: SensorParameters = SensorParameters()
    """How LR is made from it."""
    told: ToldParameters = ToldParameters()
    """What the networks are told about LR."""
    warmup_steps: int = Field(default=400, ge=0)
    """Steps over which the learning rate rises linearly. It then falls by half a cosine."""
    final: float = Field(default=0.002, ge=0)
    """What is added to the learning rate's cosine, relative to its peak."""
    ema_decay: float = Field(default=0.9995, ge=0, lt=1)
    """Largest decay of the moving average of the weights, which is what is kept."""
    clip: float = Field(default=0.5, gt=0)
    """Largest norm of a gradient."""
    floor: float = Field(default=1 / 255, gt=0)
    """Error below which a crop matters less, as a share of the value range. The loss is the
    logarithm of each crop's error: a crop counts as much as another, however hard it is. Without a
    floor, crops that can be restored exactly would count more than all others."""
    squared_from: float = Field(default=0.35, ge=0, le=1)
    """Share of the training before the absolute error begins to give way to the squared one."""
    squared_over: float = Field(default=0.2, gt=0)
    """Share of the training over which it does."""
    distilled: float = Field(default=0.4, ge=0, le=1)
    """Weight of the large network's output in the small one's loss."""
    distilled_from: float = Field(default=0.3, ge=0, le=1)
    """Share of the training before that weight is used."""
    save_every: float = Field(default=60.0, gt=0)
    """Seconds between two checkpoints."""


class DistillingParameters(Parameters):
    """A training of one network from trained weights."""

    inner: int | None = Field(default=None, ge=1)
    """Inner feature maps of a block that are kept; null: all."""
    blocks: int | None = Field(default=None, ge=1)
    """Blocks that are kept; null: all."""
    learning_rate: float = Field(default=6e-4, gt=0)
    """The peak of the learning rate, which falls by half a cosine."""
    range_rate: float = Field(default=10.0, ge=0)
    """Learning rate of the ranges of feature maps, relative to that of the weights."""
    warmup_steps: int = Field(default=100, ge=1)
    """Steps over which it rises first."""
    rounding_from: float = Field(default=0.6, ge=0, le=1)
    """Share of the training before weights and feature maps are rounded."""
    distilled: float = Field(default=0.5, ge=0, le=1)
    """Weight of the larger network's output in the loss."""
    ema_decay: float = Field(default=0.999, ge=0, lt=1)
    """Largest decay of the moving average of the weights, which is what is kept."""
    kept: int = Field(default=1200, ge=1)
    """Batches that are made, and come again."""
    batch: BatchParameters = BatchParameters(
        side=80,
        images=12,
        crops=crops((0.37, 1, False), (0.18, 2, False), (0.17, 3, False), (0.28, 1, True)),
    )
    """What a batch is made of."""
    imagery: ImageryParameters = ImageryParameters()
    """How crops are varied and observed, which place validates, the seed, the largest gradient and
    the floor of the loss; nothing else of it is used."""
