"""Plugins that know returns to a regulator."""

import time
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from ombud_plugin_api.returns import Item, Layout, Return, ReturnAspect, ReturnCase, ReturnPeriod, Value
from ombud_plugin_api.testing.checks import Broken, Contract, check
from ombud_plugin_api.testing.subject import Subject

SECONDS = 3.0
TODAY = date(2026, 11, 26)
MANY = 500
_OUTCOMES = ("upheld", "partly_upheld", "not_upheld", "withdrawn", "out_of_scope", "")


def cases(period: ReturnPeriod, many: int = 12) -> list[ReturnCase]:
    """Received before and in the period, closed soon, late or not at all, with two aspects, one, or none."""
    made = []
    for number in range(many):
        received = period.first + timedelta(days=5 * (number % 40) - 10)
        closed = None if number % 4 == 3 else received + timedelta(days=(1, 20, 70)[number % 3])
        matters = tuple(
            ReturnAspect(id=f"a{number}-{place}", position=place, category="kit", cause="delay",
                         outcome=_OUTCOMES[number % 6] if closed else "", redress={"GBP": Decimal("12.50")})
            for place in range(1, number % 3 + 1)
        )  # fmt: skip
        made.append(ReturnCase(id=f"c{number}", received_on=received, closed_on=closed, aspects=matters,
                               business_days=None if closed is None else min(99, (closed - received).days))
                    )  # fmt: skip
    return made


class ReturnsContract(Contract):
    """What plugins that know returns promise."""

    kind: ClassVar[str] = "returns"
    title: ClassVar[str] = "Plugins that know returns"

    @classmethod
    def concerns(cls, plugin: Subject) -> bool:
        return plugin.implements("provide_returns")

    @check(
        "basic-99",
        "A return is whole, its numbers stand once, and the same facts give the same figures, and nothing else happens",
        why="What was signed must be reckoned again from the facts that were frozen with it, years later. "
        "A figure that changes by chance, or a number that stands twice, cannot be defended.",
        example='Item("49", "Opened", "Received in the period.", measure=opened, official=True)',
        remedy="Give each item a definition and exactly one of measure, derive and entered; read nothing but the case, "
        "the period and the settings.",
    )
    async def returns_are_pure(self) -> None:
        await self.stage.enable()
        if not self._providers():
            raise Broken("provide_returns gave none")
        for provider in self._providers():
            period = self._period(provider)
            for version in provider.versions:
                with self.stage.watch() as watched:
                    layout = version.build(self._settings())
                    first, second = figures(layout, cases(period), period), figures(layout, cases(period), period)
                if first != second:
                    raise Broken(f"{provider.key} gives two different figures for the same facts")
                if watched.statements or watched.reached:
                    raise Broken(f"{provider.key} asks the database or the network")
                self._whole(provider, layout)

    @check(
        "sound-59",
        "Hundreds of cases and empty settings cost a moment and no error, and what is found reconciles",
        why="Core stops after some seconds, and the return then shows no figures. One whose own checks fail on lawful "
        "facts could never be frozen.",
        example='settings.get("products") or PRODUCTS',
        remedy="Take a default where a setting is missing, look at each case once, and let totals follow from their "
        "parts.",
    )
    async def much_is_borne(self) -> None:
        await self.stage.enable()
        for provider in self._providers():
            period = self._period(provider)
            for version in provider.versions:
                for settings in (self._settings(), {}):
                    self._borne(provider, version.build, settings, period)

    def _borne(self, provider: Return, build: Any, settings: dict[str, Any], period: ReturnPeriod) -> None:
        started = time.monotonic()
        try:
            layout: Layout = build(settings)
            found = figures(layout, cases(period, MANY), period)
            for each in layout.checks:
                list(each.problems(found))
            nothing = figures(layout, [], period)
            wrong = [word for each in layout.checks if each.key == "timing" for word in each.problems(nothing)]
        except Exception as problem:
            raise Broken(f"{provider.key} answers with {type(problem).__name__}: {problem}") from None
        if wrong:
            raise Broken(f"{provider.key} does not reconcile where there is nothing: {wrong[0]}")
        if (taken := time.monotonic() - started) > SECONDS:
            raise Broken(f"{provider.key} takes {taken:.1f} seconds over {MANY} cases")

    def _providers(self) -> list[Return]:
        return list(self.stage.provided.returns)

    def _settings(self) -> dict[str, Any]:
        given = self.stage.provided.settings
        return {name: rule.get("default") for name, rule in given[0].schema.items()} if given else {}

    def _period(self, provider: Return) -> ReturnPeriod:
        offered = list(provider.periods(TODAY, self._settings()))
        if not offered or any(each.last < each.first for each in offered):
            raise Broken(f"{provider.key} offers no period on {TODAY}, or one that ends before it begins")
        return offered[0]

    @staticmethod
    def _whole(provider: Return, layout: Layout) -> None:
        if not layout.rule.strip() or not layout.title.strip():
            raise Broken(f"{provider.key} has no title, or does not say how complaints are counted")
        numbers = [each.number for each in layout.items]
        for table in layout.tables:
            numbers += [f"{table.key}/{row.code}/{item.number}" for row in table.rows for item in table.columns]
        if len(set(numbers)) != len(numbers):
            raise Broken(f"a number of {provider.key} stands twice")
        for item in [*layout.items, *(item for table in layout.tables for item in table.columns)]:
            if not item.definition.strip():
                raise Broken(f"{item.number} of {provider.key} has no definition")
            if (item.measure is not None) + (item.derive is not None) + item.entered != 1:
                raise Broken(f"{item.number} of {provider.key} is not exactly one of measured, derived and entered")


def figures(layout: Layout, given: list[ReturnCase], period: ReturnPeriod) -> dict[str, Value]:
    """The figures by number, as core reckons them, without evidence."""
    found = _line(layout.items, given, period, "")
    for table in layout.tables:
        rows: dict[str, list[ReturnCase]] = {row.code: [] for row in table.rows}
        for case in given:
            rows.get(table.row_of(case, period), []).append(case)
        for row, mine in rows.items():
            found |= _line(table.columns, mine, period, f"{table.key}/{row}/")
    return found


def _line(items: tuple[Item, ...], given: list[ReturnCase], period: ReturnPeriod, begins: str) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for item in sorted(items, key=lambda each: each.derive is not None):
        if item.derive is not None:
            found[item.number] = item.derive(found)
        elif item.measure is not None:
            adds = [each for each in (item.measure(case, period) for case in given) if each is not None]
            found[item.number] = (
                max(map(str, adds), default="") if item.unit == "code" else sum(adds)  # type: ignore[arg-type]
            )
        else:
            found[item.number] = None
    return {f"{begins}{number}": value for number, value in found.items()}
