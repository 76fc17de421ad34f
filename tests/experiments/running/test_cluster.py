"""Trainings on the workers of a Dask scheduler."""

import pytest
from pydantic import ValidationError
from tiny_experiment import EVALUATION, die_once, make_stores, make_variation, raise_error

from sen2naip_sr.errors import UserError
from sen2naip_sr.experiments.comparison.parameters import CrossValidationParameters
from sen2naip_sr.experiments.running.cluster import Cluster
from sen2naip_sr.experiments.running.runner import run_variations

distributed = pytest.importorskip("distributed")


def test_a_scheduler_is_an_address_and_workers_are_a_number():
    assert CrossValidationParameters(workers="tcp://host:8786").workers == "tcp://host:8786"
    assert CrossValidationParameters(workers=2).workers == 2
    for wrong in (0, "host", "many"):
        with pytest.raises(ValidationError):
            CrossValidationParameters(workers=wrong)


def test_a_scheduler_that_is_not_there_is_said(tmp_path):
    with pytest.raises(UserError, match=r"no Dask scheduler at tcp://127\.0\.0\.1:1"):
        Cluster("tcp://127.0.0.1:1")


def test_a_scheduler_without_workers_is_said(tmp_path):
    with distributed.LocalCluster(
        n_workers=0, dashboard_address=None, local_directory=tmp_path
    ) as cluster:
        with pytest.raises(UserError, match="has no workers"):
            Cluster(cluster.scheduler_address)


@pytest.mark.filterwarnings("ignore")
def test_variations_on_a_cluster_are_those_of_this_process_and_a_worker_may_die(tmp_path):
    stores = make_stores(tmp_path)
    variations = [make_variation(f"seed {seed}", seed=seed) for seed in range(2)]
    here = run_variations(variations, *stores, tmp_path / "here", EVALUATION)
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, dashboard_address=None, local_directory=tmp_path / "dask"
    ) as cluster:
        address = cluster.scheduler_address
        there = run_variations(variations, *stores, tmp_path / "there", EVALUATION, workers=address)
        with Cluster(address) as runs:
            assert runs.submit(die_once, tmp_path / "marker", 7).result(60) == 7
            with pytest.raises(UserError, match="the disk is full"):
                runs.submit(raise_error).result(60)
    assert [one.psnr for one in there] == pytest.approx([one.psnr for one in here], abs=1e-4)
    assert all((tmp_path / f"there/{one.name}/weights.safetensors").is_file() for one in there)
