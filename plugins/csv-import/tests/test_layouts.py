import random
from pathlib import Path

import pytest

from ombud_csv_import.layouts import FULL, LAYOUTS, Layout, named, proposal, recognise
from ombud_csv_import.mapping import guess, read_mapping
from ombud_csv_import.reading import open_table

SAMPLES = Path(__file__).parent / "samples"


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_a_layout_is_recognised_in_any_order_case_and_spacing(layout: Layout) -> None:
    header = [f" {column.upper().replace(' ', '  ')} " for column in layout.columns]
    random.Random(7).shuffle(header)
    assert recognise(header) is layout
    assert recognise([*header, "One more"]) is None
    assert recognise(header[1:]) is not layout


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_each_layout_has_a_mapping_that_fits_its_columns_and_can_be_saved(layout: Layout) -> None:
    assert layout.mapping.problems(layout.columns) == ()
    assert read_mapping(layout.mapping.document()) == layout.mapping


@pytest.mark.parametrize(("name", "width"), [("cfpb-18", 18), ("cfpb-16", 16), ("cfpb-15", 15), ("cfpb-14", 14)])
def test_the_layouts_have_as_many_columns_as_they_say(name: str, width: int) -> None:
    assert len(set(named(name).columns)) == width


def test_sixteen_columns_keep_the_narrative_and_lack_consent_and_dispute() -> None:
    assert set(FULL) - set(named("cfpb-16").columns) == {"Consumer consent provided?", "Consumer disputed?"}
    assert named("cfpb-16").mapping.narrative == "Consumer complaint narrative"


@pytest.mark.parametrize(
    ("file", "name"),
    [("cfpb_2026_15_columns.csv", "cfpb-15"), ("cfpb_narratives_20.csv", "cfpb-narratives")],
)
def test_real_files_are_recognised(file: str, name: str) -> None:
    layout = recognise(open_table(SAMPLES / file).header)
    assert layout is not None
    assert layout.name == name


def test_the_proposal_for_a_layout_speaks_the_spelling_of_the_file() -> None:
    assert proposal(["ID", "Narrative", "PRODUCT"]).external_id == "ID"
    assert proposal(["ID", "Narrative", "Colour"]) == guess(["ID", "Narrative", "Colour"])


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(KeyError, match=r"cfpb-17.*cfpb-18, cfpb-16"):
        named("cfpb-17")
