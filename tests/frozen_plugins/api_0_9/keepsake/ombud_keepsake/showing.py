"""`ombud keepsake show REFERENCE`."""

import argparse
import sys

from ombud_plugin_api import Context, Refused


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("reference", help="the reference of a case")


async def show(arguments: argparse.Namespace, context: Context) -> int:
    """One line; exit code 1 where there is no such case."""
    try:
        case = await context.platform.case(arguments.reference)
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        return 1
    print(f"{case.reference}: {case.status}, {len(case.aspects)} matters")
    return 0
