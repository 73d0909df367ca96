"""The channel: every mailbox is read by a connection of its own, all in one run that stays for minutes and idles."""

import asyncio
import hashlib
import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import Message
from typing import Any, TypeVar

from ombud_email import positions, sending
from ombud_email.imap import Session
from ombud_email.login import access_token
from ombud_email.mailbox import Mailbox, every_mailbox
from ombud_email.parsing import KEY, parse
from ombud_email.positions import Position
from ombud_plugin_api import (
    Conflict,
    Context,
    InboundMessage,
    Misconfigured,
    Permanent,
    Platform,
    PluginFault,
    RawReceipt,
    Refused,
    Transient,
)  # fmt: skip

RUN = 600.0  # seconds of one run; the next begins a few seconds later
NOTICE = 10.0  # how soon a changed setting is noticed
LOOK = 25.0  # how often a folder is looked at although the server would tell
POLLED = 10.0  # how often one is looked at that cannot tell
WAKE = 1.0  # how long one wait of a thread may last
TOGETHER, TOGETHER_BYTES = 25, 4_000_000  # mails fetched by one command
PAUSES = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0)
T = TypeVar("T")
_TRACE = re.compile(
    rb"\A(?:(?:received|return-path|x-received|authentication-results|arc-[a-z-]+|received-spf|x-spam-[a-z-]+|"
    rb"x-virus-[a-z-]+|dkim-filter)[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*)+",
    re.IGNORECASE,
)


class EmailChannel:
    """What core calls: `parse` for stored bytes, `poll` by the schedule."""

    key = KEY
    label = "E-mail"
    icon = "mail"
    every_seconds = 10
    limit_seconds = RUN + 60.0

    def parse(self, raw: RawReceipt) -> InboundMessage:
        return parse(raw)

    async def poll(self, context: Context) -> None:
        """Reads every mailbox until the run is over or the settings changed; raises only where none could be read."""
        run = Run(context, time.monotonic() + RUN)
        await sending.sweep()
        await run.all()


@dataclass
class Run:
    """One run over all mailboxes. `troubles`: by address, what the last look met with."""

    context: Context
    until: float
    troubles: dict[str, PluginFault] = field(default_factory=dict)

    @property
    def platform(self) -> Platform:
        return self.context.platform

    @property
    def over(self) -> bool:
        return time.monotonic() >= self.until or self.context.stopping

    async def all(self) -> None:
        mailboxes = await read_by_imap(self.platform)
        if not mailboxes:
            return
        threads = ThreadPoolExecutor(max_workers=len(mailboxes) + 2, thread_name_prefix="mailbox")
        watching = [asyncio.create_task(_Watch(self, each, threads).run()) for each in mailboxes]
        watching.append(asyncio.create_task(self._until_changed(mailboxes)))
        try:
            done, _ = await asyncio.wait(watching, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)
            threads.shutdown(wait=False)  # whoever still connects ends by itself and holds nobody up
        for task in done:
            if not task.cancelled() and (problem := task.exception()) is not None:
                raise problem
        if len(self.troubles) == len(mailboxes):
            raise next(iter(self.troubles.values()))

    async def _until_changed(self, mailboxes: Sequence[Mailbox]) -> None:
        """Ends when the run is over, or what is set up differs from what is being read."""
        looked = time.monotonic()
        while not self.over:
            await asyncio.sleep(min(0.5, max(0.05, self.until - time.monotonic())))
            if time.monotonic() - looked >= NOTICE:
                looked = time.monotonic()
                if await read_by_imap(self.platform) != list(mailboxes):
                    return


async def read_by_imap(platform: Platform) -> list[Mailbox]:
    """Those with a way in; two descriptions of one folder are read once."""
    found: dict[tuple[str, str, str], Mailbox] = {}
    for each in await every_mailbox(platform):
        if each.imap is not None:
            found.setdefault(each.same, each)
    return list(found.values())


class _Watch:
    """One mailbox during a run: connected again and again, with growing pauses, until the run is over."""

    def __init__(self, run: Run, mailbox: Mailbox, threads: ThreadPoolExecutor) -> None:
        self.run_, self.mailbox, self._threads = run, mailbox, threads
        self.position = Position(mailbox.address, mailbox.folder)
        self._token_refused = False

    async def _in_thread(self, work: Callable[..., T], *given: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *given)

    async def run(self) -> None:
        tries = 0
        while True:
            try:
                self.position = await positions.read(self.mailbox.address, self.mailbox.folder)
                await self._connected()
                tries = 0
            except (Transient, Misconfigured, Permanent) as problem:
                if self.mailbox.address not in self.run_.troubles:
                    tries = 0
                self.run_.troubles[self.mailbox.address] = problem
                await positions.keep(self.position, "", str(problem))
                await asyncio.sleep(PAUSES[min(tries, len(PAUSES) - 1)])
                tries += 1

    async def _connected(self) -> None:
        """Until the connection breaks."""
        mailbox = self.mailbox
        assert mailbox.imap is not None
        await mailbox.imap.allowed()
        token = ""
        if mailbox.login.how == "oauth":
            token = await access_token(mailbox.login, self.run_.platform, anew=self._token_refused)
        session = Session(mailbox)
        try:
            self._token_refused = mailbox.login.how == "oauth"
            await self._in_thread(session.open, token)
            self._token_refused = False
            await self._read(session)
        finally:
            session.cut()
            self._threads.submit(session.close)

    async def _read(self, session: Session) -> None:
        self.position.begin(session.uidvalidity)
        how = "idle" if session.can_idle else "polling"
        while True:
            await take_new(session, self.position, self.run_.platform, self._in_thread)
            self.run_.troubles.pop(self.mailbox.address, None)
            await positions.keep(self.position, how, left_out(self.position))
            await (self._idle(session) if session.can_idle else asyncio.sleep(POLLED))
            await self._in_thread(session.awake)

    async def _idle(self, session: Session) -> None:
        until = time.monotonic() + LOOK
        while time.monotonic() < until:
            if await self._in_thread(session.wait, WAKE):
                return


