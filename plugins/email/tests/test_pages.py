"""Mailboxes on the page and in the settings: set up, tried out, found wanting in words, and their secrets kept."""

import asyncio
from typing import Any

import pytest
from servers import Dovecot, Post

from ombud.kernel.database import db
from ombud_email import forms
from ombud_email.mailbox import every_mailbox
from ombud_email.wording import TEXTS

NEW = "/p/email/mailboxes/new"


def _form(**chosen: Any) -> dict[str, Any]:
    usual = {name: str(each) for name, each in forms.usual().items() if each not in (None, "", True, False)}
    return {**usual, "address": "billing@firm.example", "active": "on", "step": "save", **chosen}


async def test_a_further_mailbox_is_added_changed_and_removed_and_its_password_is_never_shown(
    mail_desk: Any, dovecot: Dovecot
) -> None:
    adam = await mail_desk.desk.signed_in("administrator")
    assert "No mailbox yet" in (await adam.get("/p/email/mailboxes")).text
    chosen = _form(
        imap_host="127.0.0.1", imap_port=dovecot.port, imap_tls="plain", user="billing", password="zq-secret"
    )
    added = await adam.submit(NEW, chosen)
    assert added.status_code == 303, added.text
    assert "billing@firm.example" in (await adam.get("/p/email/mailboxes")).text
    identity = await db.fetchval("SELECT id FROM email_mailbox")
    page = f"/p/email/mailboxes/{identity}"
    shown = (await adam.get(page)).text
    assert "zq-secret" not in shown
    assert "One is kept" in shown
    assert "zq-secret" not in str(dict(await db.fetchrow("SELECT * FROM email_mailbox")))
    platform = (await mail_desk.context()).platform
    assert [each.login.password for each in await every_mailbox(platform)] == ["zq-secret"]
    changed = await adam.submit(page, {**chosen, "password": "", "user": "other"})
    assert changed.status_code == 303
    (held,) = await every_mailbox(platform)
    assert (held.login.user, held.login.password) == ("other", "zq-secret"), "an empty field keeps what is kept"
    off = await adam.submit(page, {name: each for name, each in chosen.items() if name != "active"})
    assert off.status_code == 303
    assert await every_mailbox(platform) == []
    assert "Turned off" in (await adam.get("/p/email/mailboxes")).text
    await adam.submit(f"{page}/remove", {}, page=page)
    assert await db.fetchval("SELECT count(*) FROM email_mailbox") == 0
    assert await db.fetchval("SELECT count(*) FROM core_vault WHERE subject = 'plugin/email'") == 0


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"address": ""}, "Give the address"), ({"address": "nobody"}, "does not look right"),
        ({"imap_port": "70000"}, "usual range"), ({"since": "soon"}, "Give a day"),
        ({"afterwards": "move"}, "Name the folder"), ({"imap_tls": "none"}, "Choose one of the list"),
        ({"unit": "nowhere"}, "Choose one of the list"), ({"moved_to": "x" * 300}, "too long"),
        ({"address": "complaints@firm.example"}, "Another mailbox has this address"),
    ],
)  # fmt: skip
async def test_what_does_not_fit_is_said_beside_its_field_and_nothing_typed_is_lost(
    mail_desk: Any, wrong: dict[str, str], words: str
) -> None:
    await mail_desk.set_up()
    adam = await mail_desk.desk.signed_in("administrator")
    answer = await adam.submit(NEW, _form(signature="Kept lines", **wrong))
    assert answer.status_code == 422
    assert words in answer.text
    assert "Kept lines" in answer.text
    assert await db.fetchval("SELECT count(*) FROM email_mailbox") == 0


async def test_others_than_administrators_see_no_mailboxes(mail_desk: Any) -> None:
    agent = await mail_desk.desk.signed_in("agent")
    assert (await agent.get("/p/email/mailboxes")).status_code == 403
    assert (await agent.submit(NEW, _form(), page="/inbox")).status_code == 403


async def _tried(mail_desk: Any, **chosen: Any) -> str:
    adam = await mail_desk.desk.signed_in("administrator")
    form = {f"set.{name}": str(each) for name, each in chosen.items()}
    answer = await adam.submit("/settings/p-email/try", form, page="/settings/p-email")
    return str(answer.text)


