"""Payments: the way of their states, a payment service that misbehaves, files and batches, what is reported back."""

import asyncio
import csv
import io
import json
import os
import sys
import threading
from datetime import timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ombud.desk.errors import Invalid, NotAllowed, NotFound, NotNow
from ombud.desk.redress import granting, shown
from ombud.desk.redress.lines import RedressGiven
from ombud.desk.redress.payments import accounts, asking, batches, paying, reports, service, states
from ombud.desk.redress.payments.accounts import Payee
from ombud.desk.redress.payments.moving import ENGINE
from ombud.desk.redress.payments.reports import Report
from ombud.kernel import clock
from ombud.kernel.database import db
from ombud.trust import group_settings, vault
from ombud.trust.ledger_verify import verify
from ombud.trust.policy import SYSTEM

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""On a machine with much else to do."""

IBAN = "DE89370400440532013000"
SECRET = "a secret that both sides know"


async def _line(desk: Any, amount: str = "40.00", currency: str = "EUR") -> tuple[Any, UUID, UUID, UUID]:
    """A granted line: the case, its aspect, the line, the complainant."""
    agent = await desk.viewer("leader")
    filed = await desk.file("The fee was taken twice.")
    aspect = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1", filed.case_id)
    done = await granting.add_redress(agent, aspect, RedressGiven("money", Decimal(amount), currency))
    person = await db.fetchval("SELECT person_id FROM core_party WHERE case_id = $1", filed.case_id)
    return filed, aspect, done.id, person


async def _payment(desk: Any, amount: str = "40.00", account: str = IBAN) -> UUID:
    _, aspect, line, person = await _line(desk, amount)
    return await paying.intend(await desk.viewer("leader"), aspect, line, person, Payee("Helena Marsh", account))


async def _state(payment: UUID) -> str:
    return str(await db.fetchval("SELECT state FROM core_payment WHERE id = $1", payment))


async def _key(payment: UUID) -> str:
    return str(await db.fetchval("SELECT key FROM core_payment WHERE id = $1", payment))


# --- States -----------------------------------------------------------------------------------------------------------


@UNHURRIED
@given(st.lists(st.sampled_from(states.EVENTS), max_size=12))
def test_money_that_may_have_gone_is_offered_again_by_a_persons_word_alone(events):
    """Along every way: from a state in which it may have gone, only a person's REPEAT, a certain refusal and then
    AGAIN, or WAIT, which says that it did not leave, lead back to leaving."""
    state = states.INTENDED
    for event in events:
        if not states.possible(state, event):
            continue
        after = states.after(state, event)
        if state in {states.HANDED, states.UNSURE, states.PAID} and after == states.INTENDED:
            assert event == states.REPEAT
        if state == states.HANDING and after == states.INTENDED:
            assert event == states.WAIT
        state = after
    assert not states.possible(states.PAID, states.REPEAT)
    assert not states.possible(states.CANCELLED, states.AGAIN)


@pytest.mark.parametrize(
    ("status", "body", "event"),
    [
        (200, {"status": "accepted"}, states.TOOK),
        (200, {"status": "paid", "value_date": "2026-11-20"}, states.SETTLE),
        (200, {"status": "paid"}, states.DOUBT),
        (200, {"status": "refused", "reason": "No such account"}, states.REFUSE),
        (422, {"status": "refused"}, states.REFUSE),
        (422, {"problem": "?"}, states.DOUBT),
        (200, {}, states.DOUBT),
        (200, [], states.DOUBT),
        (302, {"status": "accepted"}, states.DOUBT),
        (429, {}, states.WAIT),
        (500, {"status": "refused"}, states.DOUBT),
        (503, {}, states.DOUBT),
    ],
)
def test_an_answer_counts_only_where_it_is_clear(status, body, event):
    assert service.read(status, json.dumps(body).encode()).event == event


def test_an_answer_that_is_no_json_leaves_a_doubt():
    assert service.read(200, b"<html>ok</html>").event == states.DOUBT


# --- Accounts ---------------------------------------------------------------------------------------------------------


def test_an_iban_with_a_slip_is_refused_and_spaces_do_not_matter():
    assert accounts.checked(Payee("H", "de89 3704 0044 0532 0130 00")).account == IBAN
    assert accounts.checked(Payee("H", "20-00-00 12345678")).account == "20000012345678"
    for wrong in ("DE89370400440532013001", "", "12", "x" * 50):
        with pytest.raises(Invalid) as refusal:
            accounts.checked(Payee("H", wrong))
        assert refusal.value.field == "account"
    with pytest.raises(Invalid):
        accounts.checked(Payee("", IBAN))
    with pytest.raises(Invalid):
        accounts.checked(Payee("H", IBAN, "NOBIC"))


async def test_the_account_is_encrypted_under_the_payees_key_and_goes_with_them(desk):
    payment = await _payment(desk)
    row = await db.fetchrow("SELECT * FROM core_payment WHERE id = $1", payment)
    assert (row["payee_hint"], row["state"]) == ("3000", "intended")
    everything = str([dict(each) for each in await db.fetch("SELECT * FROM core_payment")])
    assert IBAN not in everything
    assert IBAN not in str([dict(each) for each in await db.fetch("SELECT body, sealed FROM core_ledger_entry")])
    assert (await paying.payee_of(row)).account == IBAN
    await db.execute("UPDATE core_person SET erased_at = now() WHERE id = $1", row["person_id"])
    await vault.destroy_subject(f"person/{row['person_id']}")
    after = await db.fetchrow("SELECT * FROM core_payment WHERE id = $1", payment)
    assert (after["payee_hint"], after["state"]) == ("", "cancelled")
    with pytest.raises(NotNow):
        await paying.payee_of(after)


# --- One payment of a line --------------------------------------------------------------------------------------------


async def test_a_line_has_one_payment_and_only_standing_money_is_paid(desk):
    leader = await desk.viewer("leader")
    _, aspect, line, person = await _line(desk)
    payment = await paying.intend(leader, aspect, line, person, Payee("H", IBAN))
    with pytest.raises(NotNow, match="already"):
        await paying.intend(leader, aspect, line, person, Payee("H", IBAN))
    await paying.cancel(leader, payment, "Another account")
    again = await paying.intend(leader, aspect, line, person, Payee("H", IBAN))
    assert again != payment
    await granting.reverse_redress(leader, aspect, line, "Given twice.")
    assert await _state(again) == "cancelled"
    with pytest.raises(NotNow, match="standing line"):
        await paying.intend(leader, aspect, line, person, Payee("H", IBAN))
    sorry = await granting.add_redress(leader, aspect, RedressGiven("apology"))
    with pytest.raises(NotNow):
        await paying.intend(leader, aspect, sorry.id, person, Payee("H", IBAN))
    assert (await verify()).broken == ""


async def test_a_line_that_is_on_its_way_is_not_taken_back_and_one_paid_still_counts(desk):
    agent, leader = await desk.viewer("agent"), await desk.viewer("leader")
    _, aspect, line, person = await _line(desk, "200.00")
    payment = await paying.intend(leader, aspect, line, person, Payee("H", IBAN))
    (batch,) = await batches.make(leader, [payment])
    await batches.take_file(leader, batch, "csv")
    with pytest.raises(NotNow, match="on its way or in doubt"):
        await granting.reverse_redress(leader, aspect, line, "Oops.")
    await paying.settle(leader, payment, "paid", "Seen on the statement", clock.now().date())
    await granting.reverse_redress(leader, aspect, line, "It was too much.")
    assert (await granting.add_redress(agent, aspect, RedressGiven("money", Decimal(100), "EUR"))).waits


async def test_what_was_paid_another_way_is_kept_with_its_day_and_how(desk):
    leader = await desk.viewer("leader")
    _, aspect, line, _ = await _line(desk)
    with pytest.raises(Invalid):
        await paying.record_by_hand(leader, aspect, line, clock.now().date() + timedelta(days=30), "On the bill")
    await paying.record_by_hand(leader, aspect, line, clock.now().date(), "On the next bill")
    found = (await shown.payments_of(leader, aspect))[0]
    assert (found.state, found.way, found.detail) == ("paid", "hand", "On the next bill")


# --- A payment service ------------------------------------------------------------------------------------------------


class _Service(ThreadingHTTPServer):
    """A payment service on this machine that does as it is told: what it got, and how it answers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Asked)
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.mode = "accept"
        self.knows: Any = {}
        self.questions: list[tuple[dict[str, str], bytes]] = []
        self.release = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/pay"

    @property
    def keys(self) -> list[str]:
        return [headers["idempotency-key"] for headers, _ in self.got]


