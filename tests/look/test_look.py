"""The pages as they are drawn: strict templates, strict content policy, no barrier in either theme, keys, drafts."""

import gzip
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path

import pytest
from axe import OF_LOOKS, RULES, barriers, contrast, ready, sized, wear, whole
from look_samples import PAGES
from look_stage import draw, draw_fragment, jinja, look_of, sheet_of
from playwright.sync_api import Browser, Page, Route, expect

from ombud.web import assets, templating


class Inline(HTMLParser):
    """Collects what a strict content policy would refuse, and ids that occur twice."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "style" or (tag == "script" and "src" not in given):
            self.refused.append(f"<{tag}>")
        self.refused += [f"{tag} {name}" for name in given if name == "style" or re.match(r"on[a-z]|hx-on", name)]
        if given.get("id"):
            self.ids.append(str(given["id"]))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_draws_with_exactly_the_context_it_documents(name: str) -> None:
    html = draw(name)
    found = Inline()
    found.feed(html)
    assert found.refused == []
    assert sorted(found.ids) == sorted(set(found.ids))
    assert "http://" not in html
    assert "https://" not in html
    assert 'method="post"' not in re.sub(r"(?s)<form[^>]*post.*?_csrf_token", "", html)


def test_every_template_compiles_and_none_is_left_undrawn() -> None:
    names = set(jinja().list_templates(filter_func=lambda name: not name.startswith("core/")))
    drawn: set[str] = set()
    for name in names:
        source, _, _ = jinja().loader.get_source(jinja(), name)  # type: ignore[union-attr]
        jinja().get_template(name)
        drawn |= set(re.findall(r'(?:extends|from|include|import) "([^"]+)"', source))
    drawn |= {template for template, _ in PAGES.values()}
    assert names - drawn == set()


def _imported(template: str) -> set[str]:
    """Names that a page's layouts import from components: they stand above what the page was given."""
    source, _, _ = jinja().loader.get_source(jinja(), template)  # type: ignore[union-attr]
    names = {
        each.split(" as ")[-1].strip()
        for listed in re.findall(r'{% from "[^"]+" import ([^%]+?) -?%}', source)
        for each in listed.split(",")
    }
    return names.union(*(_imported(each) for each in re.findall(r'{% extends "([^"]+)"', source)))


def test_no_page_is_given_anything_by_the_name_of_a_component() -> None:
    wrong = {name: both for name, (template, given) in PAGES.items() if (both := _imported(template) & set(given))}
    assert wrong == {}


def test_every_icon_that_a_template_names_is_in_the_sprite() -> None:
    known = set(assets.icon_names())
    for path in templating.TEMPLATES.rglob("*.html"):
        for name in re.findall(r'icon\("([a-z0-9-]+)"', path.read_text("utf-8")):
            assert name in known or name == "heat-", f"{path.name} draws {name}"


def test_an_unknown_icon_of_a_plugin_becomes_a_puzzle_piece() -> None:
    drawn = jinja().from_string('{% from "components/icon.html" import icon %}{{ icon("no-such") }}').render()
    assert "#puzzle" in drawn


def test_text_of_a_customer_is_never_markup() -> None:
    drawn = jinja().from_string('{% from "components/marks.html" import tag %}{{ tag("<script>x</script>") }}').render()
    assert "<script>" not in drawn


def test_the_style_sheet_stays_small_and_has_no_important() -> None:
    sheet = (assets.BUILT_DIR / Path(assets.url("app.css")).name).read_text("utf-8")
    assert len(sheet.encode()) < 60_000  # as read; compressed it travels as a fifth of that
    assert len(gzip.compress(sheet.encode())) < 13_000
    assert "!important" not in sheet
    assert "@import" not in sheet


def test_composing_again_changes_nothing() -> None:
    before = assets.url("app.css")
    assert assets.build() is False
    assert assets.url("app.css") == before


def test_an_unknown_asset_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(assets.AssetsMissingError, match=r"app\.css"):
        assets.url("nothing.css")


