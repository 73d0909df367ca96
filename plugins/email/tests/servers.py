"""Real servers on loopback for the length of a test: Dovecot, an SMTP server that misbehaves on demand, a token
endpoint, and a wire that is cut."""

import asyncio
import contextlib
import json
import os
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword, Session
from imapclient import IMAPClient

PASSWORD = "correct horse"  # of every test mailbox
DOVECOT = next((each for each in ("/usr/sbin/dovecot", "/usr/local/sbin/dovecot") if Path(each).is_file()), "")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Dovecot:
    """Runs as a user without rights: this one, or `nobody` where tests run as root. Each user name is a mailbox."""

    def __init__(self, authority: trustme.CA, introspect: str = "") -> None:
        self.home = Path(tempfile.mkdtemp(prefix="mail-", dir="/tmp"))
        self.port, self.tls_port = free_port(), free_port()
        self._introspect = introspect
        self._process: subprocess.Popen[bytes] | None = None
        account = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        self._ids = (account.pw_uid, account.pw_gid)
        leaf = authority.issue_cert("localhost", "127.0.0.1")
        leaf.private_key_pem.write_to_path(self.home / "key.pem")
        for pem in leaf.cert_chain_pems:
            pem.write_to_path(self.home / "cert.pem", append=True)
        self._write(account.pw_name)

    def _write(self, user: str) -> None:
        import grp

        uid, gid = self._ids
        home, group = self.home, grp.getgrgid(gid).gr_name
        oauth = f"passdb {{\n driver = oauth2\n mechanisms = xoauth2\n args = {home}/oauth2\n}}\n"
        (home / "oauth2").write_text(
            f"introspection_mode = post\nintrospection_url = {self._introspect}\nusername_attribute = email\n"
            "active_attribute = active\nactive_value = true\n"
        )
        (home / "users").write_text("")
        (home / "dovecot.conf").write_text(
            f"""
base_dir = {home}/run
state_dir = {home}/run
log_path = {home}/log
protocols = imap
listen = 127.0.0.1
default_login_user = {user}
default_internal_user = {user}
default_internal_group = {group}
first_valid_uid = {min(uid, 100)}
mail_location = maildir:{home}/mail/%u
ssl = yes
ssl_cert = <{home}/cert.pem
ssl_key = <{home}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login{" xoauth2" if self._introspect else ""}
auth_failure_delay = 0
imap_idle_notify_interval = 30 secs
mail_max_userip_connections = 50
{oauth if self._introspect else ""}
passdb {{
 driver = static
 mechanisms = plain login
 args = password={PASSWORD.replace(" ", "_")}
}}
userdb {{
 driver = static
 args = uid={uid} gid={gid} home={home}/home/%u
}}
service anvil {{
 chroot =
}}
service imap-login {{
 chroot =
 inet_listener imap {{
  port = {self.port}
 }}
 inet_listener imaps {{
  port = {self.tls_port}
 }}
}}
service stats {{
 chroot =
}}
"""
        )
        for path in (home, *home.rglob("*")):
            if os.geteuid() == 0:
                os.chown(path, uid, gid)

    @property
    def password(self) -> str:
        return PASSWORD.replace(" ", "_")

    def start(self) -> None:
        rights: dict[str, Any] = {}
        if os.geteuid() == 0:
            rights = {"user": self._ids[0], "group": self._ids[1], "extra_groups": []}
        self._process = subprocess.Popen(
            [DOVECOT, "-F", "-c", str(self.home / "dovecot.conf")], cwd=self.home, **rights,
            stdout=subprocess.DEVNULL, stderr=(self.home / "stderr").open("ab"),
        )  # fmt: skip
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as probe:
                    if probe.recv(4) == b"* OK":
                        return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(f"Dovecot did not start:\n{self.said()}")

    def said(self) -> str:
        return "".join(path.read_text(errors="replace")[-3000:] for path in (self.home / "log", self.home / "stderr")
                       if path.is_file())  # fmt: skip

    def stop(self) -> None:
        """All connections break."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def client(self, user: str) -> IMAPClient:
        client = IMAPClient("127.0.0.1", self.port, ssl=False, timeout=20)
        client.login(user, self.password)
        return client

    def deliver(self, user: str, *mails: bytes, folder: str = "INBOX") -> None:
        """As a mail server puts mails into a mailbox; through IMAP."""
        client = self.client(user)
        if not client.folder_exists(folder):
            client.create_folder(folder)
        for each in mails:
            client.append(folder, each)
        client.logout()

    def flags(self, user: str, folder: str = "INBOX") -> list[tuple[bytes, ...]]:
        client = self.client(user)
        client.select_folder(folder, readonly=True)
        found = client.get_flags(client.search()) if client.search() else {}
        client.logout()
        return [found[uid] for uid in sorted(found)]

    def count_anew(self, user: str) -> None:
        """The server loses its numbering: UIDVALIDITY changes, all UIDs too."""
        self.stop()
        for path in (self.home / "mail" / user).rglob("dovecot*"):
            path.unlink()
        self.start()


class Post:
    """An SMTP server. `trouble`: what happens to the next mails instead, each once: (where, what), where being rcpt,
    data or end, what an answer such as "450 later", or `cut`. `mails`: (sender, recipients, bytes) taken."""

    def __init__(self, context: ssl.SSLContext | None = None, *, implicit: bool = False, login: bool = False) -> None:
        self.trouble: list[tuple[str, str]] = []
        self.mails: list[tuple[str, list[str], bytes]] = []
        self.options: list[list[str]] = []
        self.logins: list[tuple[str, bytes]] = []
        self.tokens: set[str] = set()
        self._tls, self._implicit, self._login = context, implicit, login
        self.port = free_port()
        self._controller: Controller | None = None

    def start(self) -> None:
        post = self

        class Server(SMTP):
            async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - the library's name
                if post.trouble and post.trouble[0][0] == "middle":
                    post.trouble.pop(0)
                    await self.push("354 go ahead")
                    await self._reader.read(1000)
                    self.transport.abort()
                    return
                await super().smtp_DATA(arg)

        class Controlled(Controller):
            def factory(self) -> SMTP:
                more: dict[str, Any] = {"enable_SMTPUTF8": True, "data_size_limit": 200_000_000}
                if post._tls is not None and not post._implicit:
                    more |= {"tls_context": post._tls, "require_starttls": True}
                if post._login:
                    more |= {"auth_required": True, "auth_require_tls": False, "authenticator": post._authenticate}
                return Server(self.handler, **more)

        self._controller = Controlled(
            self, hostname="127.0.0.1", port=self.port, ssl_context=self._tls if self._implicit else None
        )
        self._controller.start()

    def stop(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def _authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        if isinstance(data, LoginPassword):
            self.logins.append((data.login.decode(), data.password))
            right = data.password.decode() == PASSWORD
            return AuthResult(success=right, handled=right)
        return AuthResult(success=False, handled=False)

    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:  # noqa: N802 - the library's name
        import base64

        said = base64.b64decode(args[1]).decode()
        self.logins.append(("xoauth2", said.encode()))
        token = said.partition("auth=Bearer ")[2].partition("\x01")[0]
        if token in self.tokens:
            return AuthResult(success=True)
        return AuthResult(success=False, handled=False)

    def _now(self, where: str) -> str:
        if self.trouble and self.trouble[0][0] == where:
            return self.trouble.pop(0)[1]
        return ""

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, server: SMTP, session: Session, envelope: Any, address: str, options: list[str]
    ) -> str:
        if what := self._now("rcpt"):
            if what == "cut":
                server.transport.abort()
            return what
        envelope.rcpt_tos.append(address)
        self.options.append([*envelope.mail_options, *options])
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Any) -> str:  # noqa: N802
        what = self._now("data")
        if what and what not in {"cut", "hang"}:
            return what
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        if what == "cut":  # it has the mail, and nobody hears so
            server.transport.abort()
        if what == "hang":
            await asyncio.sleep(30)
        return f"250 OK queued as Q{len(self.mails)}"


class Wire:
    """Passes bytes on to a server, and cuts the connection once so many came back."""

    def __init__(self, port: int) -> None:
        self.target, self.port = port, free_port()
        self.cut_after: list[int] = []
        self.connections = 0
        self._server = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            limit = self.cut_after.pop(0) if self.cut_after else -1
            try:
                far = socket.create_connection(("127.0.0.1", self.target), timeout=5)
                far.settimeout(None)
            except OSError:
                near.close()
                continue
            threading.Thread(target=self._pass, args=(near, far, -1), daemon=True).start()
            threading.Thread(target=self._pass, args=(far, near, limit), daemon=True).start()

    def _pass(self, source: socket.socket, to: socket.socket, limit: int) -> None:
        passed = 0
        try:
            while data := source.recv(4096):
                if 0 <= limit <= passed + len(data):
                    to.sendall(data[: limit - passed])
                    break
                to.sendall(data)
                passed += len(data)
        except OSError:
            pass
        for each in (source, to):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def close(self) -> None:
        self._server.close()


class Tokens:
    """A token endpoint, and Dovecot's question whether a token holds. `trouble`: what it answers next instead: a
    (status, body), or slow, cut, rubbish, huge."""

    def __init__(self) -> None:
        self.trouble: list[Any] = []
        self.asked: list[dict[str, str]] = []
        self.user = ""
        self.rotate = ""
        self.seconds: Any = 3600
        self.valid: set[str] = set()
        tokens = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
                form = {name: each[0] for name, each in parse_qs(body).items()}
                if urlsplit(self.path).path == "/introspect":
                    given = form.get("token", "") or self.headers.get("authorization", "").removeprefix("Bearer ")
                    good = given in tokens.valid
                    self._answer(200, {"active": True, "email": tokens.user} if good else {"active": False})
                    return
                tokens.asked.append(form)
                self._token()

            def _token(self) -> None:
                what = tokens.trouble.pop(0) if tokens.trouble else None
                if isinstance(what, tuple):
                    return self._answer(*what)
                if what == "cut":
                    self.close_connection = True
                    return self.connection.close()
                if what == "rubbish":
                    return self._answer(200, b"<html>log in first</html>")
                if what == "huge":
                    return self._answer(200, b'{"access_token": "' + b"x" * 500_000 + b'"}')
                token = f"token-{len(tokens.asked)}"
                tokens.valid.add(token)
                said = {"access_token": token, "token_type": "Bearer", "expires_in": tokens.seconds}
                if tokens.rotate:
                    said["refresh_token"] = tokens.rotate
                return self._answer(200, said)

            def _answer(self, status: int, said: Any) -> None:
                data = said if isinstance(said, bytes) else json.dumps(said).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                try:
                    self.wfile.write(data)
                except OSError:
                    self.close_connection = True

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