_ANSWERS = {
    "accept": (200, b'{"status": "accepted", "reference": "R-1"}'),
    "error": (500, b"oops"),
    "refuse": (422, b'{"status": "refused", "reason": "Account closed"}'),
    "busy": (429, b"{}"),
}


class _Asked(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/status":
            server.questions.append(({name.lower(): value for name, value in self.headers.items()}, body))
        else:
            server.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
        if server.mode == "hang":  # it has taken the payment, and never says so
            server.release.wait(30)
            return
        if server.mode == "cut":
            self.connection.close()
            return
        code, answer = _ANSWERS[server.mode]
        if self.path == "/status" and server.mode == "accept":
            answer = server.knows if isinstance(server.knows, bytes) else json.dumps(server.knows).encode()
        self.send_response(code)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args: Any) -> None:
        return


@pytest.fixture
def provider():
    found = _Service()
    yield found
    found.release.set()
    found.shutdown()
    found.server_close()


async def _by_service(url: str) -> None:
    unit = await db.fetchval("SELECT id FROM core_unit WHERE parent_id IS NULL")
    status_url = url.replace("/pay", "/status")
    values = {"way": "webhook", "url": url, "status_url": status_url}
    wanted = group_settings.Change(values=values, secrets={"secret": SECRET})
    await group_settings.change(SYSTEM, "payments", wanted, unit)


