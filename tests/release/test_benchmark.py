from kedro.config import OmegaConfigLoader

from sen2naip_sr.release.benchmark import CONF, read_parameters
from sen2naip_sr.settings import CONFIG_LOADER_ARGS


def test_parameters_are_those_that_kedro_reads():
    read = read_parameters()
    loaded = OmegaConfigLoader(CONF, env="naip", **CONFIG_LOADER_ARGS)["parameters"]
    # the source of the benchmark is a folder: nothing is stored in this one
    del read["ingestion"]["raw_folder"], loaded["ingestion"]["raw_folder"]
    for section in ("ingestion", "preprocessing", "evaluation"):
        assert read[section] == loaded[section]
