"""Mail comes in from a real server: at once, in order, once; whatever happens to the server and the connection."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import trustme

from ombud.kernel.database import db
from ombud_email import fetching, positions
from ombud_email.imap import Session
from ombud_email.parsing import parse
from ombud_plugin_api import Misconfigured, RawReceipt, Transient

Mails = Callable[..., bytes]


def _chosen(dovecot: Any, **more: Any) -> dict[str, Any]:
    return {"imap_host": "127.0.0.1", "imap_port": dovecot.port, "imap_tls": "plain", "user": "complaints",
            "password": dovecot.password, **more}  # fmt: skip


async def _deliver(dovecot: Any, *mails: bytes, **more: Any) -> None:
    await asyncio.to_thread(dovecot.deliver, "complaints", *mails, **more)


async def test_what_lies_in_the_mailbox_comes_in_in_its_order_and_is_marked_as_read(
    mail_desk: Any, dovecot: Any, mail: Mails
) -> None:
    await _deliver(dovecot, *(mail(f"Mail {number}") for number in range(60)))
    await mail_desk.set_up(**_chosen(dovecot))
    async with mail_desk.polling():
        await mail_desk.until_stored(60)
        await mail_desk.until(lambda: _settled(mail_desk, 60))
    assert await mail_desk.subjects() == [f"Mail {number}" for number in range(60)]
    flags = await asyncio.to_thread(dovecot.flags, "complaints")
    assert all(b"\\Seen" in each for each in flags)


async def _settled(mail_desk: Any, uid: int) -> bool:
    row = await mail_desk.position()
    return row is not None and row["last_uid"] >= uid and row["how"] != ""


async def _idles(mail_desk: Any) -> bool:
    row = await mail_desk.position()
    return row is not None and row["how"] == "idle"


async def test_a_new_mail_wakes_the_desk_within_two_seconds(mail_desk: Any, dovecot: Any, mail: Mails) -> None:
    await mail_desk.set_up(**_chosen(dovecot))
    await asyncio.to_thread(dovecot.client, "complaints")  # the mailbox is made
    async with mail_desk.polling():
        await mail_desk.until(lambda: _idles(mail_desk))
        await asyncio.sleep(0.3)
        began = time.monotonic()
        await _deliver(dovecot, mail("Urgent"))
        delivered = time.monotonic()
        await mail_desk.until_stored(1)
        assert time.monotonic() - delivered < 2.0 + (delivered - began)


async def test_a_server_that_cannot_tell_is_asked_again_and_again(
    mail_desk: Any, dovecot: Any, mail: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Session.open

    def without_idle(self: Session, *given: Any, **more: Any) -> None:
        opened(self, *given, **more)
        self.can_idle = False

    monkeypatch.setattr(Session, "open", without_idle)
    await mail_desk.set_up(**_chosen(dovecot))
    async with mail_desk.polling():
        for number in (1, 2):
            await _deliver(dovecot, mail(f"Mail {number}"))
            await mail_desk.until_stored(number)
    assert (await mail_desk.position())["how"] == "polling"


async def test_a_connection_cut_in_the_middle_of_mails_loses_and_doubles_none(
    mail_desk: Any, dovecot: Any, wire: Any, mail: Mails
) -> None:
    await _deliver(dovecot, *(mail(f"Mail {number}", text="long " * 2_000) for number in range(60)))
    wire.cut_after = [50, 700, 5_000, 30_000, 120_000, 250_000]
    await mail_desk.set_up(**{**_chosen(dovecot), "imap_port": wire.port})
    async with mail_desk.polling():
        await mail_desk.until_stored(60)
        await mail_desk.until(lambda: _settled(mail_desk, 60))
    assert wire.connections >= 6
    assert await mail_desk.subjects() == [f"Mail {number}" for number in range(60)]


async def test_a_server_that_is_gone_for_a_while_is_waited_for_and_the_page_says_so(
    mail_desk: Any, dovecot: Any, mail: Mails
) -> None:
    await _deliver(dovecot, mail("Before"))
    await mail_desk.set_up(**_chosen(dovecot))

    async def said() -> bool:
        return "cannot be reached" in ((await mail_desk.position()) or {"problem": ""})["problem"]

    async with mail_desk.polling():
        await mail_desk.until_stored(1)
        await asyncio.to_thread(dovecot.stop)
        await mail_desk.until(said)
        await asyncio.to_thread(dovecot.start)
        await _deliver(dovecot, mail("After"))
        await mail_desk.until_stored(2)
        await mail_desk.until(lambda: _idles(mail_desk))
    assert (await mail_desk.position())["problem"] == ""


async def test_a_server_that_counts_anew_brings_nothing_twice_and_new_mail_all_the_same(
    mail_desk: Any, dovecot: Any, mail: Mails
) -> None:
    await _deliver(dovecot, *(mail(f"Mail {number}") for number in range(5)))
    await mail_desk.set_up(**_chosen(dovecot))
    async with mail_desk.polling():
        await mail_desk.until_stored(5)
        await mail_desk.until(lambda: _settled(mail_desk, 5))
    before = (await mail_desk.position())["uidvalidity"]
    await asyncio.sleep(1.1)  # Dovecot makes the new number of the time in seconds
    await asyncio.to_thread(dovecot.count_anew, "complaints")
    await _deliver(dovecot, mail("Mail 5"))
    async with mail_desk.polling():
        await mail_desk.until_stored(6)
        await mail_desk.until(lambda: _settled(mail_desk, 6))
    assert (await mail_desk.position())["uidvalidity"] != before
    assert len(await mail_desk.subjects()) == 6


async def test_the_same_mail_delivered_twice_comes_in_once_whichever_way_it_took(
    mail_desk: Any, dovecot: Any, mail: Mails
) -> None:
    one = mail("Once")
    again = b"Received: from another.example by mx.firm.example; Mon, 23 Nov 2026 09:15:00 +0000\r\n" + one
    other = mail("Once", text="But other words.")
    await _deliver(dovecot, one, one, again, other)
    await mail_desk.set_up(**_chosen(dovecot))
    async with mail_desk.polling():
        await mail_desk.until(lambda: _settled(mail_desk, 4))
    assert await mail_desk.stored() == 2


@pytest.mark.parametrize(("afterwards", "left"), [("leave", 2), ("move", 0)])
async def test_what_is_taken_is_left_or_moved_as_chosen(
    mail_desk: Any, dovecot: Any, mail: Mails, afterwards: str, left: int
) -> None:
    await _deliver(dovecot, mail("Archived"), folder="Taken")
    await _deliver(dovecot, mail("One"), mail("Two"))
    await mail_desk.set_up(**_chosen(dovecot), afterwards=afterwards, moved_to="Taken")
    async with mail_desk.polling():
        await mail_desk.until_stored(2)
        await mail_desk.until(lambda: _settled(mail_desk, 2))
    flags = await asyncio.to_thread(dovecot.flags, "complaints")
    assert len(flags) == left
    assert all(b"\\Seen" not in each for each in flags)
    assert len(await asyncio.to_thread(dovecot.flags, "complaints", "Taken")) == 3 - left


async def test_what_came_before_the_day_that_is_set_stays_untouched(mail_desk: Any, dovecot: Any, mail: Mails) -> None:
    await _deliver(dovecot, mail("Old"))
    await mail_desk.set_up(**_chosen(dovecot), since="2999-01-01")

    async def looked() -> bool:
        return (await mail_desk.position()) is not None and (await mail_desk.position())["how"] == "idle"

    async with mail_desk.polling():
        await mail_desk.until(looked)
    assert await mail_desk.stored() == 0
    assert all(b"\\Seen" not in each for each in await asyncio.to_thread(dovecot.flags, "complaints"))


async def test_of_a_huge_mail_the_beginning_is_taken_it_says_so_and_the_mail_stays(
    mail_desk: Any, dovecot: Any, mail: Mails
) -> None:
    await _deliver(dovecot, mail("Huge", text="The fee. " * 200_000), mail("Small"))
    await mail_desk.set_up(**_chosen(dovecot), largest_mb=1)
    async with mail_desk.polling():
        await mail_desk.until_stored(2)
        await mail_desk.until(lambda: _settled(mail_desk, 2))
    flags = await asyncio.to_thread(dovecot.flags, "complaints")
    assert [b"\\Seen" in each for each in flags] == [False, True]
    told = await db.fetchval("SELECT content_type FROM core_raw WHERE channel = 'email' AND content_type LIKE '%size%'")
    said = parse(RawReceipt(channel="email", key="x", content_type=told, body=mail("Huge")))
    assert [each.label for each in said.marks] == [
        "It is larger than this desk takes: its beginning was kept, the whole lies in the mailbox (2 MB)."
    ]


async def test_several_mailboxes_are_read_at_once_and_one_that_fails_holds_up_no_other(
    mail_desk: Any, dovecot: Any, mail: Mails
) -> None:
    from ombud_email.tables import EmailMailbox

    await mail_desk.set_up(**_chosen(dovecot))
    for address, port in (("billing@firm.example", dovecot.port), ("gone@firm.example", 9)):
        chosen = {**_chosen(dovecot), "address": address, "user": address.partition("@")[0], "imap_port": port}
        secret = await (await mail_desk.context()).platform.keep_file(
            f'{{"password": "{chosen.pop("password")}"}}'.encode()
        )
        await EmailMailbox.insert(
            EmailMailbox(address=address, chosen=chosen, secrets=secret, created_at=datetime.now(UTC))
        )
    await _deliver(dovecot, mail("To complaints"))
    await asyncio.to_thread(dovecot.deliver, "billing", mail("To billing"))
    async with mail_desk.polling():
        await mail_desk.until_stored(2)
        await mail_desk.until(lambda: _troubled(mail_desk, "gone@firm.example"))
    assert sorted(await mail_desk.subjects()) == ["To billing", "To complaints"]
    accounts = await db.fetch("SELECT content_type FROM core_raw WHERE channel = 'email'")
    assert {"billing@firm.example" in row["content_type"] for row in accounts} == {True, False}


async def _troubled(mail_desk: Any, account: str) -> bool:
    return bool(await db.fetchval("SELECT problem FROM email_position WHERE account = $1", account))


async def test_a_changed_setting_ends_the_run_so_that_the_next_one_uses_it(mail_desk: Any, dovecot: Any) -> None:
    await mail_desk.set_up(**_chosen(dovecot))
    async with mail_desk.polling() as run:
        await mail_desk.until(lambda: _idles(mail_desk))
        await mail_desk.set_up(display_name="Somebody else", **_chosen(dovecot))
        await asyncio.wait_for(run, 10)


async def test_without_a_mailbox_a_run_is_over_at_once(mail_desk: Any) -> None:
    await asyncio.wait_for(fetching.EmailChannel().poll(await mail_desk.context()), 5)


async def test_where_no_mailbox_can_be_read_the_run_says_why(
    mail_desk: Any, dovecot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "RUN", 1.5)
    await mail_desk.set_up(**{**_chosen(dovecot), "password": "wrong"})
    with pytest.raises(Misconfigured, match="refuses the login"):
        await fetching.EmailChannel().poll(await mail_desk.context())
    assert "refuses the login" in (await mail_desk.position())["problem"]


def _open(mailbox: Any) -> None:
    session = Session(mailbox)
    try:
        session.open()
    finally:
        session.close()


@pytest.mark.parametrize("tls", ["tls", "starttls"])
def test_encryption_is_checked_and_a_wrong_certificate_is_refused_with_clear_words(
    dovecot: Any, box: Any, authority_pem: str, tls: str
) -> None:
    chosen = {"imap_tls": tls, "imap_port": dovecot.tls_port if tls == "tls" else dovecot.port}
    _open(box(**chosen, authority=authority_pem))
    with pytest.raises(Misconfigured, match=r"certificate of 127\.0\.0\.1 is not accepted: .*Nothing was sent to it"):
        _open(box(**chosen))
    with pytest.raises(Misconfigured, match="is not accepted"):
        _open(box(**chosen, authority=trustme.CA().cert_pem.bytes().decode()))
    with pytest.raises(Misconfigured, match="is no PEM certificate"):
        _open(box(**chosen, authority="-----BEGIN"))


def test_a_server_without_encryption_is_told_apart_from_one_that_is_away(dovecot: Any, box: Any) -> None:
    with pytest.raises(Misconfigured, match="does not speak TLS as chosen"):
        _open(box(imap_tls="tls"))
    with pytest.raises(Transient, match="cannot be reached"):
        _open(box(imap_port=9))
    with pytest.raises(Misconfigured, match="no folder Nowhere"):
        _open(box(folder="Nowhere"))


async def test_nothing_is_said_in_clear_to_a_host_outside_the_own_network(box: Any, monkeypatch: Any) -> None:
    loop = asyncio.get_running_loop()

    async def found(*_: Any, **__: Any) -> Any:
        return [(2, 1, 6, "", ("8.8.8.8", 143))]

    monkeypatch.setattr(loop, "getaddrinfo", found)
    with pytest.raises(Misconfigured, match="not in your own network"):
        await box(imap_host="mail.example.org").imap.allowed()


def test_a_mail_that_shows_up_below_the_last_one_is_still_wanted() -> None:
    position = positions.Position("a", "INBOX")
    for uid in (1, 2, 5):
        position.took(uid, new=True)
    assert position.after == 0
    assert [uid for uid in range(1, 6) if position.wants(uid)] == [3, 4]
    for uid in range(6, 2_000):
        position.took(uid, new=True)
    assert len(position.recent) <= positions.MOST_RECENT
    assert position.after == 1_999 - positions.LOOKED_BACK
    assert not any(position.wants(uid) for uid in range(position.after + 1, 2_000))


def test_one_that_the_server_does_not_give_is_left_out_after_three_tries_and_told() -> None:
    position = positions.Position("a", "INBOX")
    for _ in range(positions.TRIES):
        assert position.wants(7)
        position.failed(7)
    assert not position.wants(7)
    assert (
        fetching.left_out(position) == "One mail could not be fetched (number 7 in INBOX). Look at it in the mailbox."
    )