async def test_a_payment_is_handed_to_the_service_once_signed_and_with_its_key(desk, provider):
    await _by_service(provider.url)
    payment = await _payment(desk)
    await desk.work()
    assert await _state(payment) == "handed_over"
    ((headers, body),) = provider.got
    said = json.loads(body)
    assert said["payee"] == {"name": "Helena Marsh", "account": IBAN, "bic": ""}
    assert (said["key"], said["amount"], said["currency"]) == (await _key(payment), "40.00", "EUR")
    assert headers["idempotency-key"] == said["key"]
    signed = service.signature(SECRET, headers["x-ombud-timestamp"], body)
    assert headers["x-ombud-signature"] == f"sha256={signed}"
    assert service.signed_by(SECRET, headers["x-ombud-timestamp"], body, headers["x-ombud-signature"])
    assert not service.signed_by("another", headers["x-ombud-timestamp"], body, headers["x-ombud-signature"])
    assert not service.signed_by(SECRET, "1000", body, f"sha256={service.signature(SECRET, '1000', body)}")
    assert not service.signed_by("", headers["x-ombud-timestamp"], body, f"sha256={signed}")


@pytest.mark.parametrize("mode", ["hang", "cut", "error"])
async def test_an_answer_that_never_came_leaves_the_payment_unsure_and_nothing_repeats_it(
    desk, provider, mode, monkeypatch
):
    monkeypatch.setattr(service, "SECONDS", 0.4)
    await _by_service(provider.url)
    provider.mode = mode
    payment = await _payment(desk)
    await desk.work()
    assert await _state(payment) == "unsure"
    assert len(provider.got) == 1
    provider.mode = "accept"
    context: Any = SimpleNamespace(delivery_id=uuid4())
    for hours in (1, 30, 1000):
        with clock.at(clock.now() + timedelta(hours=hours)):
            await service.sweep({}, context)
            await desk.work()
            await service.hand_over({"payment": str(payment)}, context)
    assert (await _state(payment), len(provider.got)) == ("unsure", 1)


async def _unsure(desk, provider) -> tuple[UUID, str]:
    await _by_service(provider.url)
    provider.mode = "error"
    payment = await _payment(desk)
    await desk.work()
    assert await _state(payment) == "unsure"
    provider.mode = "accept"
    return payment, await _key(payment)


async def _asked_about(desk, provider, payment: UUID, knows: Any) -> None:
    provider.knows = knows
    await asking.ask(await desk.viewer("leader"), payment)
    await desk.work()


PAID = {"status": "paid", "value_date": "2026-11-23", "amount": "40.00", "currency": "EUR", "reference": "R-9"}


