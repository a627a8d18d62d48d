"""A force's node: opens the force's own store and lets its boundary answer each message."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from federated.flower import ConfigRecord, Context, Error, Message, RecordDict
from federated.gate import Gate
from federated.grid import FAILED, REFUSED, SPENT
from federated.messages import CONFIG, content_of, inputs_of
from federated.node_grid import FORCE, HELLO, ORDER
from federated.orders import step_of
from minimisation import BudgetExceededError, Forces, PolicyError, SandboxError, UseCase
from minimisation.contract import wire
from minimisation.forces.analysis import Split
from minimisation.forces.audit import Entry, Event
from minimisation.forces.boundary import Force

OPENER = "opener"
"""Entry of the node's configuration: `package.module:function` that opens the force."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """What a node serves: one force, for one use case."""

    force: Force
    """The force, with its policy, ledger and memory; the last two must outlive the process."""
    use_case: UseCase
    """The approved use case."""
    split: Split
    """Who is held out."""
    gate: Gate
    """What the node lets in."""


Opener = Callable[[Mapping[str, Any]], Node]
"""Makes the node from its configuration, which only the force's operator sets."""


def opened(configuration: Mapping[str, Any]) -> Node:
    """The node that a configuration describes.

    Raises:
        PolicyError: if the configuration does not name an opener.
    """
    module, _, name = str(configuration.get(OPENER, "")).partition(":")
    if not (module and name):
        raise PolicyError(f"node configuration must name an {OPENER} as package.module:function")
    opener: Opener = getattr(importlib.import_module(module), name)
    return opener(configuration)


def answer(message: Message, context: Context) -> Message:
    """Have the force answer a message; a refusal is an error reply that gives the rule."""
    try:
        node = opened(context.node_config)
        if message.metadata.message_type == HELLO:
            told = RecordDict({CONFIG: ConfigRecord({FORCE: node.force.name})})
            return Message(told, reply_to=message)
        return _answer(node, message)
    except BudgetExceededError as error:
        return Message(Error(SPENT, f"{error}"), reply_to=message)
    except SandboxError as error:
        return Message(Error(FAILED, f"the force's node failed: {error}"), reply_to=message)


def _answer(node: Node, message: Message) -> Message:
    name = node.force.name
    order = str(message.content.config_records.get(CONFIG, ConfigRecord()).get(ORDER, ""))
    try:
        step = step_of(order, node.gate.approved)
        inputs = inputs_of(step.takes(node.use_case), message.content)
        node.gate.admit(node.force.memory, len(order) + len(wire.encode(inputs)))
    except (PolicyError, TypeError, ValueError) as error:
        _log_refusal(node, len(order), error)
        return Message(Error(REFUSED, f"{name} refused: {error}"), reply_to=message)
    with Forces(members=(node.force,), use_case=node.use_case, split=node.split) as forces:
        replies = forces.ask(step, inputs=inputs)
    if replies.refusals:
        rule = f"{name} refused: {replies.refusals[0].rule}"
        return Message(Error(REFUSED, rule), reply_to=message)
    if replies.failures:
        reason = f"{name} failed: {replies.failures[0].reason}"
        return Message(Error(FAILED, reason), reply_to=message)
    content = content_of(step.gives(node.use_case), replies.payloads[name])
    return Message(content, reply_to=message)


def _log_refusal(node: Node, received: int, error: Exception) -> None:
    """Note a message that was turned away before it became a step; steps are noted by the force."""
    entry = Entry(
        event=Event.CONSULTATION,
        what="message",
        purpose=node.use_case.name,
        outcome=f"refused: {error}",
        received=received,
    )
    node.force.audit.record(entry)
