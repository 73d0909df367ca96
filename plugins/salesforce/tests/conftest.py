"""A local Salesforce: answers from recordings where there are some, keeps what is written, and misbehaves on demand."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ombud_salesforce import connection

SAMPLES = Path(__file__).parent / "samples"


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text())


HELENA = {
    "attributes": {"type": "Contact"}, "Id": "003000000000001AAA", "Name": "Helena Marsh",
    "Email": "helena@example.org", "Phone": "020 7946 0018", "MobilePhone": None, "MailingStreet": "1 Long Lane",
    "MailingCity": "Leeds", "MailingPostalCode": "LS1 1AA", "AccountId": "001000000000001AAA",
    "Account": {"attributes": {"type": "Account"}, "Name": "Marsh household", "Type": "Customer",
                "AccountNumber": "K-1204"},
}  # fmt: skip
CASES = [
    {"Id": "500000000000001AAA", "CaseNumber": "00001026", "Subject": "Card does not arrive", "Status": "Working",
     "CreatedDate": "2026-11-07T00:37:00.000+0000"},
]  # fmt: skip
TASKS = [
    {"Id": "00T000000000001AAA", "Subject": "Called about the fee", "TaskSubtype": "Call", "Status": "Completed",
     "ActivityDate": "2026-11-02", "CreatedDate": "2026-11-02T10:00:00.000+0000"},
]  # fmt: skip
FIELDS = {
    "Contact": [{"name": "Email"}, {"name": "Customer_Number__c"}], "Account": [{"name": "AccountNumber"}],
    "Case": [{"name": "Subject"}, {"name": "Description"}, {"name": "ContactId"},
             {"name": "Ombud_Key__c", "externalId": True, "unique": True}, {"name": "Loose__c", "externalId": True}],
}  # fmt: skip


class Salesforce:
    """`trouble`: what the next answers are instead, each once: a status, or slow, cut, rubbish, huge. `asked`: (method,
    path) of what came; `queries`: what was asked in SOQL; `written`: bodies by key; `logins`: what was posted."""

    def __init__(self) -> None:
        self.trouble: list[Any] = []
        self.login_trouble: list[Any] = []
        self.asked: list[tuple[str, str]] = []
        self.queries: list[str] = []
        self.logins: list[dict[str, str]] = []
        self.written: dict[str, dict[str, Any]] = {}
        self.writes = 0
        self.contacts: list[dict[str, Any]] = [HELENA]
        self.usage = "api-usage=25/5000"
        self.token = sample("auth_success_response")["access_token"]
        self.pages: list[Any] = []
        self.address = ""

    def settings(self, **more: Any) -> dict[str, Any]:
        """As core hands them to the plugin."""
        return {
            "login_url": self.address, "flow": "jwt", "client_id": "consumer-key-1", "username": "desk@example.org",
            "private_key": KEY, "client_secret": None, "refresh_token": None, "api_version": "62.0", "country": "GB",
            "reference_field": "", "case_fields": [], "write_object": "Case", "write_key_field": "Ombud_Key__c",
            "write_subject_field": "Subject", "write_text_field": "Description", "write_contact_field": "ContactId",
            "hosts": [self.address.removeprefix("http://")], "share": 80, **more,
        }  # fmt: skip


def _key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


KEY = _key()


def _handler(fake: Salesforce) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def do_PATCH(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            parts = urlsplit(self.path)
            fake.asked.append((self.command, parts.path))
            if parts.path == "/services/oauth2/token":
                fake.logins.append({name: values[0] for name, values in parse_qs(body.decode()).items()})
                if fake.login_trouble:
                    return self._trouble(fake.login_trouble.pop(0))
                whole = {**sample("auth_success_response"), "access_token": fake.token, "instance_url": fake.address}
                return self._send(200, whole)
            if fake.trouble:
                return self._trouble(fake.trouble.pop(0))
            if self.headers.get("authorization") != f"Bearer {fake.token}":
                return self._send(401, [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}])
            return self._serve(parts.path, parse_qs(parts.query), body)

        def _serve(self, path: str, asked: dict[str, list[str]], body: bytes) -> None:
            rest = path.partition("/services/data/v62.0")[2]
            if rest == "/query":
                soql = asked["q"][0]
                fake.queries.append(soql)
                if fake.pages:
                    return self._send(200, fake.pages.pop(0))
                return self._send(200, {"totalSize": 1, "done": True, "records": _records(fake, soql)})
            if path.startswith("/services/data/v26.0/query/"):
                return self._send(200, fake.pages.pop(0))
            if rest.endswith("/describe"):
                target = rest.split("/")[2]
                if target not in FIELDS:
                    return self._send(404, sample("sobject__sobject_find_error_response"))
                return self._send(200, {"name": target, "fields": FIELDS[target]})
            key = unquote(rest.rsplit("/", 1)[1])
            if self.command == "PATCH":
                fake.writes += 1
                known = key in fake.written
                fake.written[key] = json.loads(body)
                created = {**sample("sobject__upsert_created_success_response"), "id": "500000000000009AAA"}
                return self._send(204, None) if known else self._send(201, {**created, "created": True})
            return self._send(200, {"Id": "500000000000009AAA"})

        def _trouble(self, what: Any) -> None:
            if isinstance(what, tuple):
                return self._send(what[0], what[1], *what[2:])
            if isinstance(what, int):
                return self._send(what, [{"message": f"Trouble {what}", "errorCode": "TROUBLE"}])
            if what == "slow":
                time.sleep(1.0)
                return self._send(200, {"totalSize": 0, "done": True, "records": []})
            if what == "cut":
                self.send_response(200)
                self.send_header("content-length", "5000")
                self.end_headers()
                self.wfile.write(b'{"totalSize": 1, "rec')
                self.wfile.flush()
                self.close_connection = True
                return None
            data = b"<html>proxy</html>" if what == "rubbish" else b'{"records": ["' + b"x" * 6_000_000 + b'"]}'
            return self._send(200, data)

        def _send(self, status: int, answer: Any, headers: dict[str, str] | None = None) -> None:
            data = answer if isinstance(answer, bytes) else b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("sforce-limit-info", fake.usage)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("content-length", str(len(data)))
            self.end_headers()
            try:
                self.wfile.write(data)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    return Handler


def _records(fake: Salesforce, soql: str) -> list[dict[str, Any]]:
    """As a database would: by the table, and by whether a value that a record has stands in the question."""
    if " FROM Case " in soql:
        return CASES
    if " FROM Task " in soql:
        return TASKS
    if " FROM Account " in soql:
        return []
    values = ("Id", "Email", "Phone", "MobilePhone", "Name")
    return [each for each in fake.contacts if any(each.get(name) and f"'{each[name]}'" in soql for name in values)
            or f"'{(each.get('Account') or {}).get('AccountNumber')}'" in soql]  # fmt: skip


@pytest.fixture
def salesforce(monkeypatch: pytest.MonkeyPatch) -> Iterator[Salesforce]:
    """Served on loopback for the length of a test; pauses between tries are short."""
    fake = Salesforce()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(fake))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    fake.address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(connection, "PAUSES", (0.01, 0.01))
    connection.forget()
    yield fake
    connection.forget()
    server.shutdown()
    server.server_close()


@pytest.fixture(name="sample")
def _sample() -> Any:
    """A recorded answer by name."""
    return sample
