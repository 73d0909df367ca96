"""Mail on a served desk, through Dovecot and an SMTP server: in, a case, a reply out, the customer's answer joins; and
many mails while the work process is killed: none lost, none twice, each thread in its order."""

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import unescape
from io import BytesIO
from pathlib import Path
from typing import Any

import pikepdf
import psycopg
import pypdfium2
import pytest
import trustme
from new_plugins import Person
from served import allowed

from ombud.kernel.postgres import EmbeddedPostgres

sys.path.insert(0, str(Path(__file__).parents[2] / "plugins" / "email" / "tests"))
from servers import DOVECOT, Dovecot, Post

PASSWORD, ADDRESS = "correct horse battery", "complaints@firm.example"  # of test users; of the firm
# Enough that every kill meets work half done; `make bench-mail` says how it goes with ten thousand.
MAILS = int(os.environ.get("OMBUD_MAIL_LOAD", "400"))
IN_A_THREAD = 5


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    if not DOVECOT:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("Dovecot is not installed: dovecot-imapd")
    made = Dovecot(trustme.CA())
    made.start()
    yield made
    made.remove()


@pytest.fixture
def post() -> Iterator[Post]:
    made = Post()
    made.start()
    yield made
    made.stop()


def _until(condition: Callable[[], Any], seconds: float = 60.0, what: str = "") -> None:
    end = time.monotonic() + allowed(seconds)
    while not condition():
        assert time.monotonic() < end, f"it did not come to be: {what}"
        time.sleep(0.1)


def _served(make_desk: Callable[..., Any], prepared: Path, dovecot: Dovecot, **chosen: Any) -> tuple[Any, Person]:
    """A desk with a mailbox, and its administrator."""
    desk = make_desk("mail", of=prepared)
    desk.start()
    for name, role in (("agnes", "agent"), ("lena", "leader"), ("adam", "administrator")):
        desk.command("user", "add", name, "--role", role, "--password-stdin", given=PASSWORD)
    desk.command("plugin", "enable", "email")
    administrator = Person(desk.address).sign_in("adam", PASSWORD)
    page = "/settings/p-email"
    _until(lambda: 'name="version"' in administrator.get(page).text, what="the page of the plugin's settings")
    seen = re.search(r'name="version" value="(\d+)"', administrator.get(page).text)
    assert seen
    mailbox = {"address": ADDRESS, "display_name": "Complaints", "imap_host": "127.0.0.1", "imap_port": dovecot.port,
               "imap_tls": "plain", "user": "complaints", "password": dovecot.password, **chosen}  # fmt: skip
    form = {f"set.{name}": str(value) for name, value in mailbox.items()}
    saved = administrator.submit(page, {**form, "version": seen.group(1)})
    assert saved.status_code == 200, saved.text[-2000:]
    return desk, administrator


def _mail(subject: str, text: str, sender: str = "Helena Marsh <helena@example.org>", **headers: str) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, headers.pop("To", ADDRESS), subject
    mail["Date"] = datetime.now(UTC)
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail.as_bytes()


