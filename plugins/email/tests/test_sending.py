"""Mail goes out by a real SMTP server: once, as it should look, and what became of it is known as exactly as can be."""

import asyncio
import ssl
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import pytest
from msgspec import structs
from servers import PASSWORD, Post, Tokens, free_port

from ombud.kernel.database import db
from ombud_email import compose, login, sending
from ombud_email.mailbox import mailbox_of
from ombud_plugin_api import (
    Document,
    Misconfigured,
    OutboundMessage,
    Permanent,
    Receipt,
    Recipient,
    Thread,
    Transient,
)  # fmt: skip

TOKEN = "a" * 42
MESSAGE = OutboundMessage(
    id=UUID(int=7), channel="email", kind="reply", subject="Your fee", reply_token=TOKEN, reference="C-1",
    language="pl",
    recipient=Recipient(name="Zoë Żółw", email="zoe@example.org"), text="Dzień dobry,\n.\nthe fee is paid back.",
    thread=Thread(id="7@desk.example", answers=("nearest@example.org", "older@example.org")),
)  # fmt: skip


def _chosen(post: Post, **more: Any) -> dict[str, Any]:
    return {"smtp_host": "127.0.0.1", "smtp_port": post.port, "smtp_tls": "plain", "smtp_login": "none", **more}


def _taken(post: Post) -> EmailMessage:
    (sent,) = post.mails
    made = message_from_bytes(sent[2], policy=policy.default)
    assert isinstance(made, EmailMessage)
    return made


async def _sent(mail_desk: Any, message: OutboundMessage = MESSAGE, key: str = "k1") -> Receipt:
    return await sending.send(message, key, await mail_desk.context())


async def test_a_reply_goes_out_under_its_fixed_id_in_the_name_of_the_unit(mail_desk: Any, post: Post) -> None:
    await mail_desk.set_up(**_chosen(post), display_name="Reklamacje Ż", signature="The Firm\n1 Long Lane")
    receipt = await _sent(mail_desk)
    assert (receipt.state, receipt.remote_id) == ("sent", "OK queued as Q1")
    mail = _taken(post)
    assert mail["message-id"] == "<7@desk.example>"
    assert mail["in-reply-to"] == "<nearest@example.org>"
    assert mail["references"] == "<older@example.org> <nearest@example.org>"
    assert mail["from"] == "Reklamacje Ż <complaints@firm.example>"
    assert mail["to"] == "Zoë Żółw <zoe@example.org>"
    assert mail["reply-to"] == f"complaints+{TOKEN}@firm.example"
    assert mail["content-language"] == "pl"
    assert mail.get_content().replace("\r\n", "\n") == (
        "Dzień dobry,\n.\nthe fee is paid back.\n\n-- \nThe Firm\n1 Long Lane\n"
    )
    assert "auto-submitted" not in mail
    assert not [name for name in mail if name.lower().startswith("list-")]
    assert post.mails[0][:2] == ("complaints@firm.example", ["zoe@example.org"])
    assert max(len(line) for line in post.mails[0][2].splitlines()) < 998


async def test_what_nobody_wrote_says_so_and_files_and_html_come_along(mail_desk: Any, post: Post) -> None:
    await mail_desk.set_up(**_chosen(post), plus=False)
    files = (
        Document(name="Odpowiedź końcowa.pdf", content_type="application/pdf", data=b"%PDF-1.7 x"),
        Document(name="forwarded.eml", content_type="message/rfc822", data=b"Subject: x\n\ny"),
        Document(name="odd", content_type="no type\r\nBcc: evil@example.org", data=b"z"),
    )
    await _sent(mail_desk, structs.replace(MESSAGE, robot=True, html="<p>Dzień <b>dobry</b></p>", documents=files))
    mail = _taken(post)
    assert (mail["auto-submitted"], mail["x-auto-response-suppress"]) == ("auto-generated", "All")
    assert mail["reply-to"] is None
    shown = mail.get_body(("html",))
    assert shown is not None
    assert "<b>dobry</b>" in shown.get_content()
    attached = [(each.get_filename(), each.get_content_type()) for each in mail.iter_attachments()]
    assert attached == [("Odpowiedź końcowa.pdf", "application/pdf"), ("forwarded.eml", "application/octet-stream"),
                        ("odd", "application/octet-stream")]  # fmt: skip
    assert mail["bcc"] is None


async def test_lines_cannot_be_smuggled_into_headers(mail_desk: Any, post: Post) -> None:
    await mail_desk.set_up(**_chosen(post))
    wicked = structs.replace(
        MESSAGE, subject="Fee\r\nBcc: evil@example.org", language="en\r\nBcc: evil@example.org",
        recipient=Recipient(name="Zoë\nBcc: evil@example.org", email="zoe@example.org"),
        thread=Thread(id="a b\r\nBcc: x", answers=("c d", "good@example.org")),
    )  # fmt: skip
    await _sent(mail_desk, wicked)
    mail = _taken(post)
    assert (mail["bcc"], mail["message-id"], mail["references"]) == (None, None, "<good@example.org>")
    assert mail["subject"] == "Fee Bcc: evil@example.org"


