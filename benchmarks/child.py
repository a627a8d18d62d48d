"""The process of one setting: `python -m benchmarks.child ORDER` reads and answers a JSON file.

Needs the standard library only; what the order names may need more.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.measuring import measure
from benchmarks.setting import Setting


def answer(order: dict[str, Any]) -> dict[str, Any]:
    """Generate data, or time a setting.

    Args:
        order: `module`, `function` (`generate` or `trial`), `setting` (its fields), `data` (path).
    """
    module = importlib.import_module(order["module"])
    setting = Setting(**order["setting"])
    step = getattr(module, order["function"])
    if order["function"] == "generate":
        step(setting, Path(order["data"]))
        return {}
    return measure(step(setting, Path(order["data"])), setting.runs, setting.seconds)


def main() -> None:
    """Answer the order beside itself, in a file of the same name that ends in `.done`."""
    path = Path(sys.argv[1])
    found = answer(json.loads(path.read_text("utf-8")))
    draft = path.with_suffix(".part")
    draft.write_text(json.dumps(found), "utf-8")
    draft.replace(path.with_suffix(".done"))


if __name__ == "__main__":
    main()
