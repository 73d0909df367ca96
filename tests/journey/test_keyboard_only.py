"""The work of a day without a mouse, in a browser on a served desk: keys, the palette, own keys, and keys off."""

import re
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

PASSWORD = "harbour lantern moss"
MATTERS = ["My card was blocked and nobody told me why.", "The overdraft fee was taken twice."]

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def served(module_desk: Any) -> Any:
    module_desk.start()
    for name, role in (("ewa", "agent"), ("piotr", "agent"), ("anna", "leader")):
        module_desk.command("user", "add", name, "--role", role, "--password-stdin", given=f"{PASSWORD}\n")
    module_desk.token = module_desk.command("token", "create", "--user", "anna").splitlines()[-1]
    return module_desk


@pytest.fixture
def complaint(served: Any) -> Callable[[], str]:
    """Files a complaint with two matters through the API and returns its reference."""

    def file() -> str:
        headers = {"authorization": f"Bearer {served.token}", "idempotency-key": secrets.token_hex(8)}
        matters = [{"text": text} for text in MATTERS]
        body = {"channel": "api", "person": {"name": "Helena Marsh"}, "matters": matters}
        answer = httpx.post(f"{served.address}/api/v1/complaints", json=body, headers=headers, timeout=30)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["reference"])

    return file


@pytest.fixture
def sit_down(served: Any, chromium: Any) -> Iterator[Callable[[str], Any]]:
    """Somebody at a keyboard, signed in without a mouse; whatever the browser complains of fails the test."""
    contexts, troubles = [], []

    def sit(name: str) -> Any:
        context = chromium.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda said: "Content Security" in said.text and troubles.append(said.text))
        page.goto(f"{served.address}/sign-in")
        page.keyboard.press("Tab") if not page.evaluate("document.activeElement.name === 'login'") else None
        while not page.evaluate("document.activeElement.name === 'login'"):
            page.keyboard.press("Tab")
        page.keyboard.type(name)
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/queues/**")
        return page

    yield sit
    for context in contexts:
        context.close()
    assert troubles == []


def focused(page: Any) -> str:
    return str(page.evaluate("document.activeElement.getAttribute('name') || document.activeElement.id"))


def until(page: Any, holds: str) -> None:
    """Asks until the script holds; Playwright's own waiting is eval in the page, which its content policy refuses."""
    for _ in range(150):
        if page.evaluate(holds):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"after 15 seconds still not: {holds}")


def settled(page: Any) -> None:
    page.wait_for_load_state("load")
    until(page, "document.querySelector('[data-palette-open]')?.hidden === false")


def decide(page: Any, outcome: str) -> None:
    """Opens the form with D, chooses by arrow, writes the reason, sends with Ctrl+Enter."""
    page.keyboard.press("d")
    form = page.locator("dialog[open] form#decide")
    form.wait_for()
    until(page, "document.activeElement.name === 'outcome'")
    page.keyboard.press("Space")
    for _ in range(10):
        if form.locator("input[name=outcome]:checked").get_attribute("value") == outcome:
            break
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    while focused(page) != "reason":
        page.keyboard.press("Tab")
    page.keyboard.type("We looked into it.")
    with page.expect_navigation():
        page.keyboard.press("Control+Enter")
    settled(page)


def test_from_sign_in_to_a_closed_case_and_undo_with_the_keyboard_alone(
    served: Any, sit_down: Callable[[str], Any], complaint: Callable[..., str]
) -> None:
    reference = complaint()
    page = sit_down("ewa")
    page.goto(f"{served.address}/queues/nobody")
    settled(page)
    page.keyboard.press("j")
    row = page.locator("tr[data-cursor]")
    while reference not in row.inner_text():
        page.keyboard.press("j")
    page.keyboard.press("x")
    assert "1" in page.locator("[data-told]").inner_text()
    with page.expect_navigation():
        page.keyboard.press("a")
    settled(page)
    assert page.url.endswith(reference)
    with page.expect_navigation():
        page.keyboard.press("z")  # the toast
    settled(page)
    assert "It is as it was before." in page.inner_text("#toasts")
    with page.expect_navigation():
        page.keyboard.press("a")
    settled(page)
    decide(page, "upheld")
    decide(page, "not_upheld")
    page.keyboard.press("r")
    assert focused(page) == "text"
    page.keyboard.type("We were wrong about the card. We are sorry.")
    with page.expect_navigation():
        page.keyboard.press("Control+Enter")
    settled(page)
    assert "We were wrong about the card." in page.inner_text("#talk")
    page.evaluate("document.activeElement.blur()")
    with page.expect_navigation():
        page.keyboard.press("e")
    settled(page)
    assert "Closed" in page.inner_text("header.bar")
    with page.expect_navigation():
        page.keyboard.press("z")
    settled(page)
    assert "Resolved" in page.inner_text("header.bar")


def test_the_palette_does_what_is_named_and_says_why_not_and_gives_the_focus_back(
    served: Any, sit_down: Callable[[str], Any], complaint: Callable[..., str]
) -> None:
    reference = complaint()
    page = sit_down("piotr")
    page.goto(f"{served.address}/cases/{reference}")
    settled(page)
    back = page.locator("a[data-act=back]")
    back.focus()
    page.keyboard.press("Control+k")
    words = page.get_by_role("combobox", name="What do you want to do?")
    assert words.evaluate("each => each === document.activeElement")
    page.keyboard.type("close")
    line = page.get_by_role("option", name=re.compile("Close the case"))
    assert line.get_attribute("aria-disabled") == "true"
    assert "no outcome yet" in line.inner_text()
    page.keyboard.press("Escape")
    assert back.evaluate("each => each === document.activeElement")
    page.keyboard.press("Control+k")
    page.keyboard.type("tkcase")  # letters in order are enough
    until(page, "document.querySelector('[role=option][aria-selected=true]')?.innerText.startsWith('Take')")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    settled(page)
    assert "piotr" in page.inner_text("header.bar") + page.inner_text("section[aria-label='Case facts']")
    page.keyboard.press("Control+k")
    page.keyboard.type("late")
    page.get_by_role("option", name=re.compile("^Late")).wait_for()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.url.endswith("/queues/late")
    settled(page)
    page.keyboard.press("Control+k")
    page.keyboard.type("undo")
    page.get_by_role("option", name=re.compile("Undo the last change")).wait_for()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.url.endswith(reference)


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ({"status": 500, "body": "broken"}, "Search is not answering"),
        ({"status": 404, "body": "none"}, "Search is not answering"),
        (
            {"status": 200, "content_type": "application/json",
             "body": '[{"kind": "case", "label": "OMB-XYZ The fee", "detail": "Helena Marsh", "href": "/queues/all"},'
                     ' {"kind": "case", "label": "Bad", "detail": "", "href": "//evil.example/"}]'},
            "OMB-XYZ The fee",
        ),
    ],
)  # fmt: skip
def test_the_palette_finds_records_and_says_so_when_search_is_away(
    served: Any, sit_down: Callable[[str], Any], answer: dict[str, Any], shown: str
) -> None:
    page = sit_down("piotr")
    page.route("**/search/quick*", lambda route: route.fulfill(**answer))
    settled(page)
    page.keyboard.press("Control+k")
    page.keyboard.type("fee")
    line = page.get_by_role("option", name=re.compile(shown))
    line.wait_for()
    assert page.get_by_role("option", name=re.compile("Bad")).count() == 0
    page.keyboard.press("Control+a")
    page.keyboard.type("All cases")  # places still work
    page.get_by_role("option", name=re.compile("^All cases")).first.wait_for()
    page.get_by_role("option", name=re.compile("^All cases")).first.click()
    page.wait_for_url("**/queues/all")


