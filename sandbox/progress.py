"""How far a run of several parts has come, as a bar on stderr; silent where that is no terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


@contextmanager
def shown(
    console: Console, first: str, total: int | None = None
) -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar while this is held.

    Args:
        console: where; stderr, since stdout is data.
        first: what happens before the first part is told of.
        total: how many parts there are, if that is known.

    Yields:
        Tells what happens next, how many parts are done, and of how many.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(first, total=total)

        def tell(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        yield tell