@pytest.mark.parametrize("address", ["", "nobody", "a@", "a b@example.org", "a@exa mple.org", "a@example.org>\r\nDATA"])
async def test_an_address_that_is_none_is_refused_for_good(mail_desk: Any, post: Post, address: str) -> None:
    await mail_desk.set_up(**_chosen(post))
    with pytest.raises(Permanent, match="is no e-mail address"):
        await _sent(mail_desk, structs.replace(MESSAGE, recipient=Recipient(name="X", email=address)))
    assert post.mails == []


async def test_addresses_of_other_alphabets_go_out_where_the_server_takes_them(mail_desk: Any, post: Post) -> None:
    await mail_desk.set_up(**_chosen(post))
    await _sent(mail_desk, structs.replace(MESSAGE, recipient=Recipient(name="Żółw", email="żółw@żółw.example")))
    assert post.mails[0][1] == ["żółw@xn--w-uga1v8h.example"]
    assert "SMTPUTF8" in post.options[0]


@pytest.mark.parametrize(
    ("trouble", "error", "words"),
    [
        (("rcpt", "550 5.1.1 no such user"), Permanent, "550 5.1.1 no such user"),
        (("rcpt", "450 4.2.0 greylisted"), Transient, "450 4.2.0 greylisted"),
        (("rcpt", "530 5.7.0 log in first"), Misconfigured, "wants a login"),
        (("rcpt", "cut"), Transient, "broke off before it had the mail"),
        (("middle", ""), Transient, "broke off in the middle"),
        (("data", "554 5.7.1 spam"), Permanent, "554 5.7.1 spam"),
        (("data", "451 4.3.0 disk full"), Transient, "451 4.3.0 disk full"),
    ],
)
async def test_what_certainly_was_not_sent_is_told_as_that(
    mail_desk: Any, post: Post, trouble: tuple[str, str], error: type[Exception], words: str
) -> None:
    await mail_desk.set_up(**_chosen(post))
    post.trouble = [trouble]
    big = structs.replace(MESSAGE, documents=(Document(name="a", content_type="x/y", data=b"x" * 8_000_000),))
    with pytest.raises(error, match=words):
        await _sent(mail_desk, big if trouble[0] == "middle" else MESSAGE)
    assert post.mails == []
    assert await sending.status("k1", await mail_desk.context()) is None
    assert (await _sent(mail_desk)).state == "sent", "and the next attempt sends it"
    assert len(post.mails) == 1


