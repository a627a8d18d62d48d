"""Runs a force's node: Flower's SuperNode, and beside it one warm process that answers messages.

Flower starts `flwr-clientapp` anew for every message and looks for messages every three seconds.
Here a message is answered by a child of a process that has its imports, and looked for several
times a second. The app that travels is never unpacked nor imported: what answers is the app that
is installed. This uses inner parts of the Flower release that is pinned.

    python -m federated.runner --load sandbox.force_node --port 9200 --superlink HOST:PORT …

Everything else on the command line is handed to `flower-supernode`.
"""

import argparse
import importlib
import os
import socket
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from flwr.supercore.constant import TaskType
from flwr.supercore.exit.exit_handler import registered_exit_handlers
from flwr.supercore.superexec import run_superexec
from flwr.supercore.superexec.executor.types import ExecutionSpec, LaunchResult
from flwr.supernode import start_client_internal
from flwr.supernode.cli import flower_supernode
from flwr.supernode.runtime import run_clientapp

from federated.client_app import app
from federated.flower import ClientApp
from federated.orders import digests

POLL = 0.4
"""Seconds between two looks for messages."""


class Forks:
    """Flower's executor: starts a child of this process for every message."""

    def get_eligible_capacity(
        self, supported_task_types: set[TaskType], **_: object
    ) -> tuple[set[TaskType], set[str]]:
        """Messages for a force only; none of Flower's other kinds of work."""
        return supported_task_types & {TaskType.CLIENT_APP}, set()

    def wait_for_capacity(self, *_: object, **__: object) -> None:
        """Never wait: a node answers one message after another."""

    def launch(self, spec: ExecutionSpec) -> LaunchResult:
        """Fork; the child answers and ends."""
        if os.fork() == 0:
            _child(spec)
        return LaunchResult.accepted()

    def reconcile(self) -> None:
        """Take leave of children that have ended."""
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return

    def close(self) -> None:
        """Nothing is held."""


def installed_app(**_: object) -> Callable[..., ClientApp]:
    """In place of Flower's loader: whatever app a message names, the installed one answers it."""

    def load(*_: object) -> ClientApp:
        return app

    return load


def unpack_nothing(*_: object, **__: object) -> None:
    """In place of Flower's installer: what came with a run is not written to disk."""


def _child(spec: ExecutionSpec) -> None:
    """Answer one message, and end without running what belongs to the parent."""
    registered_exit_handlers.clear()
    try:
        run_clientapp.run_clientapp(
            runtime_api_address=spec.runtime_api_address,
            token=spec.token,
            insecure=spec.insecure,
            parent_pid=os.getppid(),
            runtime_dependency_install=False,
        )
    finally:
        os._exit(0)


class Clock:
    """In place of Flower's `time` while a node waits for messages."""

    @staticmethod
    def sleep(seconds: float) -> None:
        """Wait, but never so long as Flower would."""
        time.sleep(min(seconds, POLL))


def main(words: Sequence[str] | None = None) -> None:
    """Serve one node until it ends."""
    parser = argparse.ArgumentParser(
        description="Run a force's node.", prog="python -m federated.runner", allow_abbrev=False
    )
    parser.add_argument("--load", action="append", default=[], help="module to import beforehand")
    parser.add_argument("--port", type=int, default=9094, help="of the node's own interface")
    given, rest = parser.parse_known_args(words)
    for module in given.load:
        importlib.import_module(module)
    digests()  # of the code as it is loaded; a file that changes later changes nothing here
    if os.fork() == 0:
        _answer(given.port)
    node: Any = start_client_internal
    node.time = Clock
    sys.argv = ["flower-supernode", "--isolation", "process", "--port", f"{given.port}", *rest]
    flower_supernode()


def _answer(port: int) -> None:
    """Answer a node's messages for as long as the node, which is this process's parent, lives."""
    node = os.getppid()
    while os.getppid() == node:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(POLL)
    inside: Any = run_clientapp
    inside.get_load_client_app_fn, inside.install_from_fab = installed_app, unpack_nothing
    loop: Any = run_superexec
    loop.get_executor = lambda *_, **__: Forks()
    try:
        loop.run_superexec(runtime_api_address=f"127.0.0.1:{port}", insecure=True, parent_pid=node)
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
