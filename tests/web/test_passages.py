"""Passages of messages and pages of letters pinned to an aspect, on its page, in the timeline, and by its chip."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ombud.desk import messages
from ombud.desk.errors import Invalid
from ombud.desk.matters import pins
from ombud.kernel.database import db
from ombud.trust.policy import SYSTEM
from ombud.web.pages.marked import marked
from ombud_plugin_api.facts import Document

WORDS = "The fee was taken twice.\n\nAnd Mr Brown was rude to me, on  the\ntelephone. The fee again."


async def _case(desk, **about):
    filed = await desk.file("The fee was taken twice.", "A rude call.", **about)
    agent = await desk.viewer("agent")
    said = await messages.write(agent, filed.case_id, "told", WORDS)
    rows = await db.fetch("SELECT id FROM core_aspect WHERE case_id = $1 ORDER BY position", filed.case_id)
    path = f"/cases/{filed.reference}"
    return path, said, [f"{path}/aspects/{row['id']}/passages" for row in rows], [row["id"] for row in rows]


async def test_a_passage_is_pinned_by_its_words_and_only_positions_are_kept(desk, send):
    agent = await desk.signed_in("agent")
    path, said, (_, second), _ = await _case(desk)
    assert "Nothing is pinned" in (await agent.get(second)).text
    done = await send(agent, second, second, message=str(said), quote="rude to me, on the telephone", follow=True)
    assert "The passage is pinned." in done.text
    assert "rude to me, on  the\ntelephone" in done.text
    row = await db.fetchrow("SELECT start, finish FROM core_pin")
    assert WORDS[row["start"] : row["finish"]] == "rude to me, on  the\ntelephone"
    body = await db.fetchval("SELECT body::text FROM core_ledger_entry WHERE kind = 'passage.pinned'")
    assert "rude" not in body
    case = (await agent.get(path)).text
    assert '<mark data-hue="b">rude to me, on  the\ntelephone</mark>' in case
    assert f'<a href="{second}" title="A rude call.">' in case, "the mark leads to the aspect"
    assert "pinned a passage to aspect B" in case


async def test_selected_words_are_pinned_from_the_case_at_the_place_they_were_selected(desk, forms):
    agent = await desk.signed_in("agent")
    path, said, _, (first, second) = await _case(desk)
    page = (await agent.get(path)).text
    assert forms(page).has(f"{path}/passages")
    for letter in (first, second):
        assert f'name="aspect" value="{letter}"' in page
    fields = {"aspect": str(second), "message": str(said), "quote": "The fee", "start": str(WORDS.rindex("The fee"))}
    done = await agent.submit(f"{path}/passages", fields, page=path)
    assert (done.status_code, done.headers["location"]) == (303, f"{path}#entry-{said}")
    row = await db.fetchrow("SELECT aspect_id, start, finish FROM core_pin")
    assert tuple(row) == (second, WORDS.rindex("The fee"), WORDS.rindex("The fee") + 7)
    shown = (await agent.get(path)).text
    assert "The passage is pinned to aspect B." in shown
    assert 'The fee was taken twice.\n\nAnd Mr Brown was rude to me, on  the\ntelephone. <mark data-hue="b">' in shown


async def test_selected_words_of_no_aspect_or_of_another_message_are_refused_with_a_word(desk):
    agent = await desk.signed_in("agent")
    path, said, _, (first, _) = await _case(desk)
    other = await desk.file("Another.", name="Jan", email="jan@example.org")
    strange = await db.fetchrow("SELECT a.id AS aspect, m.id AS message FROM core_aspect a JOIN core_message m "
                                "ON m.case_id = a.case_id WHERE a.case_id = $1", other.case_id)  # fmt: skip
    good = {"aspect": str(first), "message": str(said), "quote": "The fee", "start": "0"}
    for wrong, why in (
        ({"aspect": ""}, "choose an aspect"), ({"aspect": str(strange["aspect"])}, "choose an aspect"),
        ({"message": str(strange["message"])}, "not in the case"), ({"quote": "never said"}, "not in the message"),
    ):  # fmt: skip
        refused = await agent.submit(f"{path}/passages", {**good, **wrong}, page=path)
        assert refused.status_code == 422
        assert why in refused.text
    assert await db.fetchval("SELECT count(*) FROM core_pin") == 0


async def test_a_reader_is_offered_no_pin_and_an_aspect_about_me_is_not_among_them(desk, forms):
    path, said, _, (first, second) = await _case(desk)
    assert not forms((await (await desk.signed_in("quality")).get(path)).text).has(f"{path}/passages")
    agent = await desk.signed_in("agent")
    await db.execute(
        "UPDATE core_aspect SET concerns_user_id = $1 WHERE id = $2", (await desk.viewer("agent")).user_id, second
    )
    page = (await agent.get(path)).text
    assert f'name="aspect" value="{first}"' in page
    assert str(second) not in page
    fields = {"aspect": str(second), "message": str(said), "quote": "rude to me", "start": "0"}
    assert (await agent.submit(f"{path}/passages", fields, page=path)).status_code == 422


async def test_a_message_is_read_whole_on_the_page_of_passages_to_select_in(desk, forms):
    agent = await desk.signed_in("agent")
    _, said, (first, _), _ = await _case(desk)
    assert "data-quote-into" not in (await agent.get(first)).text
    page = (await agent.get(f"{first}?message={said}")).text
    assert 'data-quote-into="#quote"' in page
    fields = {**forms(page).of(first), "quote": "The fee", "start": str(WORDS.rindex("The fee"))}
    assert fields["message"] == str(said)
    await agent.submit(first, fields, page=first)
    assert await db.fetchval("SELECT start FROM core_pin") == WORDS.rindex("The fee")


async def test_the_chip_of_an_aspect_shows_messages_pins_and_entries_of_it_alone(desk, send):
    agent = await desk.signed_in("agent")
    path, said, (_, second), _ = await _case(desk)
    await send(agent, second, second, message=str(said), quote="rude to me")
    tasks = second.replace("passages", "tasks")
    await send(agent, tasks, tasks, what="Write an apology")
    of_b, of_a = (await agent.get(f"{path}?about=B")).text, (await agent.get(f"{path}?about=A")).text
    timeline = re.compile(r'<ol class="timeline">.*?</ol>', re.DOTALL)
    b, a = timeline.search(of_b).group(), timeline.search(of_a).group()
    assert str(said) in b
    assert str(said) not in a
    assert "recorded a promise on aspect B" in b
    assert "recorded a promise" not in a
    assert "pinned a passage" not in a
    pin = await db.fetchval("SELECT id FROM core_pin")
    await send(agent, second, f"{second}/{pin}/off")
    assert str(said) not in timeline.search((await agent.get(f"{path}?about=B")).text).group()
    assert "took a passage off aspect B" in (await agent.get(path)).text


async def test_words_that_are_not_there_or_there_twice_are_refused_and_kept(desk, send, forms):
    agent = await desk.signed_in("agent")
    _, said, (first, _), _ = await _case(desk)
    for quote, why in (("the fees", "not in the message"), ("The fee", "stand there 2 times"), ("", "empty")):
        refused = await send(agent, first, first, message=str(said), quote=quote)
        assert refused.status_code == 422
        assert why in refused.text
        assert forms(refused.text).of(first)["quote"] == quote
    nothing = await send(agent, first, first, message="", quote="The fee")
    assert "Choose the message" in nothing.text
    assert await db.fetchval("SELECT count(*) FROM core_pin") == 0


async def test_a_page_of_a_letter_is_pinned_and_a_page_zero_is_not(desk, send):
    agent = await desk.signed_in("agent")
    letter = Document(name="letter.pdf", content_type="application/pdf", data=b"%PDF-1.4\n%%EOF\n")
    path, _, (first, _), _ = await _case(desk, documents=(letter,))
    file = await db.fetchval("SELECT id FROM core_attachment")
    fields = {"attachment": str(file), "page": "2"}
    done = await agent.submit(first, fields, page=first, follow=True)
    assert f'href="/files/{file}#page=2"' in done.text
    refused = await agent.submit(first, {**fields, "page": "0"}, page=first)
    assert refused.status_code == 422
    assert "pinned a passage to aspect A" in (await agent.get(path)).text


async def test_a_message_of_another_case_cannot_be_pinned(desk, send):
    agent = await desk.signed_in("agent")
    _, _, (first, _), _ = await _case(desk)
    other = await desk.file("Another.", name="Jan", email="jan@example.org")
    strange = await db.fetchval("SELECT id FROM core_message WHERE case_id = $1", other.case_id)
    refused = await agent.submit(first, {"message": str(strange), "quote": "Another."}, page=first)
    assert refused.status_code == 422
    assert "not in the case" in refused.text


async def test_the_order_shows_ranks_and_who_changed_it(desk, send):
    agent = await desk.signed_in("agent")
    path, *_ = await _case(desk)
    page = (await agent.get(f"{path}/order")).text
    assert "Nobody changed it" in page
    for rank in ("Primary", "Secondary"):
        assert rank in page
    second = await db.fetchval("SELECT id FROM core_aspect WHERE position = 2")
    await send(agent, f"{path}/order", f"{path}/order", up=str(second))
    page = (await agent.get(f"{path}/order")).text
    assert page.index("1. A rude call.") < page.index("2. The fee was taken twice.")
    assert "Agent" in page
    assert "changed the order of the aspects" in (await agent.get(path)).text


def test_a_selection_chooses_the_nearest_of_several_places():
    assert pins.found_in("one two one two one", "one", 9) == (8, 11)
    with pytest.raises(Invalid, match="3 times"):
        pins.found_in("one two one two one", "one")
    assert pins.found_in("a.b a+b", "a+b") == (4, 7)


@given(
    st.text(max_size=40), st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, 50), st.integers(0, 50)), max_size=5)
)
def test_marking_loses_no_sign_and_marks_what_is_pinned(text, spans):
    pinned = [(letter, min(a, b), max(a, b)) for letter, a, b in spans if a != b]
    pieces = marked(text, pinned)
    assert "".join(words for words, _ in pieces) == text
    place = 0
    for words, letters in pieces:
        for at in range(place, place + len(words)):
            assert set(letters.split(", ")) - {""} == {each for each, first, after in pinned if first <= at < after}
        place += len(words)


async def test_quality_reads_pins_and_pins_nothing(desk, send):
    reader = await desk.signed_in("quality")
    _, said, (first, _), (aspect, _) = await _case(desk)
    await pins.pin_passage(SYSTEM, aspect, said, "taken twice")
    shown = (await reader.get(first)).text
    assert "taken twice" in shown
    assert 'name="quote"' not in shown