def test_an_own_key_works_everywhere_and_the_usual_one_no_more_and_all_rest_when_off(
    served: Any, sit_down: Callable[[str], Any], complaint: Callable[..., str]
) -> None:
    complaint()
    page = sit_down("anna")
    page.goto(f"{served.address}/me/keys")
    page.locator("[name=next]").focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("h")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Your keys are kept.")
    page.goto(f"{served.address}/queues/all")
    settled(page)
    page.keyboard.press("j")
    assert page.locator("tr[data-cursor]").count() == 0
    page.keyboard.press("h")
    assert page.locator("tr[data-cursor]").count() == 1
    page.keyboard.press("?")
    assert "H" in page.locator("#keysheet [data-binding=next]").inner_text()
    page.keyboard.press("Escape")
    page.evaluate("document.documentElement.dataset.keys = 'off'")
    page.keyboard.press("k")
    page.keyboard.press("c")
    assert page.url.endswith("/queues/all")
    page.keyboard.press("Control+k")  # a key with Ctrl is no single key
    assert page.locator("#palette[open]").count() == 1


def test_rows_are_selected_as_a_range_and_stay_so_through_a_filter_and_many_are_changed(
    served: Any, sit_down: Callable[[str], Any], complaint: Callable[..., str]
) -> None:
    references = [complaint() for _ in range(3)]
    page = sit_down("anna")
    page.goto(f"{served.address}/queues/nobody")
    settled(page)
    ticks = page.locator("input[name=reference][type=checkbox]")
    ticks.first.click()
    ticks.nth(2).click(modifiers=["Shift"])
    assert "3" in page.locator("[data-told]").inner_text()
    with page.expect_response(lambda answer: "priority=urgent" in answer.url):
        page.locator("select[name=priority]").select_option("urgent")
    until(page, "document.querySelector('[data-told]').textContent.includes('not in this list: 3')")
    with page.expect_navigation():
        page.keyboard.press("b") if not page.locator("select:focus").count() else page.get_by_role(
            "button", name=re.compile("Change selected")
        ).press("Enter")
    assert "Change 3 cases" in page.inner_text("header.bar")
    page.locator("input[name=action][value=priority]").focus()
    page.keyboard.press("Space")
    page.locator("select[name=priority]").select_option("high")
    with page.expect_navigation():
        page.get_by_role("button", name=re.compile("^Preview")).press("Enter")
    settled(page)
    with page.expect_navigation():
        page.locator("form[action$='/run'] button").press("Enter")
    settled(page)
    assert "3 cases are changed" in page.inner_text("main")
    with page.expect_navigation():
        page.keyboard.press("z")
    page.wait_for_selector("text=3 cases are as they were before")
    assert len(references) == 3
