"""How heated a message sounds: only the customer's own words are read, after the commit; suggestions decide nothing and
never override a person; findings hold no words."""

import re
from typing import Any
from uuid import UUID

import pytest

from ombud.desk import cases, customers, messages
from ombud.desk.inbox import deciding, mood
from ombud.desk.platform import context_for
from ombud.kernel.database import db
from ombud.kernel.lifecycle import running
from ombud.trust import group_settings
from ombud.trust.policy import SYSTEM
from ombud_plugin_api import CustomerWords, Finding, SentimentScorer

LOUD = "THE FEE WAS TAKEN TWICE."
QUIET = "The fee was taken twice."


@pytest.fixture
def asked(desk_with_dummy: Any, monkeypatch: Any) -> list[CustomerWords]:
    """What the dummy's scorer was asked."""
    import ombud_dummy.plugin as module

    heard: list[CustomerWords] = []
    (scorer,) = running.loaded["dummy"].sentiment_scorers

    def score(words: CustomerWords) -> list[Finding]:
        heard.append(words)
        return module.heat(words)

    _scorers(monkeypatch, _with(scorer, score=score))
    return heard


def _with(scorer: SentimentScorer, **other: Any) -> SentimentScorer:
    about = {name: getattr(scorer, name) for name in ("key", "label", "version", "languages", "score")}
    return SentimentScorer(**{**about, **other})


def _scorers(monkeypatch: Any, *scorers: SentimentScorer) -> None:
    monkeypatch.setattr(mood, "_scorers", lambda: [("dummy", each) for each in scorers])


def _said(value: str, score: str = "0", **more: Any) -> Any:
    return lambda words: [Finding(kind="mood", value={"mood": value, "score": score}, **more)]


def _scorer(key: str, score: Any, *languages: str) -> SentimentScorer:
    return SentimentScorer(key, key.capitalize(), "1", languages or ("en",), score)


async def _case(case_id: Any) -> dict[str, Any]:
    return dict(await db.fetchrow("SELECT mood, mood_by FROM core_case WHERE id = $1", case_id))


async def _findings() -> list[dict[str, Any]]:
    return [dict(row) for row in await db.fetch("SELECT * FROM core_finding ORDER BY created_at, id")]


async def test_an_angry_complaint_is_marked_as_suggested_in_queue_and_case(desk_with_dummy: Any) -> None:
    agent = await desk_with_dummy.signed_in("agent")
    filed = await desk_with_dummy.file(LOUD)
    assert await _case(filed.case_id) == {"mood": "", "mood_by": ""}, "the scorer waits for the commit"
    await desk_with_dummy.work()
    assert await _case(filed.case_id) == {"mood": "angry", "mood_by": "suggested"}
    assert 'data-level="4"' in (await agent.get("/queues/all")).text
    page = (await agent.get(f"/cases/{filed.reference}")).text
    assert page.count('data-level="4"') == 2, "the case, and the message"
    assert "(suggested)" in page
    (finding,) = await _findings()
    assert (finding["provider"], finding["kind"], finding["state"]) == ("plugin/dummy", "mood", "suggested")
    assert finding["value"]["scorer"] == "dummy"
    history = await db.fetch("SELECT kind, body FROM core_ledger_entry WHERE actor = 'plugin/dummy' ORDER BY seq")
    assert [row["kind"] for row in history] == ["message.mood", "case.changed"]
    assert history[1]["body"] == {"mood": "angry", "suggested": True}


async def test_the_same_event_twice_makes_one_finding_and_one_change(desk_with_dummy: Any) -> None:
    await desk_with_dummy.file(LOUD)
    await desk_with_dummy.work()
    before = await _findings(), await db.fetchval("SELECT count(*) FROM core_ledger_entry")
    row = await db.fetchrow("SELECT stream, seq, body FROM core_ledger_entry WHERE kind = 'message.received'")

    class Again:
        attempt, delivery_id = 1, UUID(int=1)

    await mood.heard({"id": f"{row['stream']}/{row['seq']}", "body": row["body"]}, Again())  # type: ignore[arg-type]
    assert (await _findings(), await db.fetchval("SELECT count(*) FROM core_ledger_entry")) == before