def test_the_lock_file_names_no_registry() -> None:
    lock = (assets.WEB / "package-lock.json").read_text("utf-8")
    assert '"resolved"' not in lock
    assert "registry" not in lock


WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 320, "height": 720}


@contextmanager
def _opened(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport=WIDE, reduced_motion="reduce")
    context.set_default_timeout(30_000)  # a machine that is busy is waited for
    page = context.new_page()
    page.refused = []  # type: ignore[attr-defined]
    page.on("console", lambda said: "Content Security Policy" in said.text and page.refused.append(said.text))  # type: ignore[attr-defined]
    yield page
    context.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    with _opened(chromium) as page:
        yield page
        assert page.refused == []  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def _one_page(chromium: Browser) -> Iterator[Page]:
    with _opened(chromium) as page:
        ready(page)
        yield page


@pytest.fixture
def glass(_one_page: Page) -> Iterator[Page]:
    """A page for those who only look: one for hundreds of samples, since each new one starts processes of its own."""
    sized(_one_page, **WIDE)
    _one_page.refused.clear()  # type: ignore[attr-defined]
    yield _one_page
    assert _one_page.refused == []  # type: ignore[attr-defined]


# One sample of each template: its contrast is looked at whole, and it is seen in the theme `contrast` too. A theme
# changes colours and lines, and the other samples use the same ones.
BY_TEMPLATE = {template: name for name, (template, _) in reversed(PAGES.items())}
WHOLE = set(BY_TEMPLATE.values())
DARK = "document.documentElement.dataset.theme = 'dark'"
LIGHT = "document.documentElement.dataset.theme = 'light'"


@pytest.fixture(scope="module")
def seen() -> set[tuple[str, int]]:
    """Looks of texts that some sample showed already."""
    return set()


@pytest.mark.browser
@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_no_barrier_in_light_and_dark_in_each_theme_and_fits_a_phone(
    glass: Page, desk_address: str, seen: set[tuple[str, int]], name: str
) -> None:
    page = glass
    page.goto(f"{desk_address}/{name}?theme=light")
    enhanced = "color-contrast-enhanced"
    if name in WHOLE:
        assert whole(page, [*RULES, "wcag2aaa"], seen, without=(enhanced,)) == []
    else:
        assert barriers(page, RULES, without=("color-contrast",)) == []
        assert contrast(page, seen) == []
    page.evaluate(DARK)
    assert contrast(page, seen) == []
    sized(page, **NARROW)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert barriers(page, ["target-size"]) == []
    assert contrast(page, seen) == []
    if name in WHOLE:
        wear(page, sheet_of("contrast"))
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        assert barriers(page, ["target-size"]) == []
        assert contrast(page, seen, enhanced) == []
        sized(page, **WIDE)
        assert contrast(page, seen, enhanced) == []
        page.evaluate(LIGHT)
        assert contrast(page, seen, enhanced) == []
        assert barriers(page, OF_LOOKS) == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_in_another_theme_is_the_same_but_for_its_sheet(name: str) -> None:
    assert draw(name).replace(look_of("plain"), look_of("contrast")) == draw(name, look="contrast")
    assert look_of("contrast") in draw(name, look="contrast")


@pytest.mark.parametrize("theme", ["plain", "contrast"])
def test_a_theme_neither_hides_nor_says_anything(theme: str) -> None:
    sheet = sheet_of(theme).read_text("utf-8")
    assert re.findall(r"[\s{;](display|visibility|content|position|clip-path|opacity|order|transform)\s*:", sheet) == []


