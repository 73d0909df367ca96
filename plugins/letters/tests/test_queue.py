"""The print queue, through its pages: print, post, prove, come back; and what core is told of it."""

import re
from io import BytesIO
from typing import Any

import papers
import pikepdf
import pytest
from conftest import ADDRESS, choose, context

from ombud.desk.outgoing import writing
from ombud.desk.outgoing.writing import Wanted
from ombud.kernel.database import db
from ombud.trust import plugin_data
from ombud.trust.policy import SYSTEM
from ombud_letters import letters
from ombud_letters.delivering import deliverers, send, status
from ombud_plugin_api import Document, Misconfigured, Permanent, Transient

QUEUE = "/p/letters/queue"
PHOTO = papers.picture("Posted")


@pytest.fixture
async def leader(letters_desk: Any) -> Any:
    return await letters_desk.signed_in("leader")


async def queued(message_of: Any, key: str = "k1", **about: Any) -> Any:
    message = await message_of(**about)
    await send(message, key, await context())
    return await letters.by_key(key)


async def post(leader: Any, letter: Any, **more: Any) -> Any:
    """Marked as posted today, on its own page."""
    page = f"/p/letters/letters/{letter.id}"
    today = re.search(r'name="on" type="date" value="([^"]+)"', (await leader.get(page)).text)
    assert today is not None
    form = {"letter": str(letter.id), "on": today[1], "class": "Standard"}
    return await leader.submit(f"{QUEUE}/posted", form, page=page, **more)


async def told(letter: Any) -> list[tuple[str, str]]:
    rows = await db.fetch(
        "SELECT body FROM core_ledger_entry WHERE kind = 'message.delivery_reported' AND body->>'message' = $1 "
        "ORDER BY seq",
        str(letter.message_id),
    )
    return [(row["body"]["state"], row["body"]["code"]) for row in rows]


async def test_a_letter_that_is_sent_lies_in_the_print_queue_once(message_of: Any, leader: Any) -> None:
    message = await message_of()
    first = await send(message, "k1", await context())
    again = await send(message, "k1", await context())
    assert (first.state, first.detail) == ("sent", "In the print queue.")
    assert again == first
    assert await status("k1", await context()) == first
    assert await status("other", await context()) is None
    assert await db.fetchval("SELECT count(*) FROM letters_letter") == 1
    assert await db.fetchval("SELECT count(*) FROM core_vault WHERE subject = 'plugin/letters'") == 1
    html = (await leader.get(QUEUE)).text
    assert "Ms Helena Marsh" in html
    assert "Brighton, BN1 4GH" in html
    letter = await letters.by_key("k1")
    pdf = await leader.get(f"/p/letters/letters/{letter.id}/letter.pdf")
    assert pdf.headers["content-type"] == "application/pdf"
    assert "We paid the fee back." in papers.words_of(pdf.content)


async def test_what_cannot_be_sent_says_why(message_of: Any, letters_desk: Any) -> None:
    with pytest.raises(Permanent, match="postal address"):
        await send(await message_of(address=""), "a", await context())
    with pytest.raises(Permanent, match="12 lines"):
        await send(await message_of(address="\n".join("abcdefghijk")), "b", await context())
    await choose(return_address="")
    with pytest.raises(Misconfigured, match="letterhead"):
        await send(await message_of(), "c", await context())
    assert await db.fetchval("SELECT count(*) FROM letters_letter") == 0
    [way] = deliverers()
    assert not way.in_use({"firm_name": "Modra", "return_address": ""})
    assert way.in_use({"firm_name": "Modra", "return_address": "12 Street"})


async def test_core_sends_a_reply_by_letter_and_the_case_shows_where_it_is(letters_desk: Any, leader: Any) -> None:
    filed = await letters_desk.file("The fee was taken twice.")
    await db.execute("UPDATE core_person SET address = $1", ADDRESS)
    wanted = Wanted(text="We paid it back.", channel="letter", subject="Your fee")
    await writing.write(await letters_desk.viewer("leader"), filed.case_id, wanted)
    await db.execute("UPDATE core_outgoing SET leave_at = leave_at - interval '1 day'")
    await db.execute("UPDATE core_delivery SET available_at = available_at - interval '1 day' WHERE state = 'waiting'")
    await letters_desk.work()
    [letter] = await letters.in_state("queued", 10)
    assert (letter.reference, letter.subject) == (filed.reference, "Your fee")
    page = (await leader.get(f"/cases/{filed.reference}")).text
    assert "waits to be printed" in page
    agent = await letters_desk.signed_in("agent")
    assert (await agent.get(f"/p/letters/of-case/{letter.id}/letter.pdf")).status_code == 200
    await post(leader, letter)
    await letters_desk.work()
    page = (await leader.get(f"/cases/{filed.reference}")).text
    assert "Posted (Letter)" in page
    assert "A message of ours was posted (Standard)" in page