async def test_trying_it_out_logs_in_both_ways_and_sends_nothing(mail_desk: Any, dovecot: Dovecot, post: Post) -> None:
    await asyncio.to_thread(dovecot.deliver, "complaints", b"Subject: x\r\n\r\ny")
    servers = {
        "address": "complaints@firm.example", "imap_host": "127.0.0.1", "imap_port": dovecot.port, "imap_tls": "plain",
        "user": "complaints", "password": dovecot.password, "smtp_host": "127.0.0.1", "smtp_port": post.port,
        "smtp_tls": "plain", "smtp_login": "none",
    }  # fmt: skip
    said = await _tried(mail_desk, **servers)
    assert "Reading works: 1 mails in INBOX. New mail is there within seconds." in said
    assert "Sending works: 127.0.0.1 takes the login. Nothing was sent." in said
    assert post.mails == []
    assert await mail_desk.stored() == 0
    flags = await asyncio.to_thread(dovecot.flags, "complaints")
    assert all(b"\\Seen" not in each for each in flags)
    assert "refuses the login" in await _tried(mail_desk, **{**servers, "password": "wrong"})
    assert "no folder Nowhere" in await _tried(mail_desk, **{**servers, "folder": "Nowhere"})
    assert "cannot be reached" in await _tried(mail_desk, **{**servers, "smtp_port": 9})
    assert "does not speak TLS" in await _tried(mail_desk, **{**servers, "imap_tls": "tls"})


async def test_trying_out_what_is_not_whole_says_what_is_missing(mail_desk: Any) -> None:
    assert "has no mailbox" in await _tried(mail_desk, address="")
    assert "Name a server" in await _tried(mail_desk, address="a@firm.example")
    moved = {"address": "a@firm.example", "imap_host": "127.0.0.1", "afterwards": "move"}
    assert "Name the folder to which mail is moved" in await _tried(mail_desk, **moved)


async def test_a_mail_to_oneself_goes_out_and_is_told(mail_desk: Any, post: Post) -> None:
    await mail_desk.set_up(smtp_host="127.0.0.1", smtp_port=post.port, smtp_tls="plain", smtp_login="none")
    adam = await mail_desk.desk.signed_in("administrator")
    page = "/p/email/mailboxes"
    sent = await adam.submit("/p/email/probe", {"address": "complaints@firm.example"}, page=page)
    assert sent.status_code == 303
    assert post.mails[0][1] == ["complaints@firm.example"]
    assert b"Auto-Submitted: auto-generated" in post.mails[0][2]
    post.trouble = [("rcpt", "550 5.7.1 not allowed")]
    refused = await adam.submit("/p/email/probe", {"address": "complaints@firm.example"}, page=page)
    assert "550 5.7.1 not allowed" in refused.text
    nobody = await adam.submit("/p/email/probe", {"address": "x@firm.example"}, page=page)
    assert nobody.status_code == 404


async def test_a_unit_below_has_the_mailbox_from_above_once(mail_desk: Any) -> None:
    await mail_desk.set_up(imap_host="127.0.0.1")
    root = await db.fetchval("SELECT id FROM core_unit WHERE parent_id IS NULL")
    await db.execute(
        "INSERT INTO core_unit (id, parent_id, kind, key, name, time_zone, currency, country, language, phone, active, "
        "created_at) VALUES (gen_random_uuid(), $1, 'brand', 'south', 'South', 'UTC', 'EUR', '', 'en', '', true, "
        "now())",
        root,
    )
    platform = (await mail_desk.context()).platform
    assert [each.key for each in await platform.units()][-1] == "south"
    assert [each.address for each in await every_mailbox(platform)] == ["complaints@firm.example"]


def test_every_field_has_its_words_in_both_languages() -> None:
    for texts in TEXTS.values():
        assert set(forms.SCHEMA) == set(texts["fields"])
        assert len(texts["groups"]) == len({rule["meta"]["group"] for rule in forms.SCHEMA.values()})
