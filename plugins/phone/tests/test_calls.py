"""Writing a call down: nothing typed is lost, callers are found in one's own view, and it is filed once."""

from typing import Any

from ombud.desk import aspects, cases
from ombud.kernel.database import db
from ombud.trust.policy import SYSTEM

NUMBER = "+442079460018"


async def test_a_call_is_read_back_and_filed_once_as_the_agent(calls: Any) -> None:
    call = await calls.begin("020 7946 0018")
    matters = ["The fee was taken twice.", "Nobody answered."]
    told = {"name": "Helena Marsh", "email": "helena@example.org", "matter": matters, "wish": "The money back."}
    assert (await calls.type(call, "check", **told)).headers["location"] == f"{call}/read"
    page = (await calls.agent.get(f"{call}/read")).text
    for words in (
        "The fee was taken twice.",
        "Nobody answered.",
        "The money back.",
        "+44 20 7946 0018",
        "Is that right?",
    ):
        assert words in page
    first, second = await calls.file(call), await calls.file(call)
    assert first.headers["location"] == second.headers["location"]
    case = await db.fetchrow("SELECT * FROM core_case")
    assert (case["channel"], case["aspects_total"]) == ("phone", 2)
    actor = await db.fetchval("SELECT actor FROM core_ledger_entry WHERE kind = 'case.opened'")
    assert actor.startswith("user/")
    row = await db.fetchrow("SELECT told, body FROM core_message")
    assert row["told"], "the words are the agent's, so nobody reads a mood from them"
    assert await db.fetchval("SELECT phone FROM core_person") == NUMBER
    kept = await db.fetchrow("SELECT state, body, case_id FROM phone_call")
    assert (kept["state"], kept["body"], kept["case_id"]) == ("filed", {}, case["id"])


async def test_papers_that_somebody_brings_go_along(calls: Any) -> None:
    call = await calls.begin("", channel="in_person")
    await calls.type(call, "check", name="Helena Marsh", matter="The fee was taken twice.")
    answer = await calls.file(call, files={"documents": ("letter.txt", b"Dear bank", "text/plain")})
    assert answer.status_code == 303
    assert await db.fetchval("SELECT channel FROM core_case") == "in_person"
    assert await db.fetchval("SELECT name FROM core_attachment") == "letter.txt"


async def test_a_file_that_the_desk_does_not_take_keeps_the_call(calls: Any) -> None:
    call = await calls.begin()
    await calls.type(call, "check", name="Helena Marsh", matter="The fee was taken twice.")
    answer = await calls.file(call, files={"documents": ("a.exe", b"MZ\x90\x00" + bytes(200), "application/pdf")})
    assert answer.status_code == 422
    assert await db.fetchval("SELECT count(*) FROM core_case") == 0
    assert "The fee was taken twice." in (await calls.agent.get(call)).text


async def test_required_questions_of_the_case_type_must_be_asked(calls: Any, choose: Any) -> None:
    await choose(script=["complaint | When did you notice it? *", "appeal | Which decision?", "Anything else?"])
    call = await calls.begin()
    page = (await calls.agent.get(call)).text
    assert "When did you notice it?" in page
    assert "Which decision?" not in page
    refused = await calls.type(call, "check", name="Helena Marsh", matter="The fee was taken twice.")
    assert refused.status_code == 422
    assert "This question must be asked." in refused.text
    assert "The fee was taken twice." in refused.text
    field = page.split('name="answer.')[1].split('"')[0]
    await calls.type(call, "check", **{f"answer.{field}": "Last Monday."})
    assert "Last Monday." in (await calls.agent.get(f"{call}/read")).text
    await calls.file(call)
    assert "When did you notice it?\nLast Monday." in await db.fetchval("SELECT body FROM core_message")


async def test_every_button_keeps_what_is_typed_and_a_draft_is_its_writers_alone(calls: Any) -> None:
    call = await calls.begin()
    for do, name in (
        ("save", "Ann"),
        ("look:known", "Anna"),
        ("add", "Annabel"),
        ("pause", "Annabella"),
        ("remove:1", "Zoe"),
    ):
        assert (await calls.type(call, do, name=name, matter=["A fee."])).status_code == 303
        page = await calls.agent.get(call)
        assert f'value="{name}"' in page.text
        assert "A fee." in page.text
    assert "Zoe" in (await calls.agent.get("/p/phone/calls")).text
    leader = await calls.desk.signed_in("leader")
    assert (await leader.get(call)).status_code == 404
    assert "Zoe" not in (await leader.get("/p/phone/calls")).text
    assert (await leader.submit(call, {"do": "drop"}, page="/p/phone/calls")).status_code == 404
    assert (await calls.type(call, "drop")).status_code == 303
    assert (await calls.agent.get(call)).status_code == 404


async def test_beginning_twice_is_one_call(calls: Any) -> None:
    page = (await calls.agent.get("/p/phone/calls?number=02079460018&call=c-7")).text
    assert 'value="02079460018"' in page
    key = page.split('action="/p/phone/calls"')[1].split('name="key" value="')[1].split('"')[0]
    for _ in range(2):
        await calls.agent.submit("/p/phone/calls", {"key": key, "channel": "phone"}, page="/p/phone/calls")
    assert await db.fetchval("SELECT count(*) FROM phone_call") == 1


