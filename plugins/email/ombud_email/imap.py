"""One connection to a mailbox by IMAP. Every method blocks: it belongs into a thread."""

import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from imaplib import IMAP4

from imapclient import SEEN, IMAPClient, SocketTimeout
from imapclient.exceptions import LoginError

from ombud_email.mailbox import Mailbox, Server
from ombud_plugin_api import Misconfigured, PluginFault, Transient

CONNECT, READ = 10.0, 60.0


@dataclass(frozen=True)
class Fetched:
    """A mail's bytes, or its beginning where it is larger than allowed; `size`: of the whole."""

    uid: int
    body: bytes
    size: int
    at: datetime | None


@contextmanager
def in_words(server: Server, what: str) -> Iterator[None]:
    """What may go wrong with a server, as one of the three errors, in words that say what helps."""
    try:
        yield
    except PluginFault:
        raise
    except LoginError as problem:
        raise Misconfigured(f"{server.host} refuses the login. Check user name and password or token.") from problem
    except ssl.SSLCertVerificationError as problem:
        said = (problem.verify_message or "not trusted").rstrip(".")
        words = f"The certificate of {server.host} is not accepted: {said}. Nothing was sent to it."
        raise Misconfigured(f"{words} Correct the host name, or have the server's certificate mended.") from problem
    except ssl.SSLError as problem:
        words = f"{server.host}, port {server.port}, does not speak TLS as chosen. Check port and encryption."
        raise Misconfigured(words) from problem
    except (OSError, EOFError, IMAP4.abort) as problem:
        raise Transient(f"{server.host} cannot be reached, or broke off while {what}. It is tried again.") from problem
    except (IMAP4.error, ValueError, IndexError, KeyError, TypeError, AttributeError, AssertionError) as problem:
        raise Transient(f"{server.host} answered strangely while {what}. It is tried again.") from problem