@pytest.mark.parametrize(
    ("knows", "state", "said"),
    [
        (PAID, "paid", ""),
        ({"status": "settled", "value_date": "2026-11-23"}, "paid", ""),
        ({"status": "failed", "reason": "Account closed"}, "failed", "Account closed"),
        ({"status": "accepted"}, "handed_over", ""),
        ({"status": "unknown"}, "unsure", "The payment service knows no payment of this key."),
        ({**PAID, "amount": "41.00"}, "unsure", "Reported were 41.00 EUR, handed over 40.00 EUR."),
        ({**PAID, "currency": "GBP"}, "unsure", "Reported were 40.00 GBP"),
        ({**PAID, "amount": "forty"}, "unsure", "Reported were forty"),
        ({**PAID, "value_date": ""}, "unsure", "not on which day"),
        ({**PAID, "key": "another"}, "unsure", "about another payment"),
        ({**PAID, "status": "perhaps"}, "unsure", "“perhaps”, which leaves it uncertain"),
        ({**PAID, "reason": "a\0b"}, "unsure", "about another payment"),
    ],
)
async def test_the_service_is_asked_by_the_same_key_and_only_a_clear_answer_ends_the_doubt(
    desk, provider, knows, state, said
):
    payment, key = await _unsure(desk, provider)
    await _asked_about(desk, provider, payment, {"key": key, **knows})
    row = await db.fetchrow("SELECT state, detail FROM core_payment WHERE id = $1", payment)
    assert (row["state"], said in row["detail"]) == (state, True), row["detail"]
    ((headers, body),) = provider.questions
    assert json.loads(body) == {"key": key}, "no account and no name leaves for a question"
    assert service.signed_by(SECRET, headers["x-ombud-timestamp"], body, headers["x-ombud-signature"])
    assert len(provider.got) == 1, "asking pays nothing"
    kinds = [row["kind"] for row in await db.fetch("SELECT kind FROM core_ledger_entry ORDER BY at, seq")]
    assert kinds.count("payment.asked") == 1
    assert ("payment.still_unsure" in kinds) is (state == "unsure")
    assert (await verify()).broken == ""


@pytest.mark.parametrize("mode", ["hang", "cut", "error", "busy", "refuse", "no json"])
async def test_a_service_that_misbehaves_when_it_is_asked_leaves_the_payment_unsure(desk, provider, mode, monkeypatch):
    monkeypatch.setattr(service, "SECONDS", 0.4)
    payment, _ = await _unsure(desk, provider)
    provider.mode = "accept" if mode == "no json" else mode
    await _asked_about(desk, provider, payment, b"<html>paid</html>")
    row = await db.fetchrow("SELECT state, detail FROM core_payment WHERE id = $1", payment)
    assert row["state"] == "unsure"
    assert row["detail"] != asking.ASKED, "the person is told how it went"
    assert len(provider.got) == 1


async def test_an_answer_that_comes_after_a_person_decided_changes_nothing(desk, provider):
    payment, key = await _unsure(desk, provider)
    leader = await desk.viewer("leader")
    provider.knows = {"key": key, **PAID}
    await asking.ask(leader, payment)
    await paying.settle(leader, payment, "failed", "The bank says so on the phone.")
    await desk.work()
    assert await _state(payment) == "failed"
    await asking.book(payment, key, service.Answer(states.SETTLE))
    assert await _state(payment) == "failed"


async def test_only_a_doubt_at_a_service_with_an_address_for_questions_is_asked_about(desk, provider):
    payment, _ = await _unsure(desk, provider)
    leader = await desk.viewer("leader")
    with pytest.raises(NotAllowed):
        await asking.ask(await desk.viewer("agent"), payment)
    unit = await db.fetchval("SELECT id FROM core_unit WHERE parent_id IS NULL")
    change = group_settings.Change(values={"status_url": "http://payments.example/status"})
    await group_settings.change(SYSTEM, "payments", change, unit)
    with pytest.raises(NotNow, match="no address for questions"):
        await asking.ask(leader, payment)
    await db.execute("UPDATE core_payment SET way = 'file'")
    with pytest.raises(NotNow, match="Ask your bank"):
        await asking.ask(leader, payment)
    await paying.settle(leader, payment, "failed", "The bank says so.")
    with pytest.raises(NotNow, match="There is no doubt to ask about"):
        await asking.ask(leader, payment)
    assert provider.questions == []


async def test_a_person_repeats_an_unsure_payment_with_the_same_key(desk, provider):
    await _by_service(provider.url)
    provider.mode = "error"
    payment = await _payment(desk)
    await desk.work()
    provider.mode = "accept"
    leader = await desk.viewer("leader")
    with pytest.raises(Invalid):
        await paying.settle(leader, payment, "again", "")
    await paying.settle(leader, payment, "again", "The service says it has nothing of that key.")
    await desk.work()
    assert await _state(payment) == "handed_over"
    assert len(provider.keys) == 2
    assert len(set(provider.keys)) == 1


