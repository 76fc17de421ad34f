"""What a run used and made, and what of it MLflow is told."""

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sen2naip_sr.evaluation.runs.tracked import MODEL_TAG, SCORED_IN
from sen2naip_sr.tracking import writing
from sen2naip_sr.tracking.flattening import flattened
from sen2naip_sr.tracking.naming import RunName
from sen2naip_sr.tracking.trackers.tracker import current

if TYPE_CHECKING:
    import pandas as pd

    from sen2naip_sr.chips.store import Store
    from sen2naip_sr.tracking.models import TrackedModel
    from sen2naip_sr.weights.files import Weights

WEIGHTS = ".weights"


class Contents:
    """What is known of the active run; nothing is logged where there is none.

    Args:
        kind: The kind of run, a value of `sen2naip_sr.tracking.naming.KINDS`; "": another.
        name: The run's name so far.
    """

    def __init__(self, kind: str, name: RunName, run_id: str | None = None) -> None:
        self.run_id = run_id
        self._kind = kind
        self._name = name
        self._logged: set[str] = set()
        self._weights: dict[str, Weights] = {}
        self._trained: list[str] = []
        self._models: dict[str, TrackedModel | None] = {}
        self._own: str | None = None

    @property
    def _tracked(self) -> bool:
        """Whether anything records the run."""
        return self.run_id is not None or len(current()) > 0

    def tag(self, **tags: str) -> None:
        """Tag the run."""
        if self.run_id is not None:
            writing.tag(self.run_id, tags)

    def loaded(self, name: str, data: Any) -> None:
        """Log what a dataset that was loaded says of the run."""
        if not self._tracked or name in self._logged:
            return
        if name == "hr":
            self._used_chips(data)
        elif name == "lr":
            self.tag(recipe=data.attributes["recipe"])
        elif name == "splits":
            from sen2naip_sr.chips.splits import split_hash

            self.tag(split_hash=split_hash(data))
        elif name.endswith(WEIGHTS) and data is not None:
            self._weights[name.removesuffix(WEIGHTS)] = data
        else:
            return
        self._logged.add(name)

    def saved(self, name: str, data: Any) -> None:
        """Log what a dataset that was saved says of the run."""
        if not self._tracked:
            return
        if name.endswith(WEIGHTS):
            self._made_weights(name.removesuffix(WEIGHTS), data)
        elif name == "comparison":
            self._scored_test_chips(data)
        elif name == "by_place":
            self._scored_places(data)
        elif name == "pair_scores":
            self._scored_pairs(data)
        elif name == "compared_runs":
            self._rename(str(self._name.of(_listed(list(data["label"])))))
        elif name == "run_findings":
            self.tag(**{"mlflow.note.content": f"```\n{data}```"})

    def _used_chips(self, hr: "Store") -> None:
        source, digest = hr.attributes["source"], hr.manifest.content
        self.tag(data_hash=digest, data_source=source)
        if self.run_id is not None:
            writing.use_data(source, digest, self._kind)

    def _made_weights(self, network: str, weights: "Weights") -> None:
        self._models[network] = self._record_model(network, weights)
        self._trained.append(network)
        self._weights[network] = weights
        self.tag(**{MODEL_TAG: "+".join(sorted(self._trained))})
        if not math.isnan(psnr := weights.metadata.validation_psnr):
            self._log({"validation/psnr": psnr})

    def _record_model(self, network: str, weights: "Weights") -> "TrackedModel | None":
        from sen2naip_sr.tracking.models import find_model, log_model, register_model

        if self.run_id is None:
            return None
        kept = writing.tags_of(self.run_id).get("training") == "kept"
        if kept and (model := find_model(weights)):
            writing.use_model(self.run_id, model.model_id)
            return model
        model = log_model(self.run_id, network, weights)
        register_model(model, network, weights)
        return model

    def _scored_test_chips(self, comparison: "pd.DataFrame") -> None:
        from sen2naip_sr.evaluation import own

        ranked = list(comparison["method"])
        here: dict[str, str] = {}  # of a network that is told several things, the best method
        for method in own.made_here(comparison):
            if network := self._network(method):
                here.setdefault(network, method)
        found = self._choose_own(ranked, here)
        self._log(own.other_test_metrics(comparison, found))
        for network, method in here.items():
            self._credit(network, own.own_test_metrics(comparison, method))
        if found and not self._is_of_this_run(found):  # else it has just been credited
            self._log(own.own_test_metrics(comparison, found))

    def _scored_places(self, table: "pd.DataFrame") -> None:
        from sen2naip_sr.evaluation.test_sets.table import place_metrics

        # the last rows are the means, or those of the only place
        ranked = table.iloc[::-1].drop_duplicates("method").sort_values("psnr", ascending=False)
        if found := self._choose_own(ranked["method"]):
            self._log(place_metrics(table, found))

    def _scored_pairs(self, scores: "pd.DataFrame") -> None:
        from sen2naip_sr.evaluation.pairs.summary import pair_metrics, summarise_pairs

        found = self._choose_own(summarise_pairs(scores)["method"])
        self._log(pair_metrics(scores, found or ""))

    def _choose_own(self, ranked: Iterable[str], here: Iterable[str] = ()) -> str | None:
        """Return the method that this run is about; it stays the same to the end of the run."""
        from sen2naip_sr.evaluation.own import own_method

        ranked = list(ranked)
        networks = [name for name in ranked if _is_network(name)]
        if self._own is None:
            self._own = own_method(ranked, [self._trained, list(here), self._weights, networks])
            if self._own and (network := self._network(self._own)):
                self.tag(**{MODEL_TAG: network})
                self._about(network)
        return self._own

    def _network(self, method: str) -> str | None:
        """Return which of the networks whose weights are known a method is."""
        from sen2naip_sr.evaluation.own import is_of

        return next((network for network in self._weights if is_of(method, network)), None)

    def _is_of_this_run(self, method: str) -> bool:
        model = self._models.get(self._network(method) or "")
        return model is not None and model.run_id == self.run_id

    def _model(self, network: str) -> "TrackedModel | None":
        """Return the model of a network's weights, of this run or an earlier one."""
        from sen2naip_sr.tracking.models import find_model

        if self.run_id is None:
            return None
        if network not in self._models:
            self._models[network] = find_model(self._weights[network])
        return self._models[network]

    def _credit(self, network: str, metrics: Mapping[str, float]) -> None:
        """Log a network's test scores to its model, and to the run that trained it."""
        if (model := self._model(network)) is None:
            return
        self._log(metrics, run_id=model.run_id, model_id=model.model_id)
        if model.run_id != self.run_id:
            writing.tag(model.run_id, {SCORED_IN: self.run_id or ""})

    def _about(self, network: str) -> None:
        """Say of a run that only evaluates what it evaluates, and how that was trained."""
        if network in self._trained or self.run_id is None:
            return
        weights, model = self._weights[network], self._model(network)
        if self._kind == "evaluation":
            shipped = " (shipped)" if weights.shipped else ""
            self._rename(str(self._name.of(model.run_name if model else network + shipped)))
        if model:
            writing.use_model(self.run_id or "", model.model_id)
        known = weights.metadata.model_dump(mode="json")
        parts = {"architecture": known["architecture_parameters"], "training": known["training"]}
        writing.log_params(self.run_id or "", flattened({network: parts}))

    def _rename(self, name: str) -> None:
        self.tag(**{"mlflow.runName": name})

    def _log(
        self,
        metrics: Mapping[str, float],
        run_id: str | None = None,
        model_id: str | None = None,
    ) -> None:
        found = current()
        if run_id is None and model_id is None:
            found.scalars(metrics)
            return
        writing.log_metrics(run_id or self.run_id or "", metrics, model_id)
        if run_id == self.run_id:
            found.beside_mlflow.scalars(metrics)


def _listed(labels: list[str]) -> str:
    return " against ".join(labels) if len(labels) == 2 else ", ".join(labels)


def _is_network(method: str) -> bool:
    from sen2naip_sr.evaluation.columns import REFERENCES
    from sen2naip_sr.models.registry import MODELS

    return method not in REFERENCES and (method not in MODELS or MODELS[method].trainable)
