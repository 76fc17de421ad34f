import pytest

from sen2naip_sr.pipelines.ingestion.nodes import plan_ingestion
from sen2naip_sr.sources import make_source
from sen2naip_sr.sources.directory import DirectorySource
from sen2naip_sr.sources.parameters import IngestionParameters
from sen2naip_sr.sources.sample import SampleSource
from sen2naip_sr.sources.sen2naip import Sen2NaipSource


@pytest.mark.parametrize(
    ("source", "path", "kind"),
    [
        ("sample", None, SampleSource),
        ("directory", "imagery", DirectorySource),
        ("sen2naip", None, Sen2NaipSource),
    ],
)
def test_the_source_is_the_one_that_the_parameters_name(tmp_path, source, path, kind):
    raw = tmp_path / "raw"
    parameters = IngestionParameters(source=source, path=path, raw_folder=str(raw))
    assert type(make_source(parameters)) is kind
    assert not raw.exists()


def test_the_sample_takes_its_own_parameters(tmp_path):
    parameters = IngestionParameters(
        raw_folder=str(tmp_path), sample={"seed": 3, "places": 4, "chips_per_place": 2, "size": 64}
    )
    assert make_source(parameters) == SampleSource(tmp_path / "sample", 3, 4, 2, 64)


def test_a_plan_makes_nothing_and_changes_with_what_the_chips_depend_on(tmp_path):
    def fingerprint(**parameters):
        values = {"raw_folder": str(tmp_path / "raw"), "chip_size": 64} | parameters
        return plan_ingestion(IngestionParameters(**values)).fingerprint()

    assert fingerprint() == fingerprint(raw_folder=str(tmp_path / "elsewhere"))
    others = [fingerprint(chip_size=32), fingerprint(bands=3), fingerprint(sample={"seed": 1})]
    assert len({fingerprint(), *others}) == 4
    assert list(tmp_path.iterdir()) == []
