"""The experiment on intrinsic dimension: trainings in subspaces, and estimates from points."""

from sen2naip_sr.experiments.dimension.figure import draw_dimension
from sen2naip_sr.experiments.dimension.findings import describe_dimension
from sen2naip_sr.experiments.dimension.intervals import gain_intervals
from sen2naip_sr.experiments.dimension.parameters import IntrinsicDimensionParameters
from sen2naip_sr.experiments.dimension.plan import Gains, plan_subspaces, tabulate
from sen2naip_sr.experiments.dimension.points import estimate_kinds, tabulate_estimates
from sen2naip_sr.experiments.running.length import mark_short, too_short
from sen2naip_sr.experiments.running.outcome import WEIGHTS
from sen2naip_sr.experiments.running.setting import Done, Findings, Setting, describe_failures
from sen2naip_sr.weights.files import load_weights


def find_dimension(
    parameters: IntrinsicDimensionParameters, setting: Setting, done: Done | None = None
) -> Findings:
    """Find the intrinsic dimension of a training, and of points of the training chips.

    The findings have a table of estimates and a figure.

    Raises:
        UserError: If the parameters do not fit the network or the chips, or the training with all
            weights or those in all subspaces fail.
    """
    model, network = setting.network(parameters.model)
    bands, share = setting.hr.manifest.shape[1], parameters.share
    variations = plan_subspaces(parameters, model, network, setting.splits, bands)
    outcomes = setting.run(variations, parameters.workers, done)
    gains, whole = Gains.of(variations, outcomes, share), variations[0]
    trained = load_weights(setting.folder / whole.name / WEIGHTS).build()
    estimates = estimate_kinds(parameters, setting.hr, setting.lr, whole.splits, trained)
    short, intervals = too_short(outcomes), gain_intervals(setting, outcomes)
    figure = draw_dimension(
        gains.subspaces,
        gains.full,
        gains.weights,
        estimates,
        share,
        intervals={v.subspace: intervals[v.name] for v in variations if v.name in intervals},
    )
    return Findings(
        describe_dimension(model, gains, share, estimates, short) + describe_failures(outcomes),
        tabulate(variations, outcomes, gains, share),
        {
            "estimates": tabulate_estimates(estimates),
            "figure": mark_short(figure, short) if short else figure,
        },
    )