async def test_staffs_words_are_never_read(desk_with_dummy: Any, asked: list[CustomerWords]) -> None:
    viewer = await desk_with_dummy.viewer("agent")
    filed = await desk_with_dummy.file(QUIET)
    for kind in ("note", "answer", "told"):
        await messages.write(viewer, filed.case_id, kind, f"STAFF SAYS {kind.upper()}")
    heard_by_phone = await desk_with_dummy.file("STAFF WROTE THIS DOWN", channel="phone", told=True)
    await desk_with_dummy.work()
    assert [words.text for words in asked] == [QUIET]
    assert await _case(heard_by_phone.case_id) == {"mood": "", "mood_by": ""}
    assert {each["message_id"] for each in await _findings()} == {
        await db.fetchval("SELECT id FROM core_message WHERE body = $1", QUIET)
    }


async def test_a_persons_word_is_never_overridden(desk_with_dummy: Any) -> None:
    agent, viewer = await desk_with_dummy.signed_in("agent"), await desk_with_dummy.viewer("agent")
    filed = await desk_with_dummy.file(QUIET)
    await cases.change(viewer, filed.case_id, {"mood": "tense"}, None)
    await desk_with_dummy.work()
    token = filed.track_url.rsplit("/", 1)[1]
    await customers.say(token, LOUD, "1")
    await desk_with_dummy.work()
    assert await _case(filed.case_id) == {"mood": "tense", "mood_by": "person"}
    page = (await agent.get(f"/cases/{filed.reference}")).text
    assert "(suggested)" not in page
    assert 'data-level="4"' in page, "the message says so by itself"


async def test_the_customers_latest_word_counts(desk_with_dummy: Any) -> None:
    filed = await desk_with_dummy.file(LOUD)
    await customers.say(filed.track_url.rsplit("/", 1)[1], "Thank you, that helps.", "1")
    await desk_with_dummy.work()
    assert await _case(filed.case_id) == {"mood": "calm", "mood_by": "suggested"}


async def test_somebody_who_has_the_form_open_keeps_the_suggestion_that_came_meanwhile(desk_with_dummy: Any) -> None:
    agent = await desk_with_dummy.signed_in("agent")
    filed = await desk_with_dummy.file(LOUD)
    path = f"/cases/{filed.reference}/change"
    form = (await agent.get(path)).text
    version = form.split('name="version" value="')[1].split('"')[0]
    await desk_with_dummy.work()
    sent = {"version": version, "title": "Fee", "priority": "normal", "severity": "1", "mood": "", "queue": ""}
    base = dict(re.findall(r'name="(base\.[^"]+)" value="([^"]*)"', form))
    assert (await agent.submit(path, {**sent, "queue": base["base.queue"], **base})).status_code == 303
    assert await _case(filed.case_id) == {"mood": "angry", "mood_by": "suggested"}
    assert await db.fetchval("SELECT title FROM core_case") == "Fee"


async def test_the_first_scorer_in_order_counts_and_the_others_are_kept(desk_with_dummy: Any, monkeypatch: Any) -> None:
    silent = _scorer("aaa", lambda words: [])
    _scorers(monkeypatch, silent, _scorer("bbb", _said("calm")), _scorer("ccc", _said("upset", "-0.5")))
    first = await desk_with_dummy.file(QUIET)
    await desk_with_dummy.work()
    assert (await _case(first.case_id))["mood"] == "calm"
    assert [each["value"]["scorer"] for each in await _findings()] == ["bbb", "ccc"]
    await group_settings.change(
        SYSTEM, mood.mood_settings.KEY, group_settings.Change(values={"order": ["ccc"]}), version=0
    )
    second = await desk_with_dummy.file(QUIET)
    await desk_with_dummy.work()
    assert (await _case(second.case_id))["mood"] == "upset"


