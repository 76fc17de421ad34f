from kedro.config import OmegaConfigLoader

from sen2naip_sr.release.benchmark import CONF, read_parameters
from sen2naip_sr.settings import CONFIG_LOADER_ARGS


def test_parameters_are_those_that_kedro_reads():
    read = read_parameters()
    loaded = OmegaConfigLoader(CONF.parent, env="naip", **CONFIG_LOADER_ARGS)["parameters"]
    assert read["ingestion"].keys() == loaded["ingestion"].keys()
    # a reference to the project's folder, which a source in a folder does not use
    read["ingestion"]["raw_folder"] = loaded["ingestion"]["raw_folder"]
    for section, values in read.items():
        assert values == loaded[section]