@pytest.mark.browser
def test_a_barrier_would_be_found_in_light_in_dark_and_on_a_phone(glass: Page, desk_address: str) -> None:
    glass.goto(f"{desk_address}/queue?theme=light")
    glass.evaluate("document.querySelector('h1').insertAdjacentHTML('afterend', '<p><img src=/s/0 id=blank></p>')")
    assert barriers(glass, RULES) == [("image-alt", ['<img src="/s/0" id="blank">'])]
    glass.evaluate("document.querySelector('h1').style.color = 'var(--o-canvas)'")
    assert [rule for rule, _ in barriers(glass, ["color-contrast"])] == ["color-contrast"]
    assert [rule for rule, _ in whole(glass, RULES, set(), without=("image-alt",))] == ["color-contrast"]
    assert barriers(glass, RULES, without=("color-contrast", "image-alt")) == []
    glass.evaluate("document.body.style.inlineSize = '400px'")
    sized(glass, **NARROW)
    assert glass.evaluate("document.documentElement.scrollWidth") > 320


@pytest.mark.browser
@pytest.mark.parametrize("name", ["queue", "case", "settings-history"])
def test_what_is_measured_is_laid_out_as_what_is_looked_at(
    page: Page, glass: Page, desk_address: str, name: str
) -> None:
    laid = (
        "[...document.querySelectorAll('*')].map(each => { const place = each.getBoundingClientRect(), style = "
        "getComputedStyle(each); return [each.localName, place.x, place.y, place.width, place.height, style.color, "
        "style.borderTopWidth, style.fontSize, style.display].join(); })"
    )
    for each in (page, glass):
        each.goto(f"{desk_address}/{name}?theme=light")
        each.evaluate("document.fonts.ready.then(() => 0)")
    for size in (WIDE, NARROW):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        sized(glass, **size)
        assert glass.evaluate(laid) == page.evaluate(laid)
        assert glass.evaluate("document.documentElement.scrollWidth") <= size["width"]


@pytest.mark.browser
@pytest.mark.parametrize(
    "change",
    [
        "one.style.color = 'var(--o-canvas)'",
        "one.style.backgroundColor = 'var(--o-ink-2)'",
        "one.parentElement.style.backgroundColor = 'var(--o-ink-2)'",
        "one.style.opacity = 0.3",
        "one.parentElement.style.opacity = 0.3",
    ],
)
def test_a_look_that_was_seen_is_not_looked_at_again_and_one_that_changed_is(
    glass: Page, desk_address: str, change: str
) -> None:
    glass.goto(f"{desk_address}/queue?theme=light")
    seen: set[tuple[str, int]] = set()
    assert contrast(glass, seen) == []
    before = len(seen)
    assert before > 10
    assert contrast(glass, seen) == []
    assert len(seen) == before
    at_once: set[tuple[str, int]] = set()
    assert whole(glass, RULES, at_once) == []
    assert at_once == seen
    glass.evaluate(f"{{ const one = document.querySelector('h1'); {change}; }}")
    assert [rule for rule, _ in contrast(glass, seen)] == ["color-contrast"]
    assert len(seen) > before


@pytest.mark.browser
def test_another_theme_brings_looks_of_its_own(glass: Page, desk_address: str) -> None:
    glass.goto(f"{desk_address}/queue?theme=light")
    ink = "getComputedStyle(document.querySelector('.side__item')).color"
    before, seen = glass.evaluate(ink), set[tuple[str, int]]()
    contrast(glass, seen)
    known = len(seen)
    wear(glass, sheet_of("contrast"))
    assert glass.evaluate(ink) != before
    assert contrast(glass, seen) == []
    assert len(seen) > known


@pytest.mark.browser
def test_the_theme_contrast_leaves_forced_colours_to_the_system(chromium: Browser, desk_address: str) -> None:
    context = chromium.new_context(forced_colors="active")
    page = context.new_page()
    page.goto(f"{desk_address}/queue?look=contrast")
    drawn = page.evaluate(
        "() => { const seen = e => getComputedStyle(document.querySelector(e)); const probe = document.createElement("
        "'p'); probe.className = 'muted'; document.body.append(probe); const said = {page: seen('body').color, "
        "link: seen('.rows__title').color, current: seen('.side__item[aria-current]').outlineStyle}; "
        "probe.style.color = 'CanvasText'; return {...said, system: getComputedStyle(probe).color}; }"
    )
    context.close()
    assert drawn["page"] == drawn["system"]
    assert drawn["link"] != "rgb(0, 60, 71)"
    assert drawn["current"] == "solid"