async def test_a_scorer_is_asked_only_for_languages_it_reads(desk_with_dummy: Any, asked: list[CustomerWords]) -> None:
    filed = await desk_with_dummy.file("OPŁATA POBRANA DWA RAZY", language="pl")
    await desk_with_dummy.work()
    assert asked == []
    await db.execute("UPDATE core_person SET language = ''")
    await db.execute("UPDATE core_case SET language = ''")
    row = await db.fetchrow("SELECT id FROM core_message WHERE case_id = $1", filed.case_id)
    found = (await mood._messages([row["id"]])).get(row["id"])
    assert found is not None
    assert found["language"] == ""


async def test_where_a_unit_does_not_want_it_nothing_is_read(desk_with_dummy: Any, asked: list[CustomerWords]) -> None:
    await group_settings.change(
        SYSTEM, mood.mood_settings.KEY, group_settings.Change(values={"read": False}), version=0
    )
    await desk_with_dummy.file(LOUD)
    await desk_with_dummy.work()
    assert asked == []


async def test_a_message_of_the_inbox_gets_its_mood_before_it_has_a_case(desk_with_dummy: Any) -> None:
    import ombud_dummy.plugin as module

    module.Wire.lies.append(b'{"name": "Ann", "email": "ann@example.org", "text": "WHERE IS MY MONEY"}')
    await module.Wire().poll(context_for("dummy", SYSTEM))
    await desk_with_dummy.work()
    row = await db.fetchrow("SELECT id, case_id, mood FROM core_message")
    assert (row["case_id"], row["mood"]) == (None, "angry")
    (finding,) = await _findings()
    assert (finding["case_id"], finding["message_id"]) == (None, row["id"])
    filed = await desk_with_dummy.file(QUIET)
    await desk_with_dummy.work()
    await db.execute(
        "UPDATE core_message SET case_id = $1, said_at = said_at + interval '1 hour' WHERE id = $2",
        filed.case_id, row["id"],
    )  # fmt: skip
    async with db.transaction():
        await mood.settle(filed.case_id)
    assert await _case(filed.case_id) == {"mood": "angry", "mood_by": "suggested"}
    assert {each["case_id"] for each in await _findings()} == {filed.case_id}


@pytest.mark.parametrize(
    "given",
    [
        None, "angry", [{"mood": "angry"}], [Finding(kind="mood", value={})],
        [Finding(kind="mood", value={"mood": "furious"})],
        [Finding(kind="mood", value={"mood": "angry", "score": "much"})],
        [Finding(kind="mood", value={"mood": "angry", "score": "-7"})],
        [Finding(kind="mood", value={"mood": "angry"}, spans=((0, 900),))],
        [Finding(kind="mood", value={"mood": "angry"}, spans=((5, 5),))],
    ],
)  # fmt: skip
async def test_rubbish_of_a_scorer_counts_against_it_and_marks_nothing(
    desk_with_dummy: Any, monkeypatch: Any, given: Any
) -> None:
    _scorers(monkeypatch, _scorer("mad", lambda words: given))
    filed = await desk_with_dummy.file(LOUD)
    await desk_with_dummy.work()
    assert await _case(filed.case_id) == {"mood": "", "mood_by": ""}
    assert await db.fetchval("SELECT count(*) FROM core_fault WHERE slug = 'dummy'") == 1
    assert await _findings() == []


async def test_a_finding_holds_positions_and_no_words(desk_with_dummy: Any, monkeypatch: Any) -> None:
    quoting = _scorer("quotes", _said("angry", "-0.9", reason="because of TWICE and more", spans=((18, 23),)))
    telling = _scorer("tells", _said("angry", "-0.9", reason="one heated word in capitals", spans=((18, 23),)))
    _scorers(monkeypatch, quoting, telling)
    await desk_with_dummy.file(LOUD)
    await desk_with_dummy.work()
    first, second = await _findings()
    assert (first["reason"], second["reason"]) == ("", "one heated word in capitals")
    assert first["value"]["spans"] == [[18, 23]]
    assert "TWICE" not in str(first) + str(second)