async def test_the_callers_number_finds_their_open_case_and_what_they_say_goes_there(calls: Any) -> None:
    filed = await calls.desk.file("The fee was taken twice.", phone="020 7946 0018")
    call = await calls.begin("+44 20 7946 0018")
    page = (await calls.agent.get(call)).text
    assert filed.reference in page
    answer = await calls.type(call, f"note:{filed.reference}", matter="The money has not come.")
    assert answer.headers["location"].startswith(f"/cases/{filed.reference}")
    row = await db.fetchrow("SELECT direction, channel, body, author_id FROM core_message WHERE key <> ''")
    assert (row["direction"], row["channel"], row["body"]) == ("in", "phone", "The money has not come.")
    assert row["author_id"] is not None
    assert await db.fetchval("SELECT count(*) FROM core_case") == 1


async def test_a_number_that_only_ends_alike_finds_nobody(calls: Any) -> None:
    filed = await calls.desk.file(phone="+48 20 7946 0018", name="Somebody Else")
    assert filed.reference not in (await calls.agent.get(await calls.begin(NUMBER))).text


async def test_confidential_cases_and_cases_about_the_agent_are_not_told(calls: Any) -> None:
    secret = await calls.desk.file(phone=NUMBER, confidential=True)
    about = await calls.desk.file("Agent shouted at me.", phone=NUMBER)
    viewer = await calls.desk.viewer("agent")
    aspect = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1", about.case_id)
    await aspects.concern(SYSTEM, aspect, viewer.user_id)
    call = await calls.begin()
    page = (await calls.agent.get(call)).text
    assert secret.reference not in page
    assert about.reference not in page
    refused = await calls.type(call, f"note:{secret.reference}", matter="More.")
    assert refused.status_code == 422
    assert "More." in refused.text
    assert await db.fetchval("SELECT count(*) FROM core_message WHERE body = 'More.'") == 0


async def test_who_speaks_for_somebody_becomes_a_party_with_evidence_and_an_end(calls: Any) -> None:
    call = await calls.begin()
    told = {
        "name": "Old Ann",
        "matter": "The fee was taken twice.",
        "represented": "on",
        "rep_name": "Rita",
        "rep_number": NUMBER,
    }
    expired = {**told, "rep_authority": "Letter of 3 May", "rep_until": "2001-01-01"}
    assert "Their authority has ended." in (await calls.type(call, "check", **expired)).text
    assert (
        "Ask what lets them act"
        in (await calls.type(call, "check", **{**told, "rep_authority": "", "rep_until": ""})).text
    )
    whole = {**told, "rep_authority": "Letter of 3 May", "rep_until": "2999-05-03"}
    assert (await calls.type(call, "check", **whole)).status_code == 303
    assert "Letter of 3 May" in (await calls.agent.get(f"{call}/read")).text
    await calls.file(call)
    rows = await db.fetch(
        "SELECT y.role, y.authority, y.authority_until::text AS until, p.name FROM core_party y "
        "JOIN core_person p ON p.id = y.person_id ORDER BY y.role"
    )
    assert [tuple(row) for row in rows] == [
        ("complainant", "", None, "Old Ann"), ("representative", "Letter of 3 May", "2999-05-03", "Rita"),
    ]  # fmt: skip


async def test_a_unit_in_which_one_may_not_file_is_refused(calls: Any) -> None:
    call = await calls.begin()
    answer = await calls.type(call, "check", name="Ann", matter="A fee.", unit="elsewhere")
    assert answer.status_code == 422
    assert "Choose a unit" in answer.text


async def test_the_page_says_what_must_be_said_of_recording(calls: Any, choose: Any) -> None:
    call = await calls.begin()
    page = (await calls.agent.get(call)).text
    assert "This call is recorded." in page
    assert "Pause for card data" in page
    await calls.type(call, "pause")
    assert "The recording is paused." in (await calls.agent.get(call)).text
    await choose(recording_basis="none")
    page = (await calls.agent.get(call)).text
    assert "are not recorded" in page
    assert "This call is recorded." not in page


async def test_the_words_are_there_in_polish(calls: Any) -> None:
    await db.execute("UPDATE core_user SET language = 'pl'")
    assert "Ktoś dzwoni" in (await calls.agent.get("/p/phone/calls", headers={"accept-language": "pl"})).text


async def test_a_closed_case_can_still_take_what_somebody_tells(calls: Any) -> None:
    filed = await calls.desk.file(phone=NUMBER)
    leader = await calls.desk.viewer("leader")
    await cases.take(leader, filed.case_id)
    call = await calls.begin()
    assert (await calls.type(call, f"note:{filed.reference}", matter="One more thing.")).status_code == 303


async def test_an_administrator_may_save_the_settings_as_they_are_drawn(calls: Any) -> None:
    adam = await calls.desk.signed_in("administrator")
    page = (await adam.get("/settings/p-phone")).text
    version = page.split('name="version" value="')[1].split('"')[0]
    wanted = {"set.recording_basis": "none", "set.hook_scheme": "none", "set.recording_days": "7", "version": version}
    answer = await adam.submit("/settings/p-phone", wanted, page="/settings/p-phone")
    assert answer.status_code == 303, answer.text[-800:]
    assert "are not recorded" in (await calls.agent.get(await calls.begin())).text
