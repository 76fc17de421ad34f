import dataclasses

from hypothesis import given
from hypothesis import strategies as st
from rasterio.enums import ColorInterp

from sen2naip_sr.raster.bands import Band, band_names

PLAIN = Band(1, None, ColorInterp.undefined, None, 1.0, 0.0, None, {})
DESCRIPTIONS = st.one_of(
    st.none(),
    st.text(max_size=6),
    st.sampled_from(["all", "ALL", "red", " red ", "band 2", "band 1"]),
)


def bands(descriptions):
    return [
        dataclasses.replace(PLAIN, number=number, description=text)
        for number, text in enumerate(descriptions, 1)
    ]


@given(st.lists(DESCRIPTIONS, min_size=1, max_size=6))
def test_every_band_has_a_name_of_its_own(descriptions):
    names = [name.casefold() for name in band_names(bands(descriptions))]
    assert len(set(names)) == len(descriptions)
    assert "all" not in names
    assert all(name.strip() for name in names)


def test_descriptions_are_names_where_they_can_be():
    assert band_names(bands(["red", None, "nir"])) == ("red", "band 2", "nir")
    assert band_names(bands(["B", "all", "B"])) == ("B (band 1)", "all (band 2)", "B (band 3)")
