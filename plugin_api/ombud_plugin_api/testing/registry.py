"""Every kind and every check there is: a kind is one module of `ombud_plugin_api.testing.kinds`."""

import importlib
import pkgutil
from dataclasses import replace
from functools import cache

from ombud_plugin_api.testing import kinds
from ombud_plugin_api.testing.checks import Check, Contract
from ombud_plugin_api.testing.subject import Subject


@cache
def contracts() -> tuple[type[Contract], ...]:
    """The contracts of all kinds, by the name of their module."""
    found: list[type[Contract]] = []
    for each in sorted(pkgutil.iter_modules(kinds.__path__), key=lambda module: module.name):
        module = importlib.import_module(f"{kinds.__name__}.{each.name}")
        found += [
            value
            for value in vars(module).values()
            if isinstance(value, type) and issubclass(value, Contract) and value.__module__ == module.__name__
        ]
    return tuple(found)


@cache
def all_checks() -> dict[str, tuple[Check, type[Contract]]]:
    """Each check with its contract, by id, in the order of tiers and numbers; two with one id are refused."""
    found: dict[str, tuple[Check, type[Contract]]] = {}
    for contract in contracts():
        for each in contract.checks():
            if each.id in found:
                raise ValueError(f"two checks have the id {each.id}: give that of {contract.__name__} another number")
            found[each.id] = replace(each, kind=contract.kind), contract
    return {key: found[key] for key in sorted(found, key=_order)}


def _order(identity: str) -> tuple[int, int]:
    tier, _, number = identity.partition("-")
    return ("basic", "sound", "exemplary").index(tier), int(number)


def chosen(plugin: Subject) -> dict[str, tuple[Check, type[Contract]]]:
    """The checks that concern this plugin, by what it provides."""
    return {key: (each, contract) for key, (each, contract) in all_checks().items() if contract.concerns(plugin)}


__all__ = ["all_checks", "chosen", "contracts"]
