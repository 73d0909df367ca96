"""Our short ways of drawing give what Jinja's own long ones give, and escape all that they escape."""

from typing import Any

import pytest
from jinja2 import DictLoader, Environment, StrictUndefined, UndefinedError
from markupsafe import Markup, escape

from ombud.web.drawing import written
from ombud.web.templating import Templates

SIGNS = """<b>&"'"""
PARTS = {
    "base.html": "<h1>{% block title %}Base {{ sign }}{% endblock %}</h1>{% block body %}{% endblock %}",
    "part.html": "[{{ sign }}|{{ loop is defined }}]",
    "marks.html": (
        "{% macro mark(text, tone='plain') %}<i class='{{ tone }}'>{{ text }}</i>{% endmacro %}"
        "{% macro wrapped(name) %}<p>{{ name }}{{ caller() }}</p>{% endmacro %}"
        "{% macro rest(first) %}{{ first }}{{ varargs|join('+') }}{{ kwargs|length }}{% endmacro %}"
    ),
}
PAGES = {
    "values": "{{ sign }} {{ safe }} {{ 3 }} {{ none }} {{ 1.5 }} {{ ['<', safe] }} {{ sign ~ safe }} {{ sign|upper }}",
    "names": "{{ row.title }} {{ row['title'] }} {{ row.items }} {{ thing.name }} {{ row.nothing|default('none') }}",
    "methods": "{{ plain.items()|list }} {{ thing.name.upper() }} {{ plain.get('x', '<') }}",
    "macros": (
        "{% from 'marks.html' import mark, wrapped, rest %}{{ mark(sign) }}{{ mark(safe, 'loud') }}"
        "{{ mark(text=sign, tone=sign) }}{{ mark(sign, tone='x') }}{{ rest('a', '<', 'b', c=1) }}"
        "{% call wrapped(sign) %}in {{ sign }}{% endcall %}"
    ),
    "blocks": (
        "{% extends 'base.html' %}{% block title %}{{ super() }}, {{ sign }}{% endblock %}"
        "{% block body %}{% for each in [1, 2] %}{% include 'part.html' %}{{ loop.index }}{% endfor %}"
        "{{ self.title() }}{% endblock %}"
    ),
    "loops": (
        "{% for each in [1, [2, [3]]] recursive %}"
        "{{ loop(each) if each is iterable else each ~ loop.cycle('a', '<') }}{% endfor %}"
        "{% set kept = namespace(n=0) %}{% for each in [1, 2] %}{% set kept.n = kept.n + each %}{% endfor %}"
        "{{ kept.n }}"
    ),
    "kept": "{% set part %}<b>{{ sign }}</b>{% endset %}{{ part }}{{ part|length }}",
    "unescaped": "{% autoescape false %}{{ sign }}{% endautoescape %}{{ sign|safe }}",
    "translated": "{% trans name=sign %}Hello {{ name }}{% endtrans %}",
}


class Thing:
    name = SIGNS


def context() -> dict[str, Any]:
    return {
        "sign": SIGNS, "safe": Markup("<em>&amp;</em>"), "none": None, "thing": Thing(), "plain": {"a": 1},
        "row": {"title": SIGNS, "items": "a key"},
    }  # fmt: skip


def environment(kind: type[Environment]) -> Environment:
    jinja = kind(
        loader=DictLoader({**PARTS, **PAGES}),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
    )
    jinja.install_null_translations(newstyle=True)  # type: ignore[attr-defined]
    return jinja


@pytest.mark.parametrize("name", sorted(PAGES.keys() - {"names"}))
def test_a_page_is_drawn_as_jinja_draws_it(name: str) -> None:
    page = environment(Templates).get_template(name).render(context())
    assert page == environment(Environment).get_template(name).render(context())
    assert page


def test_a_name_is_looked_up_among_the_keys_of_a_dict_first() -> None:
    page = environment(Templates).get_template("names").render(context())
    title = "&lt;b&gt;&amp;&#34;&#39;"
    assert page == f"{title} {title} a key {title} none"


@pytest.mark.parametrize("value", [SIGNS, Markup("<b>"), 3, None, 2.5, ["<"], Thing.name * 300, "zażółć"])
def test_a_value_is_written_as_markupsafe_escapes_it(value: object) -> None:
    assert str(written(value)) == str(escape(value))


@pytest.mark.parametrize("page", ["{{ nothing }}", "{{ row.nothing }}", "{{ thing.nothing }}", "{{ nothing.more }}"])
def test_a_name_that_means_nothing_is_an_error_and_never_an_empty_place(page: str) -> None:
    with pytest.raises(UndefinedError):
        environment(Templates).from_string(page).render(context())
