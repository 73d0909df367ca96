"""Lists with columns: an administrator edits fields with names, and the plugin reads the same lines as before."""

import pytest

from ombud.desk.administration import taxonomies as taxonomy_setup
from ombud.desk.administration.taxonomies import TermGiven
from ombud.kernel.database import db
from ombud.kernel.setting_columns import read_columns, same
from ombud.kernel.setting_schema import SchemaUnfit, read_schema
from ombud.trust.policy import SYSTEM

PAGE = "/settings/p-fca"


def _row(fields: dict, words: str) -> str:
    """The beginning of the names of the cells in the row that says this."""
    return next(name for name, value in fields.items() if value == words).rpartition(".")[0]


async def test_a_list_with_columns_is_a_form_with_the_names_of_the_taxonomy(desk, send, forms):
    await desk.enable("fca")
    await taxonomy_setup.add(SYSTEM, "category", "isa", None, TermGiven({"en": "Cash ISA"}))
    await taxonomy_setup.add(SYSTEM, "category", "loans", None, TermGiven({"en": "Personal loans"}))
    boss = await desk.signed_in("administrator")
    page = (await boss.get(PAGE)).text
    assert "Cash ISA</label>" in page
    assert "current_accounts | Current accounts" not in page.split("was.products")[0].rpartition("<textarea")[2]
    fields = forms(page).of(PAGE)
    row = _row(fields, "mortgages")
    untouched = await send(boss, PAGE, PAGE, follow=True)
    assert "Nothing was different" in untouched.text, "shipped lists are not set only because they were seen"
    saved = await send(boss, PAGE, PAGE, **{f"{row}.3": ["isa", "loans"], f"{row}.4": "verified"}, follow=True)
    assert saved.status_code == 200
    lines = (await db.fetchval("SELECT value FROM core_setting WHERE key = 'p-fca'"))["value"]["products"]
    assert "mortgages | Mortgages, including buy-to-let | Home finance | isa, loans | verified" in lines
    assert len(lines) == 28
    assert "Cash ISA, Personal loans" in (await boss.get(PAGE)).text


async def test_a_row_is_added_taken_out_and_a_bar_is_refused_in_its_own_words(desk, send, forms):
    await desk.enable("fca")
    boss = await desk.signed_in("administrator")
    fields = forms((await boss.get(PAGE)).text).of(PAGE)
    blank = max(int(name.split(".")[2]) for name in fields if name.startswith("cell.products."))
    new = {f"cell.products.{blank}.{place}": text for place, text in enumerate(("gold", "Gold", "Investments"))}
    gone = {f"{_row(fields, 'pet_insurance')}.{place}": "" for place in range(3)}
    refused = await send(boss, PAGE, PAGE, **{**new, f"cell.products.{blank}.1": "Gold | coins"})
    assert refused.status_code == 422
    assert "Leave out the bar" in refused.text
    await send(boss, PAGE, PAGE, **new, **gone)
    lines = (await db.fetchval("SELECT value FROM core_setting WHERE key = 'p-fca'"))["value"]["products"]
    assert "gold | Gold | Investments |  |" in lines
    assert not [each for each in lines if each.startswith("pet_insurance")]


def test_lines_that_differ_in_their_spaces_say_the_same():
    columns = read_columns([{"label": "Code"}, {"label": "Categories", "terms": "category", "many": True}])
    assert same("a | b,c", "a|b, c ", columns)
    assert not same("a | b", "a | c", columns)


@pytest.mark.parametrize(
    ("columns", "words"),
    [([], "one for each column"), ([{"label": ""}], "needs a label"), ([{"label": "A", "of": "x"}], "'of'"),
     ([{"label": "A", "terms": "units"}], "category, cause")],
)  # fmt: skip
def test_columns_that_core_cannot_draw_make_a_schema_unfit(columns, words):
    with pytest.raises(SchemaUnfit, match=words):
        read_schema({"lines": {"type": "list", "meta": {"label": "Lines", "columns": columns}}})