@pytest.mark.parametrize("how", ["cut", "hang"])
async def test_a_server_that_has_the_mail_and_says_nothing_leaves_it_unsure(
    mail_desk: Any, post: Post, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(sending, "AFTER_DATA", 0.5)
    await mail_desk.set_up(**_chosen(post))
    post.trouble = [("data", how)]
    receipt = await _sent(mail_desk)
    assert receipt.state == "unsure"
    assert "had the whole mail" in receipt.detail
    assert len(post.mails) == 1, "and it had it"
    assert await sending.status("k1", await mail_desk.context()) is None


async def test_what_was_sent_is_known_by_its_key_and_not_sent_again(mail_desk: Any, post: Post) -> None:
    await mail_desk.set_up(**_chosen(post))
    first = await _sent(mail_desk)
    known = await sending.status("k1", await mail_desk.context())
    assert known is not None
    assert (known.state, known.remote_id) == ("sent", first.remote_id)
    again = await _sent(mail_desk)
    assert (again.state, again.remote_id) == ("sent", first.remote_id)
    assert len(post.mails) == 1
    await db.execute("UPDATE email_sent SET at = now() - interval '91 days'")
    await sending.sweep()
    assert await sending.status("k1", await mail_desk.context()) is None


async def test_an_unsure_mail_that_lies_in_the_folder_of_sent_mail_was_sent(
    mail_desk: Any, post: Post, dovecot: Any
) -> None:
    imap = {"imap_host": "127.0.0.1", "imap_port": dovecot.port, "imap_tls": "plain", "user": "complaints",
            "password": dovecot.password, "sent_folder": "Sent"}  # fmt: skip
    await mail_desk.set_up(**_chosen(post), **imap)
    await asyncio.to_thread(dovecot.deliver, "complaints", b"Subject: other\r\n\r\nx", folder="Sent")
    post.trouble = [("data", "cut")]
    assert (await _sent(mail_desk)).state == "unsure"
    assert await sending.status("k1", await mail_desk.context()) is None
    await asyncio.to_thread(dovecot.deliver, "complaints", post.mails[0][2], folder="Sent")
    known = await sending.status("k1", await mail_desk.context())
    assert known is not None
    assert (known.state, known.detail) == ("sent", "It lies in Sent.")


async def test_a_copy_is_kept_where_that_is_chosen_and_a_copy_that_fails_unsends_nothing(
    mail_desk: Any, post: Post, dovecot: Any
) -> None:
    imap = {"imap_host": "127.0.0.1", "imap_port": dovecot.port, "imap_tls": "plain", "user": "complaints",
            "password": dovecot.password, "sent_folder": "Sent", "sent_append": True}  # fmt: skip
    await mail_desk.set_up(**_chosen(post), **imap)
    receipt = await _sent(mail_desk)
    assert receipt.state == "sent"
    assert "no copy could be kept in Sent" in receipt.detail
    await asyncio.to_thread(dovecot.deliver, "complaints", folder="Sent")
    assert (await _sent(mail_desk, key="k2")).detail == ""
    assert len(await asyncio.to_thread(dovecot.flags, "complaints", "Sent")) == 1


async def test_a_unit_without_a_mailbox_says_so(mail_desk: Any) -> None:
    with pytest.raises(Misconfigured, match="no mailbox to send from"):
        await _sent(mail_desk)
    await mail_desk.set_up()
    with pytest.raises(Misconfigured, match="no server to send by"):
        await _sent(mail_desk)
    with pytest.raises(Misconfigured, match="no server to send by"):
        await _sent(mail_desk, structs.replace(MESSAGE, account="gone@firm.example"))


async def test_where_the_customers_mailbox_is_gone_or_cannot_send_the_units_own_one_does(
    mail_desk: Any, post: Post
) -> None:
    await mail_desk.set_up(**_chosen(post))
    assert (await _sent(mail_desk, structs.replace(MESSAGE, account="gone@firm.example"))).state == "sent"


async def test_a_server_that_is_away_is_waited_for(mail_desk: Any, post: Post) -> None:
    await mail_desk.set_up(**{**_chosen(post), "smtp_port": free_port()})
    with pytest.raises(Transient, match=r"cannot be reached\. Nothing was sent"):
        await _sent(mail_desk)


@pytest.fixture(params=["tls", "starttls"])
def secure(request: Any, server_context: ssl.SSLContext) -> Iterator[Post]:
    made = Post(server_context, implicit=request.param == "tls")
    made.start()
    made.kind = request.param  # type: ignore[attr-defined]
    yield made
    made.stop()


async def test_encryption_is_checked_and_a_wrong_certificate_gets_nothing(
    mail_desk: Any, secure: Any, authority_pem: str
) -> None:
    chosen = {**_chosen(secure), "smtp_tls": secure.kind}
    await mail_desk.set_up(**chosen)
    with pytest.raises(Misconfigured, match=r"certificate of 127\.0\.0\.1 is not accepted: .*Nothing was sent"):
        await _sent(mail_desk)
    assert secure.mails == []
    await mail_desk.set_up(**chosen, authority=authority_pem)
    assert (await _sent(mail_desk)).state == "sent"


async def test_a_server_that_does_not_encrypt_as_chosen_is_named(mail_desk: Any, post: Post) -> None:
    await mail_desk.set_up(**{**_chosen(post), "smtp_tls": "starttls"})
    with pytest.raises(Misconfigured, match="offers no STARTTLS"):
        await _sent(mail_desk)
    await mail_desk.set_up(**{**_chosen(post), "smtp_tls": "tls"})
    with pytest.raises(Misconfigured, match="does not speak TLS as chosen"):
        await _sent(mail_desk)


@pytest.fixture
def guarded() -> Iterator[Post]:
    made = Post(login=True)
    made.start()
    yield made
    made.stop()


async def test_a_password_logs_in_and_a_wrong_one_is_told_without_naming_it(mail_desk: Any, guarded: Post) -> None:
    chosen = {**_chosen(guarded), "smtp_login": "own", "smtp_user": "sender"}
    await mail_desk.set_up(**chosen, smtp_password=PASSWORD)
    assert (await _sent(mail_desk)).state == "sent"
    assert guarded.logins[0][0] == "sender"
    await mail_desk.set_up(**chosen, smtp_password="zq-wrong-one")
    with pytest.raises(Misconfigured, match="refuses the login for sending") as refusal:
        await _sent(mail_desk, key="k2")
    assert "zq-wrong-one" not in str(refusal.value)


async def test_a_token_logs_in_for_sending(mail_desk: Any, guarded: Post, tokens: Tokens) -> None:
    guarded.tokens = tokens.valid
    oauth = {"login": "oauth", "token_url": f"{tokens.address}/token", "client_id": "desk", "user": "complaints"}
    await mail_desk.set_up(**{**_chosen(guarded), "smtp_login": "same"}, **oauth, refresh_token="refresh-1")
    assert (await _sent(mail_desk)).state == "sent"
    assert tokens.asked[0]["grant_type"] == "refresh_token"
    assert b"user=complaints" in guarded.logins[0][1]


def test_a_reference_list_stays_short_enough_for_every_server(values: Callable[..., dict[str, Any]]) -> None:
    mailbox = mailbox_of(values())
    assert mailbox is not None
    long = structs.replace(MESSAGE, thread=Thread(id="x@y", answers=tuple(f"{n}@example.org" for n in range(500))))
    body = compose.letter(long, mailbox).body
    assert len(message_from_bytes(body)["references"].split()) == compose.MOST_REFERENCES
    login.forget()