class Session:
    """From `open` to `close`."""

    def __init__(self, mailbox: Mailbox) -> None:
        assert mailbox.imap is not None
        self.mailbox = mailbox
        self.server = mailbox.imap
        self.can_idle = False
        self.uidvalidity = 0
        self._client: IMAPClient | None = None
        self._idling = False

    @property
    def client(self) -> IMAPClient:
        if self._client is None:
            raise OSError("the connection is closed")
        return self._client

    def open(self, token: str = "", *, read_only: bool = False) -> None:
        """Connects, logs in, opens the folder. Raises Misconfigured, Transient."""
        server, login = self.server, self.mailbox.login
        context = server.context(self.mailbox.authority)
        with in_words(server, "connecting"):
            timeout = SocketTimeout(connect=CONNECT, read=READ)
            implicit = server.tls == "tls"
            self._client = IMAPClient(
                server.host, server.port, ssl=implicit, ssl_context=context if implicit else None, timeout=timeout
            )
            self.client.normalise_times = False
            if server.tls == "starttls":
                if not self.client.has_capability("STARTTLS"):
                    raise Misconfigured(f"{server.host} offers no STARTTLS. Choose TLS, usually on port 993.")
                self.client.starttls(context)
        with in_words(server, "logging in"):
            if login.how == "oauth":
                self.client.oauth2_login(login.user, token)
            else:
                self.client.login(login.user, login.password)
        self.can_idle = self.client.has_capability("IDLE")
        self.select(self.mailbox.folder, read_only)

    def select(self, folder: str, read_only: bool = False) -> None:
        with in_words(self.server, "opening the folder"):
            try:
                found = self.client.select_folder(folder, readonly=read_only)
            except IMAP4.abort:
                raise
            except IMAP4.error:
                raise Misconfigured(f"There is no folder {folder} in the mailbox, or it may not be opened.") from None
            self.uidvalidity = int(found.get(b"UIDVALIDITY", 0))

    def uids(self, after: int) -> list[int]:
        """Those above, in order. A server answers with the last one where there is none, which is left out."""
        with in_words(self.server, "looking for mail"):
            criteria: list[object] = ["UID", f"{after + 1}:*"]
            if self.mailbox.since is not None:
                criteria += ["SINCE", self.mailbox.since]
            return sorted(int(each) for each in self.client.search(criteria) if int(each) > after)

    def about(self, uids: Sequence[int]) -> dict[int, tuple[int, datetime | None]]:
        """Size and time of arrival of those that are still there."""
        with in_words(self.server, "looking at mail"):
            found = self.client.fetch(list(uids), ["RFC822.SIZE", "INTERNALDATE"])
        return {
            int(uid): (int(each.get(b"RFC822.SIZE", 0)), _aware(each.get(b"INTERNALDATE")))
            for uid, each in found.items()
        }

    def fetch(self, uids: Sequence[int], cut: int = 0) -> dict[int, bytes]:
        """Whole mails, or their first `cut` bytes; nothing is marked as read."""
        with in_words(self.server, "fetching mail"):
            found = self.client.fetch(list(uids), [f"BODY.PEEK[]<0.{cut}>" if cut else "BODY.PEEK[]"])
        mails = {}
        for uid, each in found.items():
            body = next((value for name, value in each.items() if name.startswith(b"BODY[]")), None)
            if isinstance(body, bytes):
                mails[int(uid)] = body
        return mails

    def settle(self, uids: Sequence[int]) -> None:
        """What is to become of mails that are safe in the desk."""
        if not uids or self.mailbox.afterwards == "leave":
            return
        with in_words(self.server, "putting mail away"):
            if self.mailbox.afterwards == "move" and self.mailbox.moved_to:
                self._move(list(uids))
            else:
                self.client.add_flags(list(uids), [SEEN], silent=True)

    def _move(self, uids: list[int]) -> None:
        to = self.mailbox.moved_to
        try:
            if self.client.has_capability("MOVE"):
                self.client.move(uids, to)
                return
            self.client.copy(uids, to)
        except IMAP4.abort:
            raise
        except IMAP4.error:
            raise Misconfigured(f"Mail cannot be moved to {to}. Make the folder, or choose another.") from None
        self.client.delete_messages(uids, silent=True)
        if self.client.has_capability("UIDPLUS"):
            self.client.uid_expunge(uids)

    def wait(self, seconds: float) -> bool:
        """Idles; whether something came. Call `awake` before anything else is asked."""
        with in_words(self.server, "waiting for mail"):
            if not self._idling:
                self.client.idle()
                self._idling = True
            began = time.monotonic()
            told = self.client.idle_check(timeout=seconds)
            if any(isinstance(each, tuple) and each[0] == b"BYE" for each in told):
                raise OSError("the server says goodbye")
            if not told and time.monotonic() - began < seconds / 2:
                raise OSError("the connection is gone")
            return any(isinstance(each, tuple) and len(each) > 1 and each[1] in {b"EXISTS", b"RECENT"} for each in told)

    def awake(self) -> None:
        with in_words(self.server, "waiting for mail"):
            if self._idling:
                self._idling = False
                self.client.idle_done()
            else:
                self.client.noop()

    def holds(self, folder: str, thread_id: str) -> bool:
        """Whether a folder has a mail of this Message-ID."""
        self.select(folder, read_only=True)
        with in_words(self.server, "looking for a sent mail"):
            return bool(self.client.search(["HEADER", "Message-ID", f"<{thread_id}>"]))

    def append(self, folder: str, body: bytes) -> None:
        with in_words(self.server, "keeping a copy"):
            self.client.append(folder, body, [SEEN])

    def cut(self) -> None:
        """Wakes whoever waits on the connection in another thread: it ends there with an error."""
        with suppress(Exception):
            self.client.socket().shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        client, self._client = self._client, None
        with suppress(Exception):
            if client is not None:
                if self._idling:
                    client.idle_done()
                client.logout()
        with suppress(Exception):
            if client is not None:
                client.shutdown()


def _aware(moment: object) -> datetime | None:
    if not isinstance(moment, datetime):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
