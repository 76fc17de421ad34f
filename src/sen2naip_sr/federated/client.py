"""A site as Flower sees it: the same app within one process and at an institution."""

from collections.abc import Callable

from flwr.app import ArrayRecord, ConfigRecord, Context, Error, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.clientapp.mod import fixedclipping_mod

from sen2naip_sr.errors import UserError
from sen2naip_sr.federated.local import Poison, score_locally, train_locally
from sen2naip_sr.federated.sites import Site
from sen2naip_sr.federated.task import Task, check_task

ARRAYS, CONFIG, METRICS, SITE = "arrays", "config", "metrics", "site"
"""Names of records."""
EXAMPLES, ROUND, TASK, CLIP = "num-examples", "server-round", "task", "clipping_norm"
"""Keys in records."""
REFUSED = 1000
"""The code of an error that says why a site does not take part."""

FindSite = Callable[[Context], Site]


def make_client_app(find_site: FindSite, poison: Poison | None = None) -> ClientApp:
    """Return the app of a site.

    A change of the weights is clipped if the server asks for it.

    Args:
        find_site: Returns the site of a node.
        poison: Changes what is sent, in tests.
    """
    app = ClientApp()

    @app.train(mods=[_clipped])
    def train(message: Message, context: Context) -> Message:
        return _answer(message, lambda: _train(message, find_site(context), poison))

    @app.evaluate()
    def evaluate(message: Message, context: Context) -> Message:
        return _answer(message, lambda: _evaluate(message, find_site(context)))

    return app


def _clipped(message: Message, context: Context, call: Callable[..., Message]) -> Message:
    """Clip what is sent, if the server asks for it."""
    if CLIP not in _config(message):
        return call(message, context)
    return fixedclipping_mod(message, context, call)


def _answer(message: Message, make: Callable[[], RecordDict]) -> Message:
    try:
        return Message(make(), reply_to=message)
    except UserError as error:
        return Message(Error(code=REFUSED, reason=str(error)), reply_to=message)


def _train(message: Message, site: Site, poison: Poison | None) -> RecordDict:
    config, task = _config(message), _task(message, site)
    _require_clipping(config, site.clip, site.name)
    number = int(config[ROUND])  # type: ignore[arg-type]
    mu = float(config.get("proximal-mu", 0.0))  # type: ignore[arg-type]
    trained = train_locally(site, task, _weights(message), number, mu)
    if poison:
        trained = poison(site.name, number, trained)
    metrics: dict[str, int | float | list[int] | list[float]] = {
        EXAMPLES: trained.chips if task.weighting == "chips" else 1,
        "loss": trained.loss,
        "seconds": trained.seconds,
        "chips": trained.chips,
    }
    return RecordDict(
        {
            ARRAYS: ArrayRecord(trained.weights),
            METRICS: MetricRecord(metrics),
            SITE: ConfigRecord({"name": site.name}),
        }
    )


def _evaluate(message: Message, site: Site) -> RecordDict:
    psnr, chips = score_locally(site, _task(message, site), _weights(message))
    metrics = MetricRecord({"psnr": psnr, EXAMPLES: chips})
    return RecordDict({METRICS: metrics, SITE: ConfigRecord({"name": site.name})})


def _task(message: Message, site: Site) -> Task:
    task = Task.model_validate_json(str(_config(message)[TASK]))
    check_task(task)
    site.require_fit(task)
    return task


def _require_clipping(config: ConfigRecord, clip: float | None, name: str) -> None:
    if clip is None:
        return
    asked = config.get(CLIP)
    if not isinstance(asked, float) or asked > clip:
        raise UserError(
            "not-clipped",
            f"site '{name}' sends no change of the weights that is not clipped to {clip:g}, and "
            f"the server asks for {asked if isinstance(asked, float) else 'no clipping'}",
            "let the server clip to that norm",
        )


def _config(message: Message) -> ConfigRecord:
    found: ConfigRecord = next(iter(message.content.config_records.values()))
    return found


def _weights(message: Message) -> dict:
    return dict(next(iter(message.content.array_records.values())).to_torch_state_dict())
