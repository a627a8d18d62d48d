"""One process per run, forked from a server that has loaded what every run needs.

A process of its own makes peak memory the run's own and keeps a crash from the others; the server
saves each of them a second of imports. Engines that only some options need are loaded by those.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from types import TracebackType
from typing import Any, TypeAlias

Work: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]
"""What a process does: it takes an order and gives a line of evidence, both plain values."""

LOADED = ("sandbox.worker", "pandas")
"""Modules that the server imports. The only threads that they start belong to memory allocators and
to BLAS, whose own handlers restore them after a fork."""


class RunFailedError(Exception):
    """A process ended without an answer; says how, never in its own words, which can quote data."""


@cache
def _context() -> BaseContext:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(LOADED))
    return context


def answer_of(work: Work, order: Mapping[str, Any]) -> dict[str, Any]:
    """A line of evidence, made in a new process.

    Args:
        work: a function of a module.
        order: what it takes.

    Raises:
        RunFailedError: if the process ended without one.
    """
    receiver, sender = _context().Pipe(duplex=False)
    process = _context().Process(target=_answer, args=(work, dict(order), sender))  # type: ignore[attr-defined]
    process.start()
    sender.close()
    with receiver:
        try:
            kind, content = receiver.recv()
        except EOFError:
            kind, content = "ended", ""
    process.join()
    if kind == "row":
        row: dict[str, Any] = content
        return row
    if kind == "ended" and process.exitcode is not None and process.exitcode < 0:
        name = signal.Signals(-process.exitcode).name
        raise RunFailedError(f"its process was ended by {name}")
    raise RunFailedError(f"its process ended with {content or 'an error'}")


def _answer(work: Work, order: dict[str, Any], sender: Connection) -> None:
    """The whole life of a run's process."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # what libraries print, and the text of an error, can quote data
        os.dup2(nowhere, stream)
    with sender, _TellingKind(sender):
        sender.send(("row", work(order)))


@dataclass(frozen=True)
class _TellingKind(AbstractContextManager[None]):
    """Sends the kind of an error that passes through, without its text."""

    sender: Connection
    """Where it goes."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Send the kind; the error goes on."""
        if kind is not None:
            self.sender.send(("error", kind.__name__))