@pytest.mark.browser
def test_keys_move_open_and_rest_while_typing(page: Page, desk_address: str) -> None:
    page.goto(f"{desk_address}/queue")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("tr[data-cursor]")).to_contain_text("OMB-4121")
    page.keyboard.press("x")
    expect(page.get_by_label("Select OMB-4121")).to_be_checked()
    page.keyboard.press("/")
    page.keyboard.type("jx")
    expect(page.get_by_label("Search cases")).to_have_value("jx")
    expect(page.locator("tr[data-cursor]")).to_contain_text("OMB-4121")


@pytest.mark.browser
def test_the_key_sheet_lists_what_the_page_answers_to(page: Page, desk_address: str) -> None:
    page.goto(f"{desk_address}/queue")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="All keys")).to_contain_text("Take the selected cases")


@pytest.mark.browser
def test_single_keys_can_be_turned_off(page: Page, desk_address: str) -> None:
    page.route("**/preferences", lambda route: route.fulfill(status=204))
    page.goto(f"{desk_address}/queue")
    page.locator(".rail summary").click()
    with page.expect_request("**/preferences") as sent:
        page.get_by_label("Single keys").uncheck()
    assert "_csrf_token=sample" in (sent.value.post_data or "")
    page.locator("h1").click()
    page.keyboard.press("j")
    expect(page.locator("tr[data-cursor]")).to_have_count(0)


@pytest.mark.browser
def test_the_theme_switch_shows_at_once_and_is_stored(page: Page, desk_address: str) -> None:
    page.route("**/preferences", lambda route: route.fulfill(status=204))
    page.goto(f"{desk_address}/queue?theme=light")
    ground = page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor")
    page.locator(".rail summary").click()
    with page.expect_request("**/preferences") as sent:
        page.get_by_text("Dark", exact=True).click()
    assert "theme=dark" in (sent.value.post_data or "")
    assert page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor") != ground


@pytest.mark.browser
def test_more_contrast_is_stronger_than_the_theme(page: Page, desk_address: str) -> None:
    accent = "getComputedStyle(document.querySelector('.button--main')).backgroundColor"
    page.goto(f"{desk_address}/queue?theme=light")
    usual = page.evaluate(accent)
    page.goto(f"{desk_address}/queue?theme=light&contrast=more")
    assert (usual, page.evaluate(accent)) == ("rgb(11, 92, 104)", "rgb(0, 66, 76)")


@pytest.mark.browser
def test_a_draft_is_stored_while_typing_and_says_when_it_is_not(page: Page, desk_address: str) -> None:
    answers = [500, 200]
    version = '<input type="hidden" name="draft_version" value="8">'
    saved = f'<span id="draft-status">{version}<span id="draft-words">Draft saved 09:32</span></span>'

    def answer(route: Route) -> None:
        route.fulfill(status=answers.pop(0), body=saved, content_type="text/html")

    page.route("**/draft", answer)
    page.goto(f"{desk_address}/case")
    text = page.get_by_label("Text", exact=True)
    text.press_sequentially("a")
    expect(page.locator("#draft-status")).to_contain_text("Not saved yet")
    with page.expect_request("**/draft") as sent:
        text.press_sequentially("b")
    assert "draft_version=7" in (sent.value.post_data or "")
    expect(page.locator("#draft-status")).to_contain_text("Draft saved 09:32")
    expect(page.locator("#composer [name=draft_version]")).to_have_value("8")