async def test_letters_are_printed_together_with_a_list_on_top_and_posted_together(
    message_of: Any, leader: Any
) -> None:
    one = await queued(message_of, "k1")
    two = await queued(message_of, "k2", name="Mr Igor Nowak", documents=(
        Document(name="Leaflet.pdf", content_type="application/pdf", data=papers.pdf("The ombudsman")),
        Document(name="Photo.png", content_type="image/png", data=PHOTO),
        Document(name="Table.csv", content_type="text/csv", data=b"a,b\n"),
    ))  # fmt: skip
    answer = await leader.submit(f"{QUEUE}/print", {"letter": [str(one.id), str(two.id)]}, page=QUEUE)
    batch = answer.headers["location"]
    html = (await leader.get(batch)).text
    assert "Lay in by hand: Table.csv" in html
    bundle = await leader.get(f"{batch}/letters.pdf")
    with pikepdf.open(BytesIO(bundle.content)) as pdf:
        assert len(pdf.pages) == 1 + 1 + 1 + 1 + 1, "cover, two letters, leaflet, photograph"
    read = papers.words_of(bundle.content)
    assert read.startswith("Print run of")
    assert "Mr Igor Nowak" in read
    assert "Lay in by hand: Table.csv" in read
    assert "The ombudsman" in read
    with pikepdf.open(BytesIO((await leader.get(f"{batch}/letters.pdf?both_sides=1")).content)) as pdf:
        assert len(pdf.pages) == 9, "each begins on a sheet of its own"
    form = {
        "letter": [str(one.id), str(two.id)],
        "batch": batch.rpartition("/")[2],
        "on": "2026-01-01",
        "class": "Registered",
    }
    early = await leader.submit(f"{QUEUE}/posted", form, page=batch)
    assert early.status_code == 422
    assert "was written after that day" in early.text
    today = re.search(r'name="on" type="date" value="([^"]+)"', html)
    assert today is not None
    files = {"proof": ("receipt.png", PHOTO, "image/png")}
    posted = await leader.submit(f"{QUEUE}/posted", {**form, "on": today[1]}, page=batch, files=files)
    assert posted.status_code == 303
    for letter in (one, two):
        after = await letters.get(letter.id)
        assert after is not None
        assert (after.state, after.post_class) == ("posted", "Registered")
        assert await told(letter) == [("posted", "Registered")]
        shown = (await leader.get(f"/p/letters/letters/{letter.id}")).text
        proof = re.search(rf"/p/letters/letters/{letter.id}/proofs/[0-9a-f-]+", shown)
        assert proof is not None
        kept = await leader.get(proof[0])
        assert kept.content == PHOTO
        assert kept.headers["content-disposition"].startswith("attachment")
    assert "This batch" not in (await leader.get(batch)).text
    assert "Nothing of this run waits to be posted." in (await leader.get(batch)).text


async def test_marking_twice_posts_once(message_of: Any, leader: Any) -> None:
    letter = await queued(message_of)
    html = (await leader.get(f"/p/letters/letters/{letter.id}")).text
    today = re.search(r'name="on" type="date" value="([^"]+)"', html)
    assert today is not None
    form = {"letter": str(letter.id), "on": today[1], "class": "Standard", "tracking": "RR123456785PL"}
    assert (await leader.submit(f"{QUEUE}/posted", form, page=QUEUE)).status_code == 303
    assert (await leader.submit(f"{QUEUE}/posted", form, page=QUEUE)).status_code == 422
    assert await told(letter) == [("posted", "Standard")]
    assert "RR123456785PL" in (await leader.get(f"{QUEUE}?state=posted")).text


