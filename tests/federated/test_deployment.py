"""Forces on nodes of their own: TLS, authenticated nodes, the same result to the last bit."""

import json
import select
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from federated import FederatedAveraging
from federated.averaging import LocalEpochs
from federated.certificates import Authority, node_key
from federated.deployment import Loopback
from federated.grid import in_process
from federated.newton import NewtonSums
from federated.node_memory import NodeMemory
from federated.orders import order_of, step_of
from federated.secure_sum import MaskedSums, Session
from minimisation import Forces, PolicyError

NAMES = ("brackenhythe", "estvane", "norrowmere", "tarnholt")

PLAN = """\
title = "Deployed (SYNTHETIC)"
use_case = "serious-violence"
repeats = 1
seed = 1
held_out = 0.3

[data]
status = "demo"

[data.demo]
people = 1000
seed = 1
"""

OPENER = """\
from pathlib import Path

from federated.node import Node
from federated.node_memory import NodeMemory
from sandbox.study import Study


def study(settings):
    plan = Path(settings["plan"])
    return Study(plan_path=plan, workspace=plan.parent / "workspace")


def node(settings):
    found = study(settings)
    force = {each.name: each for each in found.forces().members}[settings["force"]]
    force.memory = NodeMemory(Path(settings["plan"]).parent / f"{force.name}.memory")
    return Node(force=force, use_case=found.plan.use_case, split=found.split)


def use_case(settings):
    return study(settings).plan.use_case
"""


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port))


@dataclass
class Tap:
    """A proxy that forwards everything and keeps what passed."""

    kept: list[bytes] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def between(self, port: int) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(0.2)
        self._go(self._serve, listener, port)
        return int(listener.getsockname()[1])

    def close(self) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join(timeout=10)

    def _go(self, work: Callable[..., None], *given: object) -> None:
        self.threads.append(threading.Thread(target=work, args=given, daemon=True))
        self.threads[-1].start()

    def _serve(self, listener: socket.socket, port: int) -> None:
        with listener:
            while not self.over.is_set():
                with suppress(TimeoutError):
                    self._go(self._forward, listener.accept()[0], port)

    def _forward(self, node: socket.socket, port: int) -> None:
        with node, suppress(ConnectionRefusedError), connected(port) as server:
            back = threading.Thread(target=self._copy, args=(server, node), daemon=True)
            back.start()
            self._copy(node, server)
            back.join()

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while not self.over.is_set():
                if not select.select([source], [], [], 0.2)[0]:
                    continue
                if not (part := source.recv(65536)):
                    break
                self.kept.append(part)
                target.sendall(part)
            target.shutdown(socket.SHUT_WR)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("deployed")
    (folder / "plan.toml").write_text(PLAN, "utf-8")
    (folder / "demo_node_opener.py").write_text(OPENER, "utf-8")
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))


@pytest.fixture(scope="module")
def here(workplace: Path) -> np.ndarray[Any, Any]:
    """The same three rounds in this process."""
    from demo_node_opener import study  # noqa: PLC0415 - written by the fixture

    found = study({"plan": workplace / "plan.toml"})
    forces = Forces(
        members=tuple(force for force in found.forces().members if force.name in NAMES),
        use_case=found.plan.use_case,
        split=found.split,
    )
    with forces:
        return FederatedAveraging(rounds=3).fit(in_process(forces), found.plan.use_case, 5)


@pytest.fixture(scope="module")
def deployed(workplace: Path, here: np.ndarray[Any, Any]) -> Iterator[tuple[Loopback, Tap]]:
    del here  # the stores are loaded first, so that nodes do not do it at the same time
    plan, tap = str(workplace / "plan.toml"), Tap()
    nodes = {
        name: {"opener": "demo_node_opener:node", "force": name, "plan": plan} for name in NAMES
    }
    folder = workplace / "federation"
    folder.mkdir()
    try:
        with Loopback(folder=folder, nodes=nodes, route=tap.between) as federation:
            yield federation, tap
    finally:
        tap.close()


@pytest.mark.full
def test_a_node_with_an_unregistered_key_is_refused(
    deployed: tuple[Loopback, Tap], workplace: Path
) -> None:
    federation, _ = deployed
    key = node_key(workplace / "stranger").with_suffix("")
    stranger = federation.start_node(NAMES[0], key=key, authority=federation.authority)
    assert stranger.wait(timeout=60) != 0


@pytest.mark.full
def test_a_server_with_another_authoritys_certificate_is_refused(
    deployed: tuple[Loopback, Tap], workplace: Path
) -> None:
    federation, _ = deployed
    other = Authority.create(workplace / "impostor").folder / "ca.crt"
    key = federation.folder / f"{NAMES[1]}-key"
    wary = federation.start_node(NAMES[1], key=key, authority=other)
    assert wary.wait(timeout=90) != 0
    log = (federation.folder / f"{len(NAMES) + 2}-{NAMES[1]}.log").read_text("utf-8", "replace")
    assert "verif" in log.lower() or "certificate" in log.lower() or "connect" in log.lower()


@pytest.mark.full
def test_three_rounds_on_four_nodes_equal_the_run_in_one_process_bit_for_bit(
    deployed: tuple[Loopback, Tap], workplace: Path, here: np.ndarray[Any, Any]
) -> None:
    federation, tap = deployed
    federation.run(
        {
            "forces": ",".join(NAMES),
            "option": "federated-averaging",
            "parameters": '{"rounds": 3}',
            "seed": 5,
            "use-case": "demo_node_opener:use_case",
            "plan": str(workplace / "plan.toml"),
            "result": str(workplace / "result.json"),
        }
    )
    there = np.array(json.loads((workplace / "result.json").read_text("utf-8")))
    assert (there == here).all()
    seen = b"".join(tap.kept)
    assert len(seen) > 10_000
    for plain in (b"coefficients", b"num-examples", b"LocalEpochs", *map(str.encode, NAMES)):
        assert plain not in seen


@pytest.mark.parametrize(
    "step",
    [
        LocalEpochs(epochs=2, learning_rate=0.3, batch_size=32, seed=2**53 - 1),
        NewtonSums(),
        MaskedSums(
            session=Session(roster=("a", "b", "c"), number="1"), step=NewtonSums(), most_people=9
        ),
    ],
)
def test_an_order_makes_the_step_it_was_made_from(step: Any) -> None:  # noqa: ANN401 - any step
    assert step_of(order_of(step)) == step


@pytest.mark.parametrize(
    "order",
    [
        "",
        "{}",
        "3",
        '{"kind": "Popen", "args": "ls"}',
        '{"kind": "Rounds", "rounds": 3, "noise": 1.0, "delta": 0.1}',
        '{"kind": "LocalEpochs", "epochs": 2, "surprise": 1}',
    ],
)
def test_an_order_that_names_no_known_step_is_refused(order: str) -> None:
    with pytest.raises(PolicyError, match="an order must name"):
        step_of(order)


def test_what_a_node_remembers_outlives_the_process(tmp_path: Path) -> None:
    path = tmp_path / "memory"
    NodeMemory(path)["roster"] = b"a\nb\nc"
    again = NodeMemory(path)
    assert dict(again) == {"roster": b"a\nb\nc"}
    del again["roster"]
    assert (again.get("roster"), len(NodeMemory(path))) == (None, 0)
    assert path.stat().st_mode & 0o077 == 0
