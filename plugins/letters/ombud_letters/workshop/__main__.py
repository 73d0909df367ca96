"""`python -m ombud_letters.workshop <task>`, in a folder with `task.json`; the answer is `answer.json` and files.

A refusal is an answer too: `{"refused": code, "about": text}`; the words for people are the caller's."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ombud_letters.workshop import pages, paper, typeset
from ombud_letters.workshop.refusing import Unfit

TASKS: dict[str, Callable[..., dict[str, Any]]] = {
    "typeset": typeset.letter,
    "sheet": typeset.sheet,
    "cover": typeset.cover,
    "open": pages.open_scan,
    "look": pages.look,
    "put-together": paper.put_together,
}


def main() -> int:
    task = json.loads(Path("task.json").read_text("utf-8"))
    try:
        answer = TASKS[sys.argv[1]](**task)
    except Unfit as refusal:
        answer = {"refused": refusal.code, "about": str(refusal)}
    Path("answer.json").write_text(json.dumps(answer, ensure_ascii=False), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