async def test_a_letter_that_comes_back_is_told_to_its_case(message_of: Any, leader: Any, letters_desk: Any) -> None:
    letter = await queued(message_of)
    page = f"/p/letters/letters/{letter.id}"
    today = re.search(r'name="on" type="date" value="([^"]+)"', (await leader.get(page)).text)
    assert today is not None
    await leader.submit(f"{QUEUE}/posted", {"letter": str(letter.id), "on": today[1], "class": "Standard"}, page=page)
    without = await leader.submit(f"{page}/returned", {"returned_on": "2026-01-01", "reason": ""}, page=page)
    assert without.status_code == 422
    assert "Say why in a few words." in without.text
    assert "not before it was posted" in without.text
    await leader.submit(f"{page}/returned", {"returned_on": today[1], "reason": "Addressee unknown"}, page=page)
    assert await told(letter) == [("posted", "Standard"), ("bounced", "returned")]
    assert "Addressee unknown" in (await leader.get(page)).text
    history = (await leader.get(f"/cases/{letter.reference}")).text
    assert "A message of ours came back" in history


async def test_a_letter_is_withdrawn_with_a_reason_and_a_failed_print_goes_back(message_of: Any, leader: Any) -> None:
    letter = await queued(message_of)
    page = f"/p/letters/letters/{letter.id}"
    await leader.submit(f"{QUEUE}/print", {"letter": str(letter.id)}, page=QUEUE)
    await leader.submit(f"{page}/queue-again", {}, page=page)
    again = await letters.get(letter.id)
    assert again is not None
    assert again.state == "queued"
    assert (await leader.submit(f"{page}/withdraw", {"reason": ""}, page=page)).status_code == 422
    await leader.submit(f"{page}/withdraw", {"reason": "The amount is wrong"}, page=page)
    assert await told(letter) == [("withdrawn", "")]
    assert (await leader.submit(f"{QUEUE}/print", {"letter": str(letter.id)}, page=QUEUE)).status_code == 422
    assert "The amount is wrong" in (await leader.get(f"{QUEUE}?state=withdrawn")).text


async def test_what_core_could_not_be_told_is_told_later(
    message_of: Any, leader: Any, letters_desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ombud.desk.platform import CorePlatform
    from ombud_letters.tending import tend

    letter = await queued(message_of)
    page = f"/p/letters/letters/{letter.id}"

    async def away(*_: Any) -> None:
        raise Transient("the desk is away")

    with monkeypatch.context() as patched:
        patched.setattr(CorePlatform, "report_delivery", away)
        await leader.submit(f"{page}/withdraw", {"reason": "Wrong"}, page=page)
    assert await told(letter) == []
    await tend({}, await context())
    await tend({}, await context())
    assert await told(letter) == [("withdrawn", "")]


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"MZ program", "neither a picture"), (b"", "is empty"), (b"%PDF-" + b"x" * 10_000_001, "larger than 10 MB")],
)
async def test_a_proof_that_is_none_is_refused(message_of: Any, leader: Any, data: bytes, words: str) -> None:
    letter = await queued(message_of)
    page = f"/p/letters/letters/{letter.id}"
    today = re.search(r'name="on" type="date" value="([^"]+)"', (await leader.get(page)).text)
    assert today is not None
    form = {"letter": str(letter.id), "on": today[1], "class": "Standard"}
    answer = await leader.submit(f"{QUEUE}/posted", form, page=QUEUE, files={"proof": ("proof.exe", data, "x/y")})
    assert answer.status_code == 422
    assert words in answer.text
    assert (await letters.get(letter.id)).state == "queued"  # type: ignore[union-attr]


async def test_an_enclosure_that_turns_out_broken_is_laid_in_by_hand(message_of: Any, leader: Any) -> None:
    broken = Document(name="Broken.pdf", content_type="application/pdf", data=b"%PDF-1.7 this is none")
    letter = await queued(message_of, documents=(broken,))
    answer = await leader.submit(f"{QUEUE}/print", {"letter": str(letter.id)}, page=QUEUE)
    bundle = await leader.get(f"{answer.headers['location']}/letters.pdf")
    assert bundle.status_code == 200
    assert "Lay in by hand: Broken.pdf" in (await leader.get(answer.headers["location"])).text


