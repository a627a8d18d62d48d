"""A force's node: what it lets in, what it remembers and charges, one fresh opening per message."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from federated.accounting import Rounds
from federated.averaging import LocalEpochs
from federated.flower import ConfigRecord, Context, Message, RecordDict, TaskIdentity
from federated.gate import MESSAGES, Gate
from federated.grid import REFUSED, SPENT
from federated.layout import ClientStep, Values
from federated.messages import ARRAYS, CONFIG, METRICS, array_record
from federated.node import answer
from federated.orders import digests, order_of
from federated.private_gradients import PrivateGradients
from federated.record import forget_roster
from federated.runner import installed_app
from minimisation import PolicyError, UseCase
from minimisation.forces.audit import Audit
from sandbox.force_node import memory_of, study_of

PLAN = """\
use_case = "serious-violence"
repeats = 1
[data]
status = "demo"
[data.demo]
people = 600
[policy]
epsilon = 1.0
delta = 1e-5
"""

Settings = dict[str, bool | float | int | str]
FORCE = "brackenhythe"
PLANNED = Rounds(rounds=4, noise=12.0, delta=1e-6)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, loaded_demo: Path) -> Settings:
    folder = tmp_path_factory.mktemp("node")
    shutil.copytree(loaded_demo, folder / "workspace", symlinks=True)
    (folder / "plan.toml").write_text(PLAN, "utf-8")
    (folder / "approved.json").write_text(json.dumps(digests()), "utf-8")
    return {
        "opener": "sandbox.force_node:node",
        "force": FORCE,
        "plan": str(folder / "plan.toml"),
        "workspace": str(folder / "workspace"),
        "approved": str(folder / "approved.json"),
    }


@pytest.fixture
def case(settings: Settings) -> UseCase:
    return study_of(settings).plan.use_case


def sent(settings: Settings, case: UseCase, step: ClientStep, **changed: Values) -> Message:
    """What the node replies to one message with a step's order."""
    TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = 1, 1, 1
    size = step.takes(case).size - 1
    arrays = array_record(changed.get("arrays", {"coefficients": np.zeros(size)}))
    config = ConfigRecord({"step": order_of(step), "server-round": 1})
    message = Message(RecordDict({ARRAYS: arrays, CONFIG: config}), 7, "train")
    message.metadata.__dict__["_message_id"] = "1"  # as Flower sets it
    return answer(message, Context(1, 7, settings, RecordDict(), {}))


def private(turn: int, number: str = "a") -> PrivateGradients:
    return PrivateGradients(plan=PLANNED, turn=turn, clip=1.0, number=number)


def test_turns_are_counted_and_charged_on_disk_until_the_budget_ends(
    settings: Settings, case: UseCase
) -> None:
    home = study_of(settings).stores[FORCE]
    first, second = PLANNED.price(1)[0], PLANNED.price(2)[0]
    assert 2 * first + second < 1 < 3 * first + second
    assert not sent(settings, case, private(1)).has_error()
    again = sent(settings, case, private(1))
    assert again.error.code == REFUSED
    assert "must follow the last one" in str(again.error.reason)
    reply = sent(settings, case, private(2))
    assert reply.content.metric_records[METRICS]["num-examples"]
    charged = [each for each in home.log("ledger").entries() if each.get("state") == "reserved"]
    assert len(charged) == 2, "a turn out of order is refused before anything is set aside"
    assert not sent(settings, case, private(1, "b")).has_error()
    other = sent(settings, case, private(1, "c"))
    assert other.error.code == SPENT
    assert "budget" in str(other.error.reason)


def test_what_is_turned_away_at_the_gate_is_logged_with_its_size(
    settings: Settings, case: UseCase
) -> None:
    approved = Path(str(settings["approved"]))
    changed = approved.with_name("changed.json")
    changed.write_text(json.dumps(digests() | {"LocalEpochs": "0" * 64}), "utf-8")
    step = LocalEpochs(epochs=1, learning_rate=0.1, batch_size=32, seed=1)
    refused = sent(settings | {"approved": str(changed)}, case, step)
    assert refused.error.code == REFUSED
    assert "code of LocalEpochs must be the code that was approved" in str(refused.error.reason)
    wrong = sent(settings, case, step, arrays={"coefficients": np.zeros(3)})
    assert "must be given with shape" in str(wrong.error.reason)
    entries = study_of(settings).stores[FORCE].log("audit").entries()
    turned = [each for each in entries if each["what"] == "message"]
    assert len(turned) == 2
    assert all(each["received"] > 0 and each["sent"] == 0 for each in turned)


def test_a_gate_counts_messages_by_the_day_and_limits_their_size() -> None:
    memory: dict[str, bytes] = {}
    gate = Gate(approved={}, most_messages=2, most_received=100)
    gate.admit(memory, 100)
    gate.admit(memory, 0)
    with pytest.raises(PolicyError, match="messages in a day must be at most 2"):
        gate.admit(memory, 1)
    with pytest.raises(PolicyError, match="at most 100 bytes"):
        replace(gate, most_messages=9).admit(memory, 101)
    memory[MESSAGES] = b"2020-01-01 2"
    gate.admit(memory, 1)
    assert memory[MESSAGES].endswith(b" 1")


def test_whatever_app_travels_the_installed_one_answers() -> None:
    from federated.client_app import app  # noqa: PLC0415 - only here

    load: Callable[..., object] = installed_app(app_path="evil", multi_app=True)
    assert load("evil/app", "1.0.0", "0" * 64) is app


def test_a_roster_is_forgotten_by_the_operator_alone_and_logged_before(settings: Settings) -> None:
    memory = memory_of(study_of(settings).stores[FORCE])
    name, audit = "secure-sum/serious-violence/roster", Audit()
    memory[name] = b"a\nb\nc"
    forget_roster(memory, audit, "serious-violence", "force d has joined")
    assert name not in memory
    (entry,) = audit.entries
    assert entry.what == "forget the roster of the secure sum"
    assert entry.outcome == "done: force d has joined"
    forget_roster(memory, audit, "serious-violence", "again")  # of nothing, nothing is forgotten
