"""What the API's tests ask of every answer."""

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def problem_of() -> Callable[..., dict[str, Any]]:
    """Checks that an answer is a problem detail with this status and kind, and returns it."""

    def check(answer: Any, status: int, kind: str = "") -> dict[str, Any]:
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        problem: dict[str, Any] = answer.json()
        assert problem["status"] == status
        assert problem["title"]
        assert problem["detail"]
        assert not kind or problem["type"] == f"/api/docs#{kind}"
        return problem

    return check