async def test_a_letter_of_a_case_that_one_may_not_read_is_not_there(message_of: Any, letters_desk: Any) -> None:
    filed = await letters_desk.file("Said in confidence.", confidential=True)
    letter = await queued(message_of, filed=filed)
    agent = await letters_desk.signed_in("agent")
    html = (await agent.get(QUEUE)).text
    assert "Ms Helena Marsh" not in html
    assert "chip__count" not in html, "not even that there is one"
    for path in (f"letters/{letter.id}", f"letters/{letter.id}/letter.pdf", f"of-case/{letter.id}/letter.pdf"):
        assert (await agent.get(f"/p/letters/{path}")).status_code == 404, path
    answer = await agent.submit(f"{QUEUE}/print", {"letter": str(letter.id)}, page=QUEUE)
    assert answer.status_code == 422
    assert (await letters.get(letter.id)).state == "queued"  # type: ignore[union-attr]


async def test_a_letter_about_me_is_hidden_from_me(message_of: Any, letters_desk: Any) -> None:
    filed = await letters_desk.file("Your colleague was rude.")
    letter = await queued(message_of, filed=filed)
    agent = await letters_desk.signed_in("agent")
    assert (await agent.get(f"/p/letters/letters/{letter.id}")).status_code == 200
    await db.execute(
        "UPDATE core_aspect SET concerns_user_id = (SELECT id FROM core_user WHERE name = 'agent') WHERE case_id = $1",
        filed.case_id,
    )
    assert (await agent.get(f"/p/letters/letters/{letter.id}")).status_code == 404
    assert "Ms Helena Marsh" not in (await agent.get(QUEUE)).text


async def test_an_erased_person_leaves_no_letter_no_proof_and_no_file(message_of: Any, leader: Any) -> None:
    letter = await queued(message_of, documents=(Document(name="a.png", content_type="image/png", data=PHOTO),))
    page = f"/p/letters/letters/{letter.id}"
    today = re.search(r'name="on" type="date" value="([^"]+)"', (await leader.get(page)).text)
    assert today is not None
    form = {"letter": str(letter.id), "on": today[1], "class": "Standard"}
    await leader.submit(f"{QUEUE}/posted", form, page=page, files={"proof": ("p.png", PHOTO, "image/png")})
    assert await db.fetchval("SELECT count(*) FROM core_vault WHERE subject = 'plugin/letters'") == 3
    person = await db.fetchval("SELECT person_id FROM core_message WHERE id = $1", letter.message_id)
    held = {each.table for each in await plugin_data.collect(SYSTEM, person)}
    assert held == {"letters_letter", "letters_enclosure", "letters_proof"}
    await plugin_data.erase(SYSTEM, person)
    for table in held:
        assert await db.fetchval(f"SELECT count(*) FROM {table}") == 0, table
    assert await db.fetchval("SELECT count(*) FROM core_vault WHERE subject = 'plugin/letters'") == 0


async def test_the_letterhead_page_takes_a_picture_and_shows_a_sample(letters_desk: Any) -> None:
    administrator = await letters_desk.signed_in("administrator")
    page = "/p/letters/letterhead"
    for language, words in (("en", "Dear Ms Marsh"), ("pl", "Szanowna Pani")):
        sample = await administrator.get(f"{page}/{language}/sample.pdf")
        assert words in papers.words_of(sample.content)
    for data, said in (
        (b"<svg onload=alert(1)>", "cannot be drawn"),
        (b"\x89PNG\r\n\x1a\n", "cannot be drawn"),
        (b"x" * 2_000_001, "larger than 2 MB"),
    ):
        refused = await administrator.submit(page, {"step": "use"}, files={"logo": ("a.png", data, "image/png")})
        assert refused.status_code == 422
        assert said in refused.text
    logo = papers.picture("Modra", size=(400, 120))
    taken = await administrator.submit(page, {"step": "use"}, files={"logo": ("a.png", logo, "image/png")})
    assert taken.status_code == 303
    assert "There is a picture at the head." in (await administrator.get(page)).text
    await administrator.submit(page, {"step": "remove"})
    assert await db.fetchval("SELECT count(*) FROM core_vault WHERE subject = 'plugin/letters'") == 0
    agent = await letters_desk.signed_in("agent")
    assert (await agent.get(page)).status_code == 403
