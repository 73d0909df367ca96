"""What speaks against an upgrade that was rehearsed, and what is only worth knowing."""

from typing import Any

import pytest

from ombud.rehearsal.comparing import compare


def look(**other: Any) -> dict[str, Any]:
    seen = {
        "plugins": {"made-up": ["enabled", "0.1.0", ""]}, "upgraded": {},
        "counts": {"core_case": 10, "made_up_note": 4},
        "pages": {"GET /p/made-up": "made-up.look"}, "answers": {"/p/made-up": [200, 10.0], "/sick": [500, 1.0]},
    }  # fmt: skip
    return {**seen, **other}


def test_an_upgrade_that_changes_nothing_else_is_a_go() -> None:
    after = look(
        upgraded={"made-up": ""}, plugins={"made-up": ["enabled", "0.2.0", ""]},
        counts={"core_case": 10, "made_up_note": 6, "core_ledger_entry": 3, "made_up_more": 0},
        answers={"/p/made-up": [200, 55.0], "/sick": [500, 1.0]}, 
        pages={"GET /p/made-up": "made-up.look", "GET /p/made-up/new": "public"},
    )  # fmt: skip
    verdict = compare(look(), after)
    assert verdict.go
    assert verdict.notable == ("GET /p/made-up/new is new (public)",)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"upgraded": {"made-up": "it failed: KeyError"}}, "made-up was refused: it failed: KeyError"),
        (
            {"plugins": {"made-up": ["incompatible", "0.1.0", "made for API 2"]}},
            "would be incompatible: made for API 2",
        ),
        ({"plugins": {}}, "made-up was enabled and would be missing"),
        ({"pages": {"GET /p/made-up": "public"}}, "would be open to everybody"),
        ({"pages": {"GET /p/made-up": "case.read"}}, "was for made-up.look and would be for case.read"),
        ({"answers": {"/p/made-up": [500, 1.0]}}, "/p/made-up answers 500, before 200"),
        ({"answers": {"/p/made-up": [200, 61.0]}}, "takes 61 ms, before 10 ms"),
        ({"counts": {"core_case": 9, "made_up_note": 4}}, "core_case would lose 1 of 10 rows"),
        ({"counts": {"core_case": 11, "made_up_note": 4}}, "core_case would get 1 rows"),
        ({"counts": {"core_case": 10}}, "table made_up_note with 4 rows would be gone"),
    ],
)
def test_each_loss_speaks_against_it(change: dict[str, Any], words: str) -> None:
    verdict = compare(look(), look(**change))
    assert not verdict.go
    assert any(words in each for each in verdict.against), verdict.against
