"""Forces on nodes of their own: TLS, authenticated nodes, the same result to the last bit."""

import json
import select
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from federated import FederatedAveraging, FederatedNewton, FederatedPrivate
from federated.accounting import Rounds
from federated.averaging import LocalEpochs
from federated.certificates import Authority, node_key
from federated.deployment import Loopback
from federated.grid import in_process
from federated.left_running import RUNNING, states, stop_detached
from federated.newton import NewtonSums
from federated.node_memory import NodeMemory
from federated.orders import digests, order_of, step_of
from federated.private_gradients import PrivateGradients, RepeatGradients
from federated.secure_session import Session
from federated.secure_sum import MaskedSums
from federated.trees import TreeSums
from minimisation import Forces, PolicyError, SandboxError
from minimisation.statistics.accounting import UNITS
from sandbox.force_node import study_of

pytestmark = pytest.mark.slow

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
people = 600
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


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One deployment that all checks share, and what was to be refused from its beginning."""

    federation: Loopback
    tap: Tap
    settings: dict[str, str]
    stranger: "subprocess.Popen[bytes]"
    wary: "subprocess.Popen[bytes]"

    def forces(self) -> Forces:
        """The same forces in this process."""
        study = study_of(self.settings)
        members = tuple(force for force in study.forces().members if force.name in NAMES)
        return Forces(members=members, use_case=study.plan.use_case, split=study.split)

    def run(self, option: str, parameters: str, **more: str) -> dict[str, Any]:
        """What the deployed forces fit."""
        result = self.federation.folder / f"{option}.json"
        self.federation.run(
            {
                "forces": ",".join(NAMES),
                "option": option,
                "parameters": parameters,
                "seed": 5,
                "use-case": "sandbox.force_node:use_case",
                "plan": self.settings["plan"],
                "workspace": self.settings["workspace"],
                "result": str(result),
                **more,
            }
        )
        found: dict[str, Any] = json.loads(result.read_text("utf-8"))
        return found


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory, loaded_demo: Path) -> Iterator[Trial]:
    place = tmp_path_factory.mktemp("deployed")
    shutil.copytree(loaded_demo, place / "workspace", symlinks=True)
    (place / "plan.toml").write_text(PLAN, "utf-8")
    (place / "approved.json").write_text(json.dumps(digests()), "utf-8")
    settings = {"plan": str(place / "plan.toml"), "workspace": str(place / "workspace")}
    _ = study_of(settings).stores  # loaded once, so that nodes do not do it at the same time
    common = settings | {
        "opener": "sandbox.force_node:node",
        "approved": str(place / "approved.json"),
    }
    tap, folder = Tap(), place / "federation"
    folder.mkdir()
    other = Authority.create(place / "impostor").folder / "ca.crt"
    unknown = node_key(place / "stranger").with_suffix("")
    nodes = {name: common | {"force": name} for name in NAMES}
    try:
        with Loopback(folder=folder, nodes=nodes, route=tap.between) as federation:
            known = folder / f"{NAMES[1]}-key"
            yield Trial(
                federation=federation,
                tap=tap,
                settings=settings,
                stranger=federation.start_node(
                    NAMES[0], key=unknown, authority=federation.authority
                ),
                wary=federation.start_node(NAMES[1], key=known, authority=other),
            )
    finally:
        tap.close()


def test_three_rounds_on_four_nodes_equal_the_run_in_one_process_bit_for_bit(trial: Trial) -> None:
    there = np.array(trial.run("federated-averaging", '{"rounds": 3}')["coefficients"])
    with trial.forces() as forces:
        here = FederatedAveraging(rounds=3).fit(in_process(forces), forces.use_case, 5)
    assert (there == here).all()


def test_a_secure_sum_of_newton_steps_equals_the_one_in_one_process_bit_for_bit(
    trial: Trial,
) -> None:
    there = np.array(trial.run("federated-newton", '{"rounds": 2}')["coefficients"])
    with trial.forces() as forces:
        option = FederatedNewton(rounds=2)
        here = option.fit(in_process(forces), forces.use_case, NAMES).coefficients
    assert np.abs(here).max() > 0.1
    assert (there == here).all()


@pytest.mark.full
def test_a_private_run_is_charged_on_the_nodes_as_it_is_in_one_process(
    trial: Trial, tmp_path: Path
) -> None:
    option, note = FederatedPrivate(rounds=2, epsilon=0.5), tmp_path / "note.json"
    parameters = '{"rounds": 2, "epsilon": 0.5}'
    there = trial.run("federated-private", parameters, checkpoint=str(note))
    assert there["rounds"] == 2
    assert there["epsilon"] == pytest.approx(option.plan().epsilon(2), abs=1e-9)
    models = json.loads(note.read_text("utf-8"))["models"]
    assert there["coefficients"] == pytest.approx(models[1])
    with trial.forces() as forces:
        option.fit(in_process(forces), forces.use_case)
    for name in NAMES:
        log = study_of(trial.settings).stores[name].log("ledger")
        spent = [each["epsilon"] for each in log.entries() if each.get("state") == "reserved"]
        assert len(spent) == 4
        assert spent[:2] == spent[2:]
        # the force's log counts whole billionths, each charge rounded up
        assert sum(spent[:2]) / UNITS == pytest.approx(there["epsilon"], abs=2e-9)


def test_every_message_is_in_the_forces_log_with_its_size_in_and_out(trial: Trial) -> None:
    home = study_of(trial.settings).stores[NAMES[0]]
    log = home.audit.log
    assert log is not None
    entries = [each for each in log.entries() if each["outcome"] == "done"]
    rounds = [each for each in entries if each["what"] == "local-epochs"]
    masked = [each for each in entries if each["what"] == "masked-newton-sums"]
    opened = [each for each in entries if each["what"] == "secure-sum-offer"]
    # three rounds deployed and three in this process; two turns and one session of each
    assert [len(rounds), len(masked), len(opened)] == [6, 4, 2]
    assert all(each["sent"] > 0 and each["received"] > 0 for each in rounds + masked)


def test_nothing_can_be_read_between_nodes_and_server(trial: Trial) -> None:
    seen = b"".join(trial.tap.kept)
    assert len(seen) > 10_000
    for plain in (b"coefficients", b"num-examples", b"LocalEpochs", *map(str.encode, NAMES)):
        assert plain not in seen


def test_a_node_with_an_unregistered_key_is_refused(trial: Trial) -> None:
    assert trial.stranger.wait(timeout=300) != 0


def test_a_server_with_another_authoritys_certificate_is_refused(trial: Trial) -> None:
    assert trial.wary.wait(timeout=300) != 0
    logs = trial.federation.folder.glob(f"*-{NAMES[1]}.log")
    log = max((log for log in logs if log.name[0].isdigit()), key=lambda log: log.stat().st_mtime)
    said = log.read_text("utf-8", "replace").lower()
    assert "verif" in said or "certificate" in said or "connect" in said


@pytest.mark.parametrize(
    "step",
    [
        LocalEpochs(epochs=2, learning_rate=0.3, batch_size=32, seed=2**53 - 1),
        NewtonSums(),
        MaskedSums(
            session=Session(roster=("a", "b", "c"), number="1"),
            step=TreeSums(trees=2, depth=3),
            most_people=9,
        ),
        RepeatGradients(
            again=PrivateGradients(
                plan=Rounds(rounds=3, noise=2.0, delta=1e-6), turn=2, clip=1.0, number="n"
            )
        ),
        MaskedSums(
            session=Session(roster=("a", "b", "c"), number="1"), step=NewtonSums(), most_people=9
        ),
    ],
)
def test_an_order_makes_the_step_it_was_made_from(step: Any) -> None:  # noqa: ANN401 - any step
    assert step_of(order_of(step), digests()) == step


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
        step_of(order, digests())


@pytest.mark.parametrize("changed", ["MaskedSums", "NewtonSums", "Session"])
def test_code_that_was_not_approved_is_refused_also_inside_a_step(changed: str) -> None:
    session = Session(roster=("a", "b", "c"), number="1")
    order = order_of(MaskedSums(session=session, step=NewtonSums(), most_people=9))
    for approved in (digests() | {changed: "0" * 64}, {**digests(), changed: ""}):
        with pytest.raises(PolicyError, match=f"the code of {changed} must be the code"):
            step_of(order, approved)


def test_what_a_node_remembers_outlives_the_process(tmp_path: Path) -> None:
    path = tmp_path / "memory"
    NodeMemory(path)["roster"] = b"a\nb\nc"
    again = NodeMemory(path)
    assert dict(again) == {"roster": b"a\nb\nc"}
    del again["roster"]
    assert (again.get("roster"), len(NodeMemory(path))) == (None, 0)
    assert path.stat().st_mode & 0o077 == 0


def test_programs_left_running_are_found_again_and_stopped(tmp_path: Path) -> None:
    left = Loopback(folder=tmp_path, nodes={"a": {"plan": "p"}})
    left._programs["sleeper"] = subprocess.Popen(["sleep", "600"])
    left._programs["ended"] = ended = subprocess.Popen(["true"])
    ended.wait()
    sleeper = left._programs["sleeper"]
    left.detach()
    left.stop()
    assert sleeper.poll() is None
    assert Loopback.attached(tmp_path).nodes == {"a": {"plan": "p"}}
    assert states(tmp_path) == {"sleeper": (sleeper.pid, True), "ended": (ended.pid, False)}
    assert stop_detached(tmp_path) == 1
    assert sleeper.wait(timeout=30) != 0
    with pytest.raises(SandboxError, match="sandbox federate up"):
        states(tmp_path)


def test_a_process_that_took_over_a_number_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "600"]) as other:
        kept = {"port": 1, "nodes": {}, "programs": {"node": [other.pid, "long ago"]}}
        (tmp_path / RUNNING).write_text(json.dumps(kept), "utf-8")
        assert stop_detached(tmp_path) == 0
        assert other.poll() is None
        other.kill()
