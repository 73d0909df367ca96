"""Each request says that somebody waits, until its answer begins: background work gives way to them."""

from typing import Any

import pytest

from ombud.web import arrival


class Pulse:
    """Notes what a process would say in its sign of life."""

    def __init__(self) -> None:
        self.said: list[int] = []

    def asked(self, more: int) -> None:
        self.said.append(more)


@pytest.fixture
def pulse(monkeypatch: pytest.MonkeyPatch) -> Pulse:
    pulse = Pulse()
    monkeypatch.setattr(arrival, "pulse", lambda: pulse)
    return pulse


@pytest.mark.parametrize(("path", "host"), [("/sign-in", ""), ("/no-such-page", ""), ("/sign-in", "strange.example")])
async def test_somebody_waits_from_the_question_to_the_answer(desk: Any, pulse: Pulse, path: str, host: str) -> None:
    await desk.browser().http.get(path, headers={"host": host} if host else {})
    assert pulse.said == [1, -1]


async def test_who_has_the_begin_of_an_answer_waits_no_longer_and_who_gets_none_neither(pulse: Pulse) -> None:
    seen: list[int] = []

    async def streams(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        seen.append(sum(pulse.said))
        raise ConnectionError("the line was cut")

    async def breaks(scope: Any, receive: Any, send: Any) -> None:
        seen.append(sum(pulse.said))
        raise RuntimeError("no answer at all")

    async def send(message: Any) -> None:
        pass

    scope: Any = {"type": "http", "path": "/health", "headers": [], "client": None}
    for app, error in ((streams, ConnectionError), (breaks, RuntimeError)):
        with pytest.raises(error):
            await arrival.Arrival(app)(scope, send, send)
        assert sum(pulse.said) == 0
    assert seen == [0, 1]