async def test_a_certain_refusal_is_a_failure_and_a_new_attempt_has_a_key_of_its_own(desk, provider):
    await _by_service(provider.url)
    provider.mode = "refuse"
    payment = await _payment(desk)
    await desk.work()
    assert await _state(payment) == "failed"
    provider.mode = "accept"
    await paying.settle(await desk.viewer("leader"), payment, "again", "The account is open again.")
    await desk.work()
    assert await _state(payment) == "handed_over"
    assert len(set(provider.keys)) == 2
    assert (await reports.one(ENGINE, Report(provider.keys[0], "paid"))).code == "unknown"


async def test_what_certainly_did_not_leave_is_tried_again_by_itself_with_the_same_key(desk, provider):
    await _by_service("http://127.0.0.1:9/pay")  # nobody listens on the port to throw things away at
    payment = await _payment(desk)
    before = await _key(payment)
    await desk.work()
    assert await _state(payment) == "intended"
    await _by_service(provider.url)
    for mode, state in (("busy", "intended"), ("accept", "handed_over")):
        provider.mode = mode
        await db.execute("UPDATE core_delivery SET available_at = now() WHERE state = 'waiting'")
        await desk.work()
        assert await _state(payment) == state
    assert set(provider.keys) == {before}


async def test_a_delivery_that_runs_twice_hands_over_once(desk, provider):
    await _by_service(provider.url)
    payment = await _payment(desk)
    first: Any = SimpleNamespace(delivery_id=uuid4())
    second: Any = SimpleNamespace(delivery_id=uuid4())
    await asyncio.gather(*(service.hand_over({"payment": str(payment)}, each) for each in (first, second, first)))
    assert len(provider.got) == 1
    assert await _state(payment) in {"handed_over", "unsure"}


async def test_an_account_number_is_never_sent_in_clear_over_a_network(desk):
    await _by_service("http://payments.example/pay")
    payment = await _payment(desk)
    await desk.work()
    assert await _state(payment) == "intended"
    assert "https" in await db.fetchval("SELECT detail FROM core_payment WHERE id = $1", payment)


_DIES = """
import asyncio, os, sys
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID
from ombud.config import load
from ombud.start import open_process
from ombud.desk.redress.payments import service

async def main():
    config = load(data=Path(sys.argv[1]), environ={"OMBUD_DATABASE_URL": sys.argv[2]})
    await open_process(config, sys.argv[2])
    async def died(*anything):
        os._exit(9)
    service.book = died
    await service.hand_over({"payment": sys.argv[3]}, SimpleNamespace(delivery_id=UUID(sys.argv[4])))
asyncio.run(main())
"""


async def test_a_process_killed_between_their_yes_and_our_commit_leaves_it_unsure_and_sends_it_once(desk, provider):
    await _by_service(provider.url)
    payment = await _payment(desk)
    delivery = await db.fetchval("SELECT id FROM core_delivery WHERE subscriber = $1", f"job/{paying.JOB}")
    data = Path(desk.config.secrets.master_key_file).parent.parent
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _DIES, str(data), str(db.url), str(payment), str(delivery),
        env={**os.environ, "OMBUD_SECRETS_MASTER_KEY_FILE": str(desk.config.secrets.master_key_file)},
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, said = await asyncio.wait_for(child.communicate(), 60)
    assert child.returncode == 9, said.decode()[-2000:]
    assert len(provider.got) == 1  # they said yes
    assert await _state(payment) == "handing"  # and we never heard
    await desk.work()  # the delivery is given to another process
    assert await _state(payment) == "unsure"
    assert len(provider.got) == 1
    assert (await verify()).broken == ""


async def test_a_payment_whose_process_is_never_heard_of_again_becomes_unsure(desk, provider):
    await _by_service(provider.url)
    payment = await _payment(desk)
    assert await service._take(payment, uuid4())
    context: Any = SimpleNamespace(delivery_id=uuid4())
    await service.sweep({}, context)
    assert await _state(payment) == "handing"
    with clock.at(clock.now() + timedelta(minutes=16)):
        await service.sweep({}, context)
    assert await _state(payment) == "unsure"
    assert provider.got == []


# --- Files and batches ------------------------------------------------------------------------------------------------


