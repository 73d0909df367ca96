"""The market as it is kept, and your own published figures beside it."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast
from uuid import uuid4

import msgspec

from ombud_fca.annex1b import PRINTED
from ombud_fca.counting import share
from ombud_fca.market import Market
from ombud_fca.tables import FcaMarket
from ombud_plugin_api import Platform, ReturnKept

MOST = 40


class Benchmark(msgspec.Struct, kw_only=True):
    """A row of fca_market. `upheld`: per cent of what the group's firms closed."""

    first: date
    last: date
    product_group: str
    opened: int
    closed: int
    upheld: Decimal | None
    shares: list[Decimal]
    file_name: str
    loaded_by: str
    loaded_at: datetime


async def sql(statement: str, *values: Any) -> list[dict[str, Any]]:
    """Rows of a statement; `{}` stands for a value."""
    return cast(list[dict[str, Any]], await FcaMarket.raw(statement, *values).run())


async def load(platform: Platform, market: Market, file_name: str, who: str, at: datetime) -> tuple[date, date]:
    """Keeps a workbook's figures; an earlier one of the same half year gives way. Returns the half year."""
    first, last = market.half_year()
    async with platform.transaction():
        await sql("DELETE FROM fca_market WHERE first = {} AND last = {}", first, last)
        for group in market.firms:
            known = [each for each in market.firms[group] if each.closed and each.upheld is not None]
            shares = sorted(100 * each.upheld for each in known if each.upheld is not None)
            await sql(
                "INSERT INTO fca_market (id, first, last, product_group, opened, closed, upheld, shares, file_name, "
                "loaded_by, loaded_at) VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {})",
                uuid4(), first, last, group, sum(each.opened or 0 for each in market.firms[group]),
                sum(each.closed or 0 for each in known), market.upheld_share(group),
                msgspec.json.encode([f"{each:f}" for each in shares]).decode(), file_name[:200], who, at,
            )  # fmt: skip
    return first, last


async def periods() -> list[tuple[date, date]]:
    rows = await sql("SELECT DISTINCT first, last FROM fca_market ORDER BY last DESC, first LIMIT {}", MOST)
    return [(row["first"], row["last"]) for row in rows]


async def of(first: date, last: date) -> list[Benchmark]:
    rows = await sql("SELECT * FROM fca_market WHERE first = {} AND last = {} ORDER BY product_group", first, last)
    return [_benchmark(row) for row in rows]


def _benchmark(row: Mapping[str, Any]) -> Benchmark:
    shares = row["shares"]
    told = msgspec.json.decode(shares) if isinstance(shares, str | bytes) else shares
    return msgspec.convert({**row, "shares": told}, Benchmark, strict=False)


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """A product group: your share upheld and the market's, in per cent; None where nothing was closed. `ahead`: how
    many of the `firms` uphold a smaller share than you."""

    group: str
    closed: int
    yours: Decimal | None
    market: Decimal | None
    firms: int
    ahead: int


def beside(market: Sequence[Benchmark], kept: ReturnKept | None) -> list[Beside]:
    """Pure."""
    figures = kept.figures if kept is not None else {}
    found = []
    for each in market:
        closed, upheld = (
            _count(figures.get(f"{PRINTED}/{each.product_group}/{name}")) for name in ("closed", "upheld")
        )
        yours = share(upheld, closed)
        ahead = 0 if yours is None else sum(one < yours for one in each.shares)
        found.append(Beside(group=each.product_group, closed=closed, yours=yours, market=each.upheld,
                            firms=len(each.shares), ahead=ahead))  # fmt: skip
    return found


def _count(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0
