"""The whole search in one call, without Kedro."""

from small_search import EVALUATION, NETWORK, make_chips, make_splits, parameters

from sen2naip_sr.chips.store import require_store
from sen2naip_sr.experiments.running.setting import Setting
from sen2naip_sr.experiments.tuning.experiment import tune


def test_one_call_searches_confirms_and_describes(tmp_path):
    make_chips(tmp_path)
    hr, lr = require_store(tmp_path / "hr"), require_store(tmp_path / "lr")
    networks = {"lean": NETWORK}
    setting = Setting(hr, lr, make_splits(), EVALUATION, networks, "lean", tmp_path / "runs")
    ended = []
    findings = tune(parameters(), setting, lambda *trained: ended.append(trained[1].name))
    assert len(findings.table) == 3
    assert len(ended) >= 3
    assert set(findings.more) == {"importance", "best", "figure"}
    assert findings.more["best"].keys() == NETWORK.keys()
    assert findings.text.startswith("lean: ")
