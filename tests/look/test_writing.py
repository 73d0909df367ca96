from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from look_stage import THEMES

from ombud.kernel import clock
from ombud.web import templating, themes

NOW = datetime(2026, 11, 23, 8, 31, tzinfo=UTC)


def written(filter_: str, value: Any, *args: Any, language: str = "en", zone: str = "Europe/Warsaw") -> str:
    token = templating.reader.set(templating.Reader(language, zone))
    try:
        with clock.at(NOW):
            text: str = templating.environment().filters[filter_](value, *args)
            return text.replace("\u00a0", " ")
    finally:
        templating.reader.reset(token)


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(minutes=25), "25 min"),
        (timedelta(hours=9, minutes=40), "9 h"),
        (timedelta(days=1), "1 d"),
        (timedelta(days=2, hours=4), "2 d 4 h"),
        (timedelta(days=13, hours=5), "13 d"),
        (timedelta(hours=-3), "3 h"),
    ],
)
def test_a_clock_is_written_short(span: timedelta, words: str) -> None:
    assert written("span", NOW + span) == words


def test_moments_are_told_in_the_readers_zone() -> None:
    assert written("moment", NOW) == "Today, 09:31"
    assert written("moment", NOW - timedelta(days=1)) == "Yesterday, 09:31"
    assert written("moment", datetime(2026, 11, 22, 23, 30, tzinfo=UTC)) == "Today, 00:30"
    assert written("moment", datetime(2025, 3, 2, 12, tzinfo=UTC), zone="UTC") == "2 Mar 2025, 12:00"


def test_dates_and_sums_hold_together_with_hard_spaces() -> None:
    assert templating.environment().filters["day"](date(2026, 12, 6)) == "6\u00a0Dec\u00a02026"
    assert written("long_day", date(2026, 12, 6), language="pl") == "6 grudnia 2026"
    assert written("money", Decimal("42"), "EUR") == "€42.00"
    assert written("money", "1194", "PLN") == "PLN 1,194.00"
    assert written("money", "-5", "CHF") == "-CHF 5.00"
    assert written("money", "42.00", "EUR", language="pl") == "42,00 €"


def test_age_is_counted_in_months_when_it_is_long() -> None:
    assert written("ago", NOW - timedelta(seconds=20)) == "now"
    assert written("ago", NOW - timedelta(minutes=4)) == "4 min ago"
    assert written("ago", NOW - timedelta(days=275)) == "9 months ago"


def test_the_plain_theme_is_found_by_its_entry_point_and_changes_only_tokens() -> None:
    theme = themes.find("plain")
    assert theme.style_urls()[0].startswith("/themes/plain/theme.css?v=")
    assert "@layer theme" in (theme.static / "theme.css").read_text("utf-8")


def test_an_unknown_theme_names_the_setting_to_change() -> None:
    with pytest.raises(themes.ThemeError, match=r"installed: plain.*theme\.name"):
        themes.find("night", [EntryPoint("plain", "ombud_theme_plain", themes.GROUP)])


def test_a_theme_with_an_unknown_key_or_a_missing_sheet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "theme.toml").write_text('name = "x"\nlabel = "X"\ncolour = "red"\n')
    with pytest.raises(themes.ThemeError, match="colour"):
        themes.read(tmp_path)
    (tmp_path / "theme.toml").write_text('name = "x"\nlabel = "X"\nstyles = ["gone.css"]\n')
    with pytest.raises(themes.ThemeError, match=r"gone\.css"):
        themes.read(tmp_path)


def test_a_theme_overrides_a_template_by_extending_it(tmp_path: Path) -> None:
    (tmp_path / "theme.toml").write_text('name = "x"\nlabel = "X"\n')
    (tmp_path / "templates" / "components").mkdir(parents=True)
    (tmp_path / "templates" / "components" / "icon.html").write_text('{% extends "core/components/icon.html" %}')
    (tmp_path / "templates" / "layouts").mkdir()
    (tmp_path / "templates" / "layouts" / "bare.html").write_text(
        '{% extends "core/layouts/bare.html" %}{% block foot %}Night shift{% endblock %}'
    )
    jinja = templating.environment(themes.read(tmp_path))
    page = jinja.from_string('{% extends "layouts/bare.html" %}{% block title %}t{% endblock %}')
    shell = {"language": "en", "theme": "auto", "organisation": "Modra Bank"}
    assert "Night shift" in page.render(shell=shell)
    assert THEMES["plain"].is_dir()


def test_a_plugin_adds_templates_and_cannot_replace_one_of_core(tmp_path: Path) -> None:
    (tmp_path / "layouts").mkdir()
    (tmp_path / "layouts" / "bare.html").write_text("taken over")
    (tmp_path / "post").mkdir()
    (tmp_path / "post" / "page.html").write_text("mine")
    jinja = templating.with_templates(templating.environment(), tmp_path)
    assert jinja.get_template("post/page.html").render() == "mine"
    source, _, _ = jinja.loader.get_source(jinja, "layouts/bare.html")  # type: ignore[union-attr]
    assert "taken over" not in source