async def test_a_batch_leaves_once_as_a_file_and_its_sum_is_that_of_its_payments(desk):
    leader = await desk.viewer("leader")
    made = [await _payment(desk, amount) for amount in ("40.00", "2.50", "100.05")]
    (batch,) = await batches.make(leader, made)
    assert [await _state(each) for each in made] == ["intended"] * 3
    with pytest.raises(NotNow):
        await batches.make(leader, made)
    name, data = await batches.take_file(leader, batch, "csv")
    assert name.endswith(".csv")
    rows = list(csv.DictReader(io.StringIO(data.decode())))
    assert {row["key"] for row in rows} == {await _key(each) for each in made}
    assert sum(Decimal(row["amount"]) for row in rows) == Decimal("142.55")
    assert rows[0]["account"] == IBAN
    assert [await _state(each) for each in made] == ["handed_over"] * 3
    with pytest.raises(NotNow, match="taken already"):
        await batches.take_file(leader, batch, "csv")
    _, same = await batches.take_file(leader, batch, "json", again=True)
    assert json.loads(same)["total"] == "142.55"
    assert {each["key"] for each in json.loads(same)["payments"]} == {row["key"] for row in rows}
    await paying.settle(leader, made[0], "paid", "On the statement", clock.now().date())
    with pytest.raises(NotNow, match="settled or repeated"):
        await batches.take_file(leader, batch, "csv", again=True)
    found = await batches.one(leader, batch)
    assert found.sums == {"paid": (1, Decimal(40)), "handed_over": (2, Decimal("102.55"))}
    assert found.adds_up
    assert not found.reconciled


async def test_pain001_is_valid_by_its_schema_and_refused_where_it_cannot_hold_a_payment(desk):
    leader = await desk.viewer("leader")
    payment = await _payment(desk)
    (batch,) = await batches.make(leader, [payment])
    with pytest.raises(NotNow, match="your own account"):
        await batches.take_file(leader, batch, "pain001")
    assert await _state(payment) == "intended"
    unit = await db.fetchval("SELECT id FROM core_unit WHERE parent_id IS NULL")
    values = {"payer_name": "Modra Bank", "payer_iban": "PL61 1090 1014 0000 0712 1981 2874"}
    await group_settings.change(SYSTEM, "payments", group_settings.Change(values=values), unit)
    name, data = await batches.take_file(leader, batch, "pain001")  # export() checks it against the schema of ISO 20022
    assert name.endswith(".xml")
    text = data.decode()
    for words in (
        "pain.001.001.09",
        await _key(payment),
        IBAN,
        "PL61109010140000071219812874",
        "40.00",
        "Helena Marsh",
    ):
        assert words in text
    british = await _payment(desk, "5.00", "20-00-00 12345678")
    (other,) = await batches.make(leader, [british])
    with pytest.raises(NotNow, match="Take the CSV file"):
        await batches.take_file(leader, other, "pain001")


async def test_a_batch_is_dissolved_before_its_file_is_taken_and_a_cancelled_payment_leaves_its_sum(desk):
    leader = await desk.viewer("leader")
    one, two = await _payment(desk, "40.00"), await _payment(desk, "7.00")
    (batch,) = await batches.make(leader, [one, two])
    await paying.cancel(leader, two, "")
    found = await batches.one(leader, batch)
    assert (found.count, found.total, found.adds_up) == (1, Decimal(40), True)
    await batches.dissolve(leader, batch)
    with pytest.raises(NotFound):
        await batches.one(leader, batch)
    (again,) = await batches.make(leader, [one])
    await batches.take_file(leader, again, "csv")
    with pytest.raises(NotNow):
        await batches.dissolve(leader, again)


async def test_payments_of_a_hidden_aspect_are_in_nobodys_batch_who_may_not_see_them(desk):
    from ombud.desk import aspects

    leader = await desk.viewer("leader")
    await desk.user("boss", "leader")
    boss = await desk.viewer("boss")
    payment = await _payment(desk)
    aspect = await db.fetchval("SELECT aspect_id FROM core_payment WHERE id = $1", payment)
    await aspects.concern(leader, aspect, boss.user_id)
    assert (await shown.payments(boss, "ready"))[0] == []
    assert await shown.payment_sums(boss) == {}
    with pytest.raises(NotNow):
        await batches.make(boss, [payment])
    (batch,) = await batches.make(leader, [payment])
    assert await batches.listed(boss) == []
    for refused in (
        batches.take_file(boss, batch, "csv"),
        batches.dissolve(boss, batch),
        paying.settle(boss, payment, "paid", "x", clock.now().date()),
        paying.cancel(boss, payment, ""),
    ):
        with pytest.raises(NotFound):
            await refused
    assert (await reports.one(boss, Report(await _key(payment), "paid"))).code == "unknown"


