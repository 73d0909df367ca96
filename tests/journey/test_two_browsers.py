"""Two browsers on one case: each sees the other, hears of the other's changes, and loses nothing it was typing."""

import contextlib
import re
import time
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from ombud.kernel.postgres import EmbeddedPostgres

PASSWORD = "harbour lantern moss"
SLOW = 15_000

pytestmark = [pytest.mark.browser, pytest.mark.slow]


class Two:
    """A served desk with one case, and somebody's browser at will."""

    def __init__(self, desk: Any, chromium: Any) -> None:
        self.desk, self._chromium = desk, chromium
        self.troubles: list[str] = []
        self.contexts: list[Any] = []

    def browser(self, name: str) -> Any:
        """A browser of its own, signed in, on the queue."""
        context = self._chromium.new_context()
        self.contexts.append(context)
        page = self.watched(context)
        page.goto(f"{self.desk.address}/sign-in")
        page.fill("input[name=login]", name)
        page.fill("input[name=password]", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/queues/**")
        return page

    def watched(self, context: Any) -> Any:
        page = context.new_page()
        page.on("console", lambda said: self.troubles.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        return page

    def file(self, page: Any, text: str) -> str:
        page.goto(f"{self.desk.address}/cases/new")
        page.fill("input[name=name]", "Helena Marsh")
        page.locator("textarea[name=matter]").first.fill(text)
        page.get_by_role("button", name=re.compile("Open the case")).click()
        page.wait_for_url("**/cases/OMB-*")
        return str(page.url).rsplit("/", 1)[1]

    def case(self, page: Any, reference: str) -> None:
        page.goto(f"{self.desk.address}/cases/{reference}")

    def streams(self) -> int:
        """How many streams the web process holds open now, as it says itself."""
        return int(re.findall(r"; (\d+) are open", self.desk.log)[-1])

    def sql(self, statement: str, *given: Any) -> Any:
        url = EmbeddedPostgres(self.desk.data / "postgres").start()
        with psycopg.connect(url, autocommit=True) as connection:
            row = connection.execute(statement, given).fetchone()
            return row[0] if row else None


@pytest.fixture(scope="module")
def two(module_desk: Any, chromium: Any) -> Iterator[Two]:
    module_desk.start()
    for name in ("ewa", "piotr"):
        module_desk.command("user", "add", name, "--role", "leader", "--password-stdin", given=f"{PASSWORD}\n")
    stage = Two(module_desk, chromium)
    yield stage
    for context in stage.contexts:
        context.close()


@pytest.fixture(autouse=True)
def alone(two: Two) -> None:
    """Pages that an earlier test left open go on storing and listening; they are closed before the next begins."""
    for context in two.contexts:
        context.close()
    two.contexts.clear()
    two.troubles.clear()


def test_each_sees_the_other_and_that_they_write(two: Two) -> None:
    ewa, piotr = two.browser("ewa"), two.browser("piotr")
    reference = two.file(ewa, "The fee was taken twice.")
    two.case(piotr, reference)
    ewa.get_by_text("piotr is looking").wait_for(timeout=SLOW)
    piotr.get_by_text("ewa is looking").wait_for(timeout=SLOW)
    piotr.locator("#composer-text").press_sequentially("Dear Ms Marsh")
    ewa.get_by_text("piotr is writing").wait_for(timeout=SLOW)
    piotr.goto(f"{two.desk.address}/queues/all")
    ewa.get_by_text("piotr is").wait_for(state="detached", timeout=SLOW)
    assert not two.troubles


def test_a_colleagues_change_shows_a_bar_and_my_text_my_focus_and_my_place_stay(two: Two) -> None:
    ewa, piotr = two.browser("ewa"), two.browser("piotr")
    reference = two.file(piotr, "The card was blocked.")
    two.case(ewa, reference)
    ewa.locator("#composer-text").press_sequentially("My careful answer")
    place = ewa.locator("#composer-text").bounding_box()
    piotr.locator("summary").filter(has_text=re.compile("^ ?Change")).click()
    piotr.locator("form[action$='/change'] select[name=priority]").select_option("urgent")
    piotr.locator("form[action$='/change'] button").click()
    bar = ewa.locator("#case-news .banner")
    bar.filter(has_text="piotr changed the case").wait_for(timeout=SLOW)
    assert "Urgent" not in ewa.locator(".pane--facts").inner_text()
    assert ewa.locator("#composer-text").bounding_box() == place
    assert ewa.evaluate("document.activeElement.id") == "composer-text"
    ewa.keyboard.type(", and more")
    bar.get_by_role("link", name="Show").click()
    ewa.locator(".pane--facts").filter(has_text="Urgent").wait_for(timeout=SLOW)
    assert ewa.locator("#composer-text").input_value() == "My careful answer, and more"
    bar.wait_for(state="detached", timeout=SLOW)
    assert not two.troubles


def test_a_message_of_a_colleague_stands_below_the_last_one_for_who_reads_there(two: Two) -> None:
    ewa, piotr = two.browser("ewa"), two.browser("piotr")
    reference = two.file(piotr, "Nobody called back.")
    two.case(ewa, reference)
    piotr.locator("label").filter(has_text="Staff note").click()
    piotr.locator("#composer-text").fill("Ask the branch, please.")
    piotr.get_by_role("button", name="Save note").click()
    ewa.locator("#timeline").get_by_text("Ask the branch, please.").wait_for(timeout=SLOW)
    assert ewa.locator("#case-news .banner").count() == 0


def _note_toasts(page: Any) -> None:
    """Toasts leave after ten seconds, which a busy machine may need to look at the other browser."""
    page.evaluate(
        "() => { window.told = []; new MutationObserver((changes) => { for (const change of changes) "
        "for (const node of change.addedNodes) window.told.push(node.textContent); })"
        ".observe(document.getElementById('toasts'), { childList: true }); }"
    )


def _was_told(page: Any, words: str) -> None:
    end = time.monotonic() + SLOW / 1000
    while words not in page.evaluate("() => window.told.join(' | ')"):
        assert time.monotonic() < end, f"nobody was told: {words}"
        page.wait_for_timeout(100)


def test_a_claim_is_seen_and_taken_over_and_both_are_told(two: Two) -> None:
    ewa, piotr = two.browser("ewa"), two.browser("piotr")
    reference = two.file(piotr, "The app was down.")
    two.case(ewa, reference)
    piotr.locator("h1").click()
    with piotr.expect_navigation():  # news of the claim may come to the page that is about to go away
        piotr.keyboard.press("w")
    ewa.get_by_text("piotr is working on this").wait_for(timeout=SLOW)
    _note_toasts(piotr)
    ewa.get_by_role("button", name="Take over").click()
    ewa.get_by_text("You took over. Your colleague is told.").wait_for(timeout=SLOW)
    _was_told(piotr, "A colleague took over a case that you were working on.")
    piotr.get_by_text("ewa is working on this").wait_for(timeout=SLOW)
    assert not two.troubles


def test_a_list_counts_what_is_new_and_moves_only_when_asked_keeping_ticks_and_cursor(two: Two) -> None:
    ewa, piotr = two.browser("ewa"), two.browser("piotr")
    first = two.file(piotr, "An older matter.")
    ewa.goto(f"{two.desk.address}/queues/all")
    ewa.locator(f"[data-reference='{first}'] input").check()
    ewa.locator(f"[data-reference='{first}']").evaluate("row => { row.dataset.cursor = '' }")
    before = ewa.locator("#rows [data-reference]").count()
    box = ewa.locator(f"[data-reference='{first}']").bounding_box()
    second = two.file(piotr, "A brand new matter.")
    bar = ewa.locator("#queue-live .banner")
    bar.filter(has_text="1 new").wait_for(timeout=SLOW)
    assert ewa.locator("#rows [data-reference]").count() == before
    assert ewa.locator(f"[data-reference='{first}']").bounding_box() == box
    ewa.keyboard.press("n")
    ewa.locator(f"[data-reference='{second}']").wait_for(timeout=SLOW)
    assert ewa.locator(f"[data-reference='{first}'] input").is_checked()
    assert ewa.locator(f"[data-reference='{first}']").get_attribute("data-cursor") == ""
    bar.wait_for(state="detached", timeout=SLOW)
    assert not two.troubles


def test_eight_tabs_share_one_stream_and_all_of_them_answer(two: Two) -> None:
    ewa = two.browser("ewa")
    reference = two.file(ewa, "Eight tabs are open.")
    tabs = [ewa, *(two.watched(ewa.context) for _ in range(7))]
    for tab in tabs[1:]:
        two.case(tab, reference)
    tabs[3].locator("#case-people").get_by_role("button", name=re.compile("I am working")).click()
    for tab in tabs[4:]:
        tab.bring_to_front()
        tab.get_by_text("You are working on this").wait_for(timeout=SLOW)
    assert two.streams() == len([each for each in two.contexts if each.pages])
    assert not two.troubles


def test_signing_out_in_one_tab_is_said_in_the_others_and_ends_the_stream(two: Two) -> None:
    ewa = two.browser("ewa")
    reference = two.file(ewa, "The last matter.")
    other = two.watched(ewa.context)
    two.case(other, reference)
    other.locator("#composer-text").fill("Typed before the end")
    before = two.streams()
    ewa.bring_to_front()
    ewa.locator(".rail__foot summary").click()
    ewa.get_by_role("button", name="Sign out").click()
    other.bring_to_front()
    other.get_by_text("You are signed out.").wait_for(timeout=SLOW)
    assert other.locator("#composer-text").input_value() == "Typed before the end"
    assert two.streams() < before


def test_a_field_that_both_changed_is_put_to_the_second_in_words(two: Two) -> None:
    ewa, piotr = two.browser("ewa"), two.browser("piotr")
    reference = two.file(piotr, "A letter went to an old address.")
    for page in (ewa, piotr):
        page.goto(f"{two.desk.address}/cases/{reference}/change")
    piotr.fill("input[name=title]", "Piotr's title")
    piotr.select_option("select[name=priority]", "high")
    piotr.get_by_role("button", name="Save").click()
    piotr.wait_for_url(f"**/cases/{reference}")  # a click does not wait for what it sends
    ewa.fill("input[name=title]", "Ewa's title")
    ewa.get_by_role("button", name="Save").click()
    ewa.get_by_text("piotr changed this while you were writing").wait_for(timeout=SLOW)
    assert ewa.locator("input[name=title]").input_value() == "Ewa's title"
    assert ewa.locator("select[name=priority]").input_value() == "high"
    ewa.locator("input[name='choice.title'][value=theirs]").check()
    ewa.get_by_role("button", name="Save").click()
    ewa.wait_for_url(f"**/cases/{reference}")
    assert ewa.locator("h1").inner_text() == "Piotr's title"
    # The browser names every answer that is no success an error; a conflict is one on purpose.
    two.troubles[:] = [each for each in two.troubles if "409" not in each]
    assert not two.troubles


def leave_to_sign_in(page: Any) -> None:
    """By the link, and through the browser's question whether to leave, which a busy machine may answer too late."""
    for _ in range(4):
        page.get_by_role("link", name="Sign in again").click()
        with contextlib.suppress(PlaywrightTimeout):
            page.wait_for_url(re.compile("/sign-in"), timeout=SLOW)
            return
    raise AssertionError(f"the page stays at {page.url}")


def test_text_typed_after_the_session_ended_is_in_the_box_after_signing_in_again(two: Two) -> None:
    ewa = two.browser("ewa")
    reference = two.file(ewa, "The pension was late.")
    two.sql("DELETE FROM core_session RETURNING id")
    ewa.locator("#composer-text").fill("Typed too late to be stored")
    ewa.get_by_text("Not saved yet").wait_for(timeout=SLOW)
    ewa.on("dialog", lambda dialog: dialog.accept())
    ewa.locator("#composer-text").press_sequentially(", twice")
    leave_to_sign_in(ewa)
    ewa.fill("input[name=login]", "ewa")
    ewa.fill("input[name=password]", PASSWORD)
    with ewa.expect_response(re.compile("/draft$")) as stored:
        ewa.keyboard.press("Enter")
    assert ewa.url.endswith(reference)
    assert ewa.locator("#composer-text").input_value() == "Typed too late to be stored, twice"
    assert stored.value.status == 200
    two.troubles.clear()


def answers_again(address: str) -> None:
    """Waits until the new process serves, however long it takes to start."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{address}/health", timeout=20).status_code == 200:
                return
        time.sleep(0.05)
    raise AssertionError("no new web process serves after a minute")


def test_a_replaced_web_process_is_found_again_and_news_goes_on(two: Two) -> None:
    ewa, piotr = two.browser("ewa"), two.browser("piotr")
    reference = two.file(piotr, "The branch was closed.")
    two.case(ewa, reference)
    ewa.get_by_text("piotr is looking").wait_for(timeout=SLOW)
    two.desk.kill("ombud.kernel.child web")
    two.desk.process("ombud.kernel.child web")
    answers_again(two.desk.address)
    piotr.reload()
    piotr.locator("h1").click()
    piotr.keyboard.press("w")
    ewa.get_by_text("piotr is working on this").wait_for(timeout=2 * SLOW)
    two.troubles.clear()


def test_without_a_shared_worker_one_tab_leads_and_the_next_takes_over(two: Two) -> None:
    ewa, piotr = two.browser("ewa"), two.browser("piotr")
    reference = two.file(piotr, "The machine kept my card.")
    ewa.context.add_init_script("delete window.SharedWorker")
    ewa.reload()
    second = two.watched(ewa.context)
    two.case(second, reference)
    second.get_by_text("piotr is looking").wait_for(timeout=SLOW)
    before = two.streams()
    third = two.watched(ewa.context)
    two.case(third, reference)
    third.get_by_text("piotr is looking").wait_for(timeout=SLOW)
    assert two.streams() == before
    ewa.close()
    piotr.locator("h1").click()
    piotr.keyboard.press("w")
    third.get_by_text("piotr is working on this").wait_for(timeout=SLOW)
    assert not two.troubles