async def test_a_scorer_that_fails_stops_nothing(desk_with_dummy: Any, monkeypatch: Any) -> None:
    def breaks(words: CustomerWords) -> list[Finding]:
        raise RuntimeError("on purpose")

    _scorers(monkeypatch, _scorer("breaks", breaks), _scorer("works", _said("tense")))
    filed = await desk_with_dummy.file(QUIET)
    await desk_with_dummy.work()
    assert (await _case(filed.case_id))["mood"] == "tense"


async def test_whom_an_aspect_concerns_is_not_told_the_mood(desk_with_dummy: Any) -> None:
    agent, viewer = await desk_with_dummy.signed_in("agent"), await desk_with_dummy.viewer("agent")
    filed = await desk_with_dummy.file(LOUD)
    await desk_with_dummy.work()
    await db.execute("UPDATE core_aspect SET concerns_user_id = $1", viewer.user_id)
    for path in ("/queues/all", f"/cases/{filed.reference}", f"/cases/{filed.reference}/history"):
        text = (await agent.get(path)).text
        assert 'data-level="4"' not in text, path
        assert "was suggested" not in text, path


async def test_the_settings_have_a_page(desk: Any) -> None:
    adam = await desk.signed_in("administrator")
    page = (await adam.get("/settings/mood")).text
    assert "Suggest the tone of what customers write" in page
    answer = await adam.submit("/settings/mood", {"set.read": "", "version": "0", "set.order": "dummy"})
    assert answer.status_code in {200, 303}


async def test_hook_users_are_asked_outside_transactions(desk_with_dummy: Any, monkeypatch: Any) -> None:
    inside: list[bool] = []

    def look(words: CustomerWords) -> list[Finding]:
        inside.append(db.in_transaction())
        return []

    _scorers(monkeypatch, _scorer("looks", look))
    await desk_with_dummy.file(QUIET)
    await desk_with_dummy.work()
    assert inside == [False]


async def test_a_message_that_joins_a_case_brings_its_tone_and_takes_it_along_when_it_leaves(
    wire: Any, desk_with_dummy: Any
) -> None:
    filed, agent = await desk_with_dummy.file(QUIET), await desk_with_dummy.viewer("leader")
    await wire({"name": "Uwe Vogt", "email": "uwe@example.net"}, "WHERE IS MY MONEY")
    message = await db.fetchval("SELECT id FROM core_message WHERE case_id IS NULL AND mood = 'angry'")
    assert await _case(filed.case_id) == {"mood": "calm", "mood_by": "suggested"}
    await deciding.join(agent, message, filed.reference, "representative", "He is her son.")
    await desk_with_dummy.work()
    assert await _case(filed.case_id) == {"mood": "angry", "mood_by": "suggested"}
    assert {each["case_id"] for each in await _findings()} == {filed.case_id}
    await deciding.undo(agent, message)
    assert await _case(filed.case_id) == {"mood": "calm", "mood_by": "suggested"}
    assert await db.fetchval("SELECT case_id FROM core_finding WHERE message_id = $1", message) is None
    assert await db.fetchval("SELECT mood FROM core_message WHERE id = $1", message) == "angry"


async def test_a_machines_words_have_no_tone(wire: Any, asked: list[CustomerWords]) -> None:
    wire.lay({"name": "Ann", "email": "ann@example.net"}, "I AM OUT OF OFFICE")
    await wire.fetch()
    row = await db.fetchrow("SELECT id FROM core_message")
    assert len(asked) == 1
    await db.execute("UPDATE core_message SET robot = 'auto_reply'")
    assert (await mood._messages([row["id"]])).get(row["id"]) is None