@pytest.mark.slow
def test_a_mail_becomes_a_case_answers_join_it_and_the_final_response_goes_out_as_mail_and_as_a_letter(
    make_desk: Callable[..., Any], prepared: Path, dovecot: Dovecot, post: Post
) -> None:
    dovecot.deliver("complaints", _mail("The fee of October", "It was taken twice.", Message_ID="<first@example.org>"))
    out = {"smtp_host": "127.0.0.1", "smtp_port": post.port, "smtp_tls": "plain", "smtp_login": "none"}
    desk, administrator = _served(make_desk, prepared, dovecot, **out)
    agent = Person(desk.address).sign_in("agnes", PASSWORD)
    _until(lambda: "The fee of October" in agent.get("/inbox").text, what="the mail in the inbox")
    opened = re.search(r"/inbox/([0-9a-f-]{36})/case", agent.get("/inbox").text)
    shown = opened or re.search(r"open=([0-9a-f-]{36})", agent.get("/inbox").text)
    assert shown
    page = f"/inbox?open={shown.group(1)}"
    assert "It was taken twice." in agent.get(page).text
    made = agent.submit(f"/inbox/{shown.group(1)}/case", {"go": "case"}, page=page)
    assert made.status_code == 200, made.text[-2000:]
    case = made.url.path
    assert case.startswith("/cases/")

    _until(lambda: post.mails, what="the acknowledgement")
    acknowledgement = message_from_bytes(post.mails[0][2], policy=policy.default)
    assert acknowledgement["auto-submitted"] == "auto-generated"
    written = {"kind": "reply", "channel": "email", "text": "We paid it back."}
    sent = agent.submit(f"{case}/messages", written, page=case)
    hurry = re.search(r'action="(/outgoing/[0-9a-f-]+/now)"', sent.text)
    assert hurry, sent.text[-3000:]
    agent.submit(hurry.group(1), {}, page=case)
    _until(lambda: len(post.mails) == 2, what="the reply at the server")
    assert b"We paid it back." in post.mails[1][2]
    reply = message_from_bytes(post.mails[1][2], policy=policy.default)
    assert post.mails[1][1] == ["helena@example.org"]
    assert "<first@example.org>" in str(reply["references"])
    assert reply["auto-submitted"] is None

    chain = {"In_Reply_To": str(reply["message-id"]), "To": str(reply["reply-to"] or reply["from"])}
    away = _mail("Away", "I am on holiday.", **chain, Auto_Submitted="auto-replied", Message_ID="<away@example.org>")
    words = "Thank you, it is here.\n\nOn Mon, 23 Nov 2026 Firm <c@firm.example> wrote:\n> We paid"
    dovecot.deliver("complaints", away, _mail("Re: whatever", words, **chain, Message_ID="<second@example.org>"))
    _until(lambda: "Thank you, it is here." in agent.get(case).text, what="the answer on the case")
    assert len(post.mails) == 2, "nothing goes out to a machine"

    _letterhead(desk, administrator)
    _address(agent, case)
    _decide(agent, case)
    text = _final_response(agent, case, "email")
    _until(lambda: len(post.mails) == 3, what="the final response at the server")
    final = message_from_bytes(post.mails[2][2], policy=policy.default)
    assert text.splitlines()[0] in final.get_body(("plain",)).get_content()
    assert "Upheld" in final.get_body(("plain",)).get_content()
    _final_response(agent, case, "letter")
    _until(lambda: "/p/letters/letters/" in agent.get("/p/letters/").text, what="the letter in the print queue")
    letter = re.search(r"/p/letters/letters/[0-9a-f-]{36}", agent.get("/p/letters/").text)
    assert letter
    pdf = agent.get(f"{letter[0]}/letter.pdf")
    assert pdf.content.startswith(b"%PDF")
    with pikepdf.open(BytesIO(pdf.content)) as drawn:
        assert "/StructTreeRoot" in drawn.Root
    words = pypdfium2.PdfDocument(pdf.content)[0].get_textpage().get_text_range()
    assert "27 Long Acre" in words
    assert "Upheld" in words


def _letterhead(desk: Any, administrator: Person) -> None:
    desk.command("plugin", "enable", "letters")
    page = "/settings/p-letters"
    _until(lambda: 'name="version"' in administrator.get(page).text, what="the page of the letterhead")
    seen = re.search(r'name="version" value="(\d+)"', administrator.get(page).text)
    assert seen
    chosen = {"firm_name": "Modra Bank", "return_address": "Modra Bank, 12 Harbour Street, London EC1A 1AA"}
    form = {f"set.{name}": value for name, value in chosen.items()} | {"version": seen[1], "anyway": "on"}
    saved = administrator.submit(page, form)
    assert saved.status_code == 200, re.findall(r"data-summary>(.*?)</div>", saved.text, re.DOTALL)


def _address(agent: Person, case: str) -> None:
    person = re.search(r"/parties/[0-9a-f-]{36}", agent.get(case).text)
    assert person
    version = re.search(r'name="version" value="(\d+)"', agent.get(person[0]).text)
    assert version, "an agent may correct an address"
    form = {"version": version[1], "name": "Helena Marsh", "address": "27 Long Acre\nBrighton BN1 4GH"}
    assert agent.submit(person[0], form).status_code == 200


def _decide(agent: Person, case: str) -> None:
    page = re.search(rf"{case}/aspects/[0-9a-f-]{{36}}/decide", agent.get(case).text)
    assert page
    version = re.search(r'name="version" value="(\d+)"', agent.get(page[0]).text)
    assert version
    answer = {"outcome": "upheld", "reason": "The fee was taken twice; we pay it back.", "version": version[1]}
    decided = agent.submit(page[0], answer)
    assert decided.status_code == 200, decided.text[-2000:]


