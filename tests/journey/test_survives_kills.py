"""Kill -9 of the processes of web, work and form, and of the database, while the public form is being used."""

import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

POSTS, THREADS = 400, 6
FORM = "/p/webform/"


class Complainant:
    """Posts numbered complaints, remembers which were acknowledged, and tries the others again with the same key."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.acknowledged: dict[int, str] = {}
        self.broken: set[int] = set()
        self._lock = threading.Lock()
        self._local = threading.local()
        self._tokens = threading.Lock()

    def post(self, number: int) -> None:
        try:
            answer = self._send(number)
        except httpx.HTTPError:
            answer = None
        with self._lock:
            if answer is not None and answer.status_code == 303:
                self.acknowledged[number] = answer.headers["location"]
                self.broken.discard(number)
            else:
                assert answer is None or answer.status_code >= 500, (answer.status_code, answer.text[-2000:])
                self.broken.add(number)
        if answer is None:
            time.sleep(0.05)

    def _send(self, number: int) -> httpx.Response:
        client, token = self._visit()
        data = {"_csrf": token, "name": f"Person {number}", "email": f"p{number}@example.org",
                "matter": f"Complaint number {number}, about a fee.", "key": f"form-{number}"}  # fmt: skip
        return client.post(FORM, data=data)

    def _visit(self) -> tuple[httpx.Client, str]:
        if not hasattr(self._local, "client"):
            client = httpx.Client(base_url=self.address, timeout=20)
            page = client.get(FORM)
            found = re.search(r'name="_csrf" value="([^"]+)"', page.text)
            if page.status_code >= 500 or not found:
                raise httpx.RemoteProtocolError("the form cannot be drawn while the database is away")
            self._local.client, self._local.token = client, found.group(1)
        return self._local.client, self._local.token

    def follow(self, location: str) -> str:
        client, _ = self._visit()
        token = location.rsplit("/", 1)[1]
        return client.get(f"/track/{token}", follow_redirects=True).text


@pytest.mark.slow
def test_every_acknowledged_complaint_is_there_after_web_work_form_and_database_were_killed(
    make_desk: Callable[..., Any], prepared: Path
) -> None:
    desk = make_desk(of=prepared, OMBUD_LIMITS_FILINGS_PER_HOUR="100000", OMBUD_LIMITS_FORMS_PER_HOUR="100000")
    desk.start()
    token = desk.token
    somebody = Complainant(desk.address)
    victims = {
        POSTS // 4: "ombud.kernel.child web",
        POSTS // 2: "ombud.kernel.child work",
        POSTS * 5 // 8: "ombud.kernel.child doors",
        POSTS * 3 // 4: "bin/postgres",
    }

    def one(number: int) -> None:
        if number in victims:
            desk.kill(victims[number])
        somebody.post(number)

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(one, range(POSTS)))
    acknowledged_first = dict(somebody.acknowledged)
    assert len(acknowledged_first) > POSTS // 3
    until = time.monotonic() + 60
    while somebody.broken and time.monotonic() < until:
        with ThreadPoolExecutor(THREADS) as threads:
            list(threads.map(somebody.post, sorted(somebody.broken)))
    assert not somebody.broken
    desk_api = {"authorization": f"Bearer {token}"}
    found = httpx.get(f"{desk.address}/api/v1/cases", headers=desk_api, timeout=20).json()
    assert found["total"] == POSTS
    with ThreadPoolExecutor(THREADS) as threads:
        pages = list(threads.map(lambda each: (each, somebody.follow(somebody.acknowledged[each])), acknowledged_first))
    missing = [number for number, page in pages if f"Complaint number {number}, about a fee." not in page]
    assert not missing
    assert "hold" in desk.command("ledger", "verify")