@pytest.mark.browser
def test_deciding_opens_in_a_dialog_and_a_refusal_stays_in_it(page: Page, desk_address: str) -> None:
    def answer(route: Route) -> None:
        post = route.request.method == "POST"
        body = draw_fragment("fragments/decide.html", "decide-refused" if post else "decide")
        route.fulfill(status=422 if post else 200, body=body, content_type="text/html")

    page.route("**/decide", answer)
    page.goto(f"{desk_address}/case")
    page.keyboard.press("d")
    dialog = page.locator("dialog#dialog")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Decide").click()
    expect(dialog).to_contain_text("Choose an outcome.")
    expect(dialog.locator("[data-summary]")).to_be_focused()
    dialog.get_by_role("link", name="Cancel").click()
    expect(dialog).to_be_hidden()


@pytest.mark.browser
def test_a_decision_that_the_server_accepts_leads_back_to_the_case(page: Page, desk_address: str) -> None:
    def answer(route: Route) -> None:
        if route.request.method == "POST":
            route.fulfill(status=303, headers={"location": f"{desk_address}/queue"})
        else:
            route.fulfill(body=draw_fragment("fragments/decide.html", "decide"), content_type="text/html")

    page.route("**/decide", answer)
    page.goto(f"{desk_address}/case")
    page.keyboard.press("d")
    page.get_by_text("Partly upheld").click()
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/queue")


@pytest.mark.browser
def test_the_button_says_send_for_a_reply_and_save_for_a_note(page: Page, desk_address: str) -> None:
    page.goto(f"{desk_address}/case")
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    page.keyboard.press("n")
    expect(page.get_by_role("button", name="Save note")).to_be_visible()
    expect(page.get_by_label("Text", exact=True)).to_be_focused()


@pytest.mark.browser
def test_next_fifty_go_on_in_the_same_table(page: Page, desk_address: str) -> None:
    body = draw_fragment("fragments/queue_groups.html", "queue")
    page.route("**/queues/mine?after=abc", lambda route: route.fulfill(body=body, content_type="text/html"))
    page.goto(f"{desk_address}/queue")
    before = page.locator("table.rows tr[data-row]").count()
    page.get_by_role("link", name="Next 50").click()
    expect(page.locator("table.rows tr[data-row]")).to_have_count(before * 2)
    assert page.locator("table.rows").count() == 1


@pytest.mark.browser
def test_a_toast_waits_under_the_pointer_and_leaves_after_ten_seconds(page: Page, desk_address: str) -> None:
    page.clock.install()
    page.goto(f"{desk_address}/queue")
    toast = page.locator(".toast")
    toast.hover()
    page.clock.run_for(30_000)
    expect(toast).to_be_visible()
    # Our listener comes after the toast's own; a moved mouse does not wait until the page has heard of it.
    toast.evaluate("toast => toast.addEventListener('pointerleave', () => { document.body.dataset.left = '' })")
    page.mouse.move(5, 5)
    expect(page.locator("body[data-left]")).to_have_count(1)
    page.clock.run_for(10_500)
    expect(toast).to_have_count(0)


@pytest.mark.browser
def test_pages_work_without_javascript(chromium: Browser, desk_address: str) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{desk_address}/queue")
    expect(page.get_by_role("button", name="Apply")).to_be_visible()
    page.goto(f"{desk_address}/case")
    page.get_by_text("Assign", exact=False).first.click()
    expect(page.get_by_label("Owner of the case")).to_be_visible()
    context.close()


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_open_palette_and_the_key_sheet_have_no_barrier_and_fit_a_phone(
    page: Page, desk_address: str, theme: str
) -> None:
    ready(page)
    page.goto(f"{desk_address}/case?theme={theme}")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="All keys")).to_contain_text("W")  # the key this person chose for a reply
    assert barriers(page, RULES) == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Actions").click()
    expect(page.locator("#palette-list [role=option]").first).to_be_visible()
    assert barriers(page, RULES) == []
    page.set_viewport_size({"width": 320, "height": 720})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert barriers(page, ["target-size", "color-contrast"]) == []
    page.locator("#palette-words").fill("no such thing at all")
    expect(page.get_by_role("option", name=re.compile("not answering")).first).to_be_visible()