async def test_what_nobody_hears_of_becomes_unsure_after_the_days_of_the_unit(desk):
    leader = await desk.viewer("leader")
    payment = await _payment(desk)
    (batch,) = await batches.make(leader, [payment])
    await batches.take_file(leader, batch, "csv")
    context: Any = SimpleNamespace(delivery_id=uuid4())
    with clock.at(clock.now() + timedelta(days=9)):
        await service.sweep({}, context)
        assert await _state(payment) == "handed_over"
    with clock.at(clock.now() + timedelta(days=11)):
        await service.sweep({}, context)
    assert await _state(payment) == "unsure"


# --- What is reported back --------------------------------------------------------------------------------------------


async def _handed(desk: Any, *amounts: str) -> list[str]:
    leader = await desk.viewer("leader")
    made = [await _payment(desk, each) for each in amounts]
    (batch,) = await batches.make(leader, made)
    await batches.take_file(leader, batch, "csv")
    return [await _key(each) for each in made]


async def test_a_file_of_the_bank_brings_each_payment_back_to_its_aspect(desk):
    leader = await desk.viewer("leader")
    one, two, three, four = await _handed(desk, "40.00", "2.50", "7.00", "9.00")
    text = (
        "Key;Status;Value_date;Amount;Reason\n"
        f"{one};paid;2026-11-20;40,00;\n{two};RJCT;;;Account closed\n{three};paid;2026-11-20;70.00;\n"
        f"{four};PDNG;;;\nnobody;paid;;;\n{one};huh;;;\n"
    )
    found = await reports.read_in(leader, text.encode())
    assert [each.code for each in found.results] == ["paid", "failed", "differs", "accepted", "unknown", "unreadable"]
    assert found.sums["EUR"]["paid"] == (1, Decimal(40))
    rows = {row["key"]: row for row in await db.fetch("SELECT key, state, value_date, detail FROM core_payment")}
    assert [rows[key]["state"] for key in (one, two, three, four)] == ["paid", "failed", "unsure", "handed_over"]
    assert str(rows[one]["value_date"]) == "2026-11-20"
    assert rows[two]["detail"] == "Account closed"
    aspect = await db.fetchval("SELECT aspect_id FROM core_payment WHERE key = $1", one)
    assert (await shown.payments_of(leader, aspect))[0].state == "paid"
    before = await db.fetchval("SELECT count(*) FROM core_ledger_entry")
    again = await reports.read_in(leader, text.encode())
    assert [each.code for each in again.results[:2]] == ["again", "again"]
    assert await db.fetchval("SELECT count(*) FROM core_ledger_entry") == before
    assert (await verify()).broken == ""


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"name,amount\nx,1\n", b"key\nx\n"], ids=range(4))
async def test_a_file_that_is_none_is_refused_and_changes_nothing(desk, data):
    leader = await desk.viewer("leader")
    (key,) = await _handed(desk, "40.00")
    with pytest.raises(Invalid) as refusal:
        await reports.read_in(leader, data)
    assert refusal.value.field == "file"
    assert await db.fetchval("SELECT state FROM core_payment WHERE key = $1", key) == "handed_over"


async def test_a_payment_that_comes_back_is_a_failure_that_somebody_hears_of(desk):
    (key,) = await _handed(desk, "40.00")
    assert (await reports.one(ENGINE, Report(key, "paid", "2026-11-20"))).code == "paid"
    assert (await reports.one(ENGINE, Report(key, "failed"))).code == "impossible"
    assert (await reports.one(ENGINE, Report(key, "returned", reason="Account closed"))).code == "returned"
    row = await db.fetchrow("SELECT state, value_date FROM core_payment")
    assert (row["state"], row["value_date"]) == ("failed", None)
    await desk.work()
    assert await db.fetchval("SELECT count(*) FROM core_notice WHERE kind = 'payment'") >= 1


async def test_what_was_never_handed_over_cannot_be_reported_paid(desk):
    payment = await _payment(desk)
    assert (await reports.one(ENGINE, Report(await _key(payment), "paid"))).code == "impossible"
    assert await _state(payment) == "intended"
