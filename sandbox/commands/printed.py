"""What commands print: rows and released tables as tables or JSON, and what a release cost."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    import pyarrow as pa

    from minimisation.statistics.accounting import Amount

stdout = Console()
stderr = Console(stderr=True)


def print_table(table: "pa.Table", *, as_json: bool) -> None:
    """A released table; for readers, each figure with its interval in one cell."""
    rows: list[dict[str, object]] = table.to_pylist()
    if as_json:
        print_rows(rows, as_json=True)
        return
    names = set(table.column_names)
    ends = {f"{name}{end}" for name in names for end in ("_low", "_high")}
    shown = []
    for row in rows:
        cells: dict[str, object] = {}
        for name in row:
            if name in ends:
                continue
            cells[name] = row[name]
            if f"{name}_low" in names:
                ends_of = (row[f"{name}_low"], row[f"{name}_high"])
                known = None not in ends_of
                cells[f"95 % of {name}"] = " to ".join(map(_cell, ends_of)) if known else None
        shown.append(cells)
    print_rows(shown, as_json=False)


def print_rows(rows: Sequence[Mapping[str, object]], *, as_json: bool) -> None:
    """Print rows as a table, or as JSON."""
    if as_json:
        sys.stdout.write(json.dumps([dict(row) for row in rows], indent=2) + "\n")
        return
    shown = Table(*(rows[0] if rows else ()))
    for row in rows:
        # released labels may look like markup
        shown.add_row(*(Text(_cell(value)) for value in row.values()))
    stdout.print(shown)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def say_charges(
    costs: "Mapping[str, Amount]", price_of: "Callable[[Amount], str] | None" = None
) -> None:
    """What each force charged, those alike in one line."""
    alike: dict[str, list[str]] = {}
    for name, cost in costs.items():
        charged = (price_of or _price)(cost) if cost.rho else "nothing, as it was released before"
        alike.setdefault(charged, []).append(name)
    for price, names in alike.items():
        who = names[0] if len(names) == 1 else f"each of {', '.join(names)}"
        tell(f"charged by {who}: {price}")


def _price(cost: "Amount") -> str:
    """What a release cost, in words."""
    if cost.epsilon is None:
        return f"rho {cost.rho / 1e9:g}"
    delta = f" with delta {cost.delta / 1e18:g}" if cost.delta else ""
    by_rho = f"which by zero-concentrated privacy is rho {cost.rho / 1e9:.3g}"
    return f"epsilon {cost.basic:g}{delta}, {by_rho}"


def tell(line: str) -> None:
    """A line beside the data; the terminal wraps it, so that it can be searched and copied."""
    stderr.print(line, highlight=False, markup=False, soft_wrap=True)
