"""The public form and the tracking page run in a process of their own behind the web: nobody who uses them can tell."""

import json
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from served import CERTIFICATES, Served, allowed

WORDS = "The fee was taken twice."
FORM = "/p/webform/"
BILL = b"A bill, line by line.\n" * 400_000  # 8.8 MB, just under what a file may be


class Visitor:
    """Somebody's browser at the public form, behind a proxy; `address`: where the proxy says that they are."""

    def __init__(self, desk: Served, address: str) -> None:
        self.http = httpx.Client(
            base_url=desk.address, headers={"x-forwarded-for": address}, timeout=60, follow_redirects=False
        )

    def token(self) -> str:
        found = re.search(r'name="_csrf" value="([^"]+)"', self.http.get(FORM).text)
        assert found
        return found[1]

    def complain(self, csrf: str, **more: str) -> httpx.Response:
        data = {"_csrf": csrf, "name": "Helena Marsh", "email": "helena@example.org", "matter": WORDS, **more}
        return self.http.post(FORM, data=data)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, prepared: Path) -> Iterator[Served]:
    given = {"OMBUD_SERVER_TRUSTED_PROXIES": "127.0.0.1", "OMBUD_LIMITS_FORMS_PER_HOUR": "4"}
    made = Served(tmp_path_factory.mktemp("doors") / "desk", given, of=prepared)
    made.start()
    yield made
    made.stop()


def test_a_complaint_with_a_large_file_is_filed_followed_and_its_file_read_again(desk: Served, tmp_path: Path) -> None:
    visitor = Visitor(desk, "198.51.100.1")
    data = {"_csrf": visitor.token(), "name": "Helena Marsh", "email": "helena@example.org", "matter": WORDS}
    answer = visitor.http.post(FORM, data=data, files={"documents": ("bill.txt", BILL, "text/plain")})
    assert answer.status_code == 303, answer.text[-2000:]
    sent = visitor.http.get(f"{FORM}{answer.headers['location'].removeprefix(FORM)}")
    track = re.search(r'href="(/track/[^"]+)"', sent.text)
    assert track
    page = visitor.http.get(track[1], follow_redirects=True)
    assert page.status_code == 200
    assert WORDS in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    home = page.url.path
    asked = visitor.http.get(f"{home}/prove?to=documents")
    fields = {"_csrf": re.search(r'name="_csrf" value="([^"]+)"', asked.text)[1]}  # type: ignore[index]
    question = re.search(r'name="question" value="([^"]+)"', asked.text)
    fields |= {"question": question[1] if question else "email", "answer": "helena@example.org", "to": "documents"}
    proven = visitor.http.post(f"{home}/prove", data=fields)
    assert proven.status_code == 303, proven.text[-2000:]
    documents = visitor.http.get(f"{home}/documents")
    there = re.search(rf'href="({home}/documents/[0-9a-f-]+)"', documents.text)
    assert there, documents.text[-2000:]
    assert visitor.http.get(there[1]).content == BILL


def test_too_large_a_form_is_refused_with_words(desk: Served) -> None:
    visitor = Visitor(desk, "198.51.100.2")
    files = {"documents": ("all.bin", b"x" * 26_000_000, "application/octet-stream")}
    answer = visitor.http.post(FORM, data={"_csrf": visitor.token(), "matter": WORDS}, files=files)
    assert answer.status_code == 413
    assert "This is too large" in answer.text


def test_each_visitor_has_an_allowance_whoever_they_say_they_are(desk: Served) -> None:
    visitor = Visitor(desk, "198.51.100.3")
    visitor.http.headers["x-ombud-asks"] = "203.0.113.9"
    csrf = visitor.token()
    said = [visitor.complain(csrf, key=f"k{number}").status_code for number in range(5)]
    assert said == [303] * 4 + [429]
    other = Visitor(desk, "198.51.101.4")
    assert other.complain(other.token(), key="o1").status_code == 303


def test_a_form_of_another_browser_is_refused_and_what_was_written_given_back(desk: Served) -> None:
    visitor = Visitor(desk, "198.51.102.5")
    visitor.token()
    answer = visitor.complain("made up by somebody else")
    assert answer.status_code == 403
    assert WORDS in answer.text


def test_who_sends_the_form_while_its_process_hangs_waits_and_is_acknowledged(desk: Served) -> None:
    visitor = Visitor(desk, "198.51.103.6")
    csrf = visitor.token()
    before = {role: desk.process(f"kernel.child {role}").pid for role in ("doors", "pages", "web")}
    desk.process("kernel.child doors").send_signal(signal.SIGSTOP)
    begun = time.monotonic()
    answer = visitor.complain(csrf, key="stopped")
    assert answer.status_code == 303, answer.text[-2000:]
    assert time.monotonic() - begun < allowed(20)
    after = {role: desk.process(f"kernel.child {role}").pid for role in before}
    assert {role for role in before if before[role] != after[role]} == {"doors"}


def test_the_health_of_the_desk_counts_every_process(desk: Served) -> None:
    token = desk.token
    headers = {"authorization": f"Bearer {token}"}
    until = time.monotonic() + allowed(30)
    wanted = {f"processes.{role}": "good" for role in ("web", "doors", "pages", "work")}
    while True:
        told = json.loads(
            httpx.get(f"{desk.address}/health/details", headers=headers, timeout=30, verify=CERTIFICATES).text
        )
        found = {each["code"]: each["state"] for each in told["checks"] if each["code"] in wanted}
        # One that was killed a moment ago is shown as silent for a while.
        if found == wanted or (found == wanted | {"processes.doors": "look"}):
            return
        assert time.monotonic() < until, found
        time.sleep(0.2)
