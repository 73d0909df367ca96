"""Jinja's own drawing with some of its general ways made short, for all templates alike.

A page of fifty rows writes two thousand values, reads as many names and makes eight hundred calls. Jinja's ways there
serve cases that our templates do not have; together they were half of the time a page took. What is drawn is the same.
"""

from collections.abc import Callable, Iterator, MutableMapping
from types import FunctionType
from typing import Any

from jinja2 import Environment, Template
from jinja2.runtime import Context, Macro
from jinja2.utils import missing
from markupsafe import Markup, escape
from markupsafe import _escape_inner as escaped_text  # type: ignore[attr-defined] # `escape`, before it makes a Markup

Drawing = Callable[[Context], Iterator[str]]


class DrawnTemplate(Template):
    """Writes values by `written`, and hands each root and block on as one piece: a value far inside would pass through
    the generator of every block and layout around it."""

    @classmethod
    def _from_namespace(
        cls, environment: Environment, namespace: MutableMapping[str, Any], globals: MutableMapping[str, Any]
    ) -> "DrawnTemplate":
        namespace["escape"], namespace["Macro"] = written, DrawnMacro
        namespace["root"] = _in_one_piece(namespace["root"])
        for name, block in namespace["blocks"].items():
            namespace["blocks"][name] = namespace[f"block_{name}"] = _in_one_piece(block)
        return super()._from_namespace(environment, namespace, globals)  # type: ignore[return-value]


class DrawnMacro(Macro):
    """Hands arguments given by place straight to the macro; by name, or with a {% call %}, it goes Jinja's way."""

    def __call__(self, *args: Any, **named: Any) -> str:
        short = self._argument_count - len(args)
        if named or short < 0 or self.caller or self.catch_kwargs or self.catch_varargs:
            return super().__call__(*args, **named)
        return safe(self._func(*args, *[missing] * short))


class DrawnContext(Context):
    """Calls a macro or a plain function at once; Jinja asks each of them first what it would like to be given."""

    def call(self, called: Any, /, *args: Any, **named: Any) -> Any:
        kind = type(called)
        if kind is DrawnMacro or (kind is FunctionType and not hasattr(called, "jinja_pass_arg")):
            named.pop("_loop_vars", None)
            named.pop("_block_vars", None)
            return called(*args, **named)
        return super().call(called, *args, **named)


def written(value: Any) -> str:
    """`value` as it stands in the page. Only for text that goes straight into it: the answer does not say of itself
    that it is safe."""
    kind = type(value)
    if kind is str:
        return escaped_text(value)
    return value if kind is Markup else escape(value)


def safe(text: str) -> Markup:
    """Text that is written already, marked as such; `Markup(text)` takes eight times as long to do the same."""
    return str.__new__(Markup, text)


def _in_one_piece(draw: Drawing) -> Drawing:
    def whole(context: Context) -> Iterator[str]:
        yield "".join(draw(context))

    return whole