def _final_response(agent: Person, case: str, channel: str) -> str:
    """Assembled from the outcome, read, and let go at once; gives its text."""
    begun = agent.submit(f"{case}/insert", {"insert": "final_response"}, page=case)
    written = re.search(r'<textarea[^>]*name="text"[^>]*>(.*?)</textarea>', begun.text, re.DOTALL)
    assert written, begun.text[-3000:]
    text = unescape(written[1]).strip()
    assert "The fee was taken twice; we pay it back." in text
    form = {"kind": "reply", "letter": "final_response", "channel": channel, "text": text}
    sent = agent.submit(f"{case}/messages", form, page=case)
    hurry = re.search(r'action="(/outgoing/[0-9a-f-]+/now)"', sent.text)
    assert hurry, sent.text[-3000:]
    agent.submit(hurry[1], {}, page=case)
    return text


def _load(number: int) -> tuple[bytes, datetime]:
    """Mails of several kinds, five in each thread, a second apart."""
    thread, place = divmod(number, IN_A_THREAD)
    mail = EmailMessage()
    mail["From"] = f"Person {thread} <p{thread}@example.org>"
    mail["To"], mail["Subject"] = ADDRESS, f"Thread {thread}"
    mail["Message-ID"] = f"<{thread}.{place}@example.org>"
    if place:
        mail["In-Reply-To"] = f"<{thread}.{place - 1}@example.org>"
        mail["References"] = " ".join(f"<{thread}.{each}@example.org>" for each in range(place))
    mail.set_content(f"Mail {number} żółw")
    if place == 1:
        mail.add_alternative(f"<p>Mail <b>{number}</b></p>", subtype="html")
    if place == 2:
        mail.add_attachment(b"%PDF-1.7 " + str(number).encode() * 500, maintype="application", subtype="pdf",
                            filename=f"{number}.pdf")  # fmt: skip
    if place == 3:
        mail["List-Id"] = "<news.example.org>"
    if place == 4:
        mail["Auto-Submitted"] = "auto-replied"
    return mail.as_bytes(), datetime(2026, 11, 1, tzinfo=UTC) + timedelta(seconds=number)


def _delivered(dovecot: Dovecot) -> None:
    client = dovecot.client("complaints")
    for number in range(MAILS):
        body, at = _load(number)
        client.append("INBOX", body, msg_time=at)
    client.logout()


@pytest.mark.slow
def test_many_mails_come_in_once_and_in_their_order_while_the_work_process_is_killed_three_times(
    make_desk: Callable[..., Any], prepared: Path, dovecot: Dovecot
) -> None:
    _delivered(dovecot)
    desk, _ = _served(make_desk, prepared, dovecot)
    url = EmbeddedPostgres(desk.data / "postgres").start()
    with psycopg.connect(url, autocommit=True) as database:

        def count(table: str) -> int:
            row = database.execute(f"SELECT count(*) FROM {table} WHERE channel = 'email'").fetchone()
            assert row
            return int(row[0])

        began = time.monotonic()
        for part in (1, 2, 3):
            _until(lambda part=part: count("core_raw") >= MAILS * part // 4, 300, "a part of the mails")  # type: ignore[misc]
            desk.kill("ombud.kernel.child work")
        _until(lambda: count("core_raw") >= MAILS and count("core_message") >= MAILS, 600, "all mails")
        print(f"{MAILS} mails in {time.monotonic() - began:.0f} s")
        done = "SELECT count(*) FROM core_raw WHERE channel = 'email' AND status = 'done'"
        _until(lambda: database.execute(done).fetchone() == (MAILS,), 300, "every receipt is settled")
        assert (count("core_raw"), count("core_message")) == (MAILS, MAILS), "none lost, none twice"
        found = database.execute(
            "SELECT subject, body FROM core_message WHERE channel = 'email' ORDER BY said_at"
        ).fetchall()
        numbers = [int(re.search(r"Mail (\d+)", body).group(1)) for _, body in found]  # type: ignore[union-attr]
        assert sorted(numbers) == list(range(MAILS))
        by_thread: dict[str, list[int]] = {}
        for (subject, _), number in zip(found, numbers, strict=True):
            by_thread.setdefault(subject, []).append(number)
        assert all(each == sorted(each) for each in by_thread.values())
    assert "hold" in desk.command("ledger", "verify")