def left_out(position: Position) -> str:
    """What to tell of mails that the server would not give."""
    given_up = [uid for uid, tries in position.skipped.items() if tries >= positions.TRIES]
    if not given_up:
        return ""
    many = f"{len(given_up)} mails" if len(given_up) > 1 else "One mail"
    return f"{many} could not be fetched (number {given_up[0]} in {position.folder}). Look at it in the mailbox."


async def take_new(session: Session, position: Position, platform: Platform, in_thread: Any) -> int:
    """Hands what is new to core, then lets the mailbox settle it, then notes how far it came; how many were new."""
    found: list[int] = await in_thread(session.uids, position.after)
    wanted, new = [uid for uid in found if position.wants(uid)], 0
    while wanted:
        some, wanted = wanted[:TOGETHER], wanted[TOGETHER:]
        about = await in_thread(session.about, some)
        settled = []
        for pack in _packs(some, about, session.mailbox.largest):
            for uid, body in (await _fetched(session, pack, about, position, in_thread)).items():
                fresh = await _handed_over(platform, session.mailbox, body, *about[uid])
                position.took(uid, new=fresh)
                new += fresh
                if about[uid][0] <= session.mailbox.largest:  # what was cut stays as it is in the mailbox
                    settled.append(uid)
        for uid in some:
            if uid not in about:  # gone in the meantime
                position.took(uid, new=False)
        await in_thread(session.settle, settled)
        await positions.keep(position, "idle" if session.can_idle else "polling")
    return new


def _packs(uids: Sequence[int], about: dict[int, tuple[int, Any]], largest: int) -> list[list[int]]:
    """Small mails together, large ones alone, in their order."""
    packs: list[list[int]] = []
    weight = 0
    for uid in uids:
        if uid not in about:
            continue
        size = about[uid][0]
        if packs and weight + size <= TOGETHER_BYTES and size <= largest:
            packs[-1].append(uid)
            weight += size
        else:
            packs.append([uid])
            weight = size if size <= largest else TOGETHER_BYTES
    return packs


async def _fetched(
    session: Session, pack: Sequence[int], about: dict[int, tuple[int, Any]], position: Position, in_thread: Any
) -> dict[int, bytes]:
    """In their order. One that the server does not give is tried again at the next look, three times in all."""
    largest = session.mailbox.largest
    cut = largest if len(pack) == 1 and about[pack[0]][0] > largest else 0
    mails: dict[int, bytes] = await in_thread(session.fetch, pack, cut)
    for uid in pack:
        if not mails.get(uid):
            position.failed(uid)
    return {uid: mails[uid] for uid in pack if mails.get(uid)}


async def _handed_over(platform: Platform, mailbox: Mailbox, body: bytes, size: int, at: datetime | None) -> bool:
    """Whether it was new."""
    try:
        await platform.receive(receipt(mailbox, body, size, at))
    except Conflict:  # the same mail, come by another way or counted anew by the server
        return False
    except Refused as refusal:
        raise Permanent(f"The desk does not take a mail of {mailbox.address}: {refusal}") from refusal
    return True


def receipt(mailbox: Mailbox, body: bytes, size: int, at: datetime | None) -> RawReceipt:
    """Its key is made of the account and the mail without the stamps of its way: the same mail is one, however often
    and under whatever number it is found."""
    cut = size if size > len(body) and len(body) >= mailbox.largest else 0
    told = {"account": mailbox.address, "unit": mailbox.unit, "authserv": mailbox.authserv}
    latest = datetime.now(UTC) + timedelta(minutes=5)
    told |= {"at": at.isoformat() if at and at < latest else "", "size": str(cut) if cut else ""}
    holder: Message[str, str] = Message()
    holder.add_header("Content-Type", "message/rfc822", **{name: each for name, each in told.items() if each})
    content_type = " ".join(str(holder["content-type"]).split())
    written = _TRACE.sub(b"", body)
    key = hashlib.sha256(f"{mailbox.address}\0{cut}\0".encode() + written).hexdigest()
    return RawReceipt(channel=KEY, key=key, content_type=content_type, body=body)
