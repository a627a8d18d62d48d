"""A Flower strategy that adds up what forces send; a driver decides what to ask for next."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from federated.design import Array
from federated.flower import (
    ArrayRecord,
    ConfigRecord,
    Grid,
    Message,
    MessageType,
    MetricRecord,
    RecordDict,
    Result,
    Strategy,
)
from federated.layout import ROUND, Values
from federated.messages import ARRAYS, CONFIG, METRICS, array_record, number, reasons
from minimisation import PolicyError

Totals: TypeAlias = Mapping[str, Array]
"""Name → total over all forces, of arrays and of single numbers."""

Numbers: TypeAlias = Mapping[str, int | float]
"""Name → single number that goes into the configuration of a round."""

Ask: TypeAlias = Callable[[Values, Numbers], Totals]
"""Sends a model and numbers to every force; the totals of what they computed."""


@dataclass(kw_only=True, eq=False)
class SumsStrategy(Strategy):
    """Hands Flower's loop to a driver; every question of the driver is one round.

    Flower's loop asks a fixed number of times. Newton's method halves a step or stops, and a tree
    grows level by level: both decide after each round what to ask next.
    """

    drive: Callable[[Ask], None]
    """Asks as often as it needs, and keeps what it found."""

    def start(  # noqa: PLR0913, PLR0917 - the signature is Flower's
        self,
        grid: Grid,
        initial_arrays: ArrayRecord,
        num_rounds: int = 25,
        timeout: float = 3600,
        train_config: ConfigRecord | None = None,
        evaluate_config: ConfigRecord | None = None,
        evaluate_fn: Callable[[int, ArrayRecord], MetricRecord | None] | None = None,
    ) -> Result:
        """Let the driver ask; how often, and where it begins, is up to it alone."""
        del initial_arrays, num_rounds, evaluate_config
        result = Result()

        def ask(model: Values, numbers: Numbers) -> Totals:
            turn = len(result.train_metrics_clientapp) + 1
            result.arrays = array_record(model)
            config = ConfigRecord({**(train_config or {}), **numbers})
            messages = self.configure_train(turn, result.arrays, config, grid)
            replies = grid.send_and_receive(messages, timeout=timeout)
            totals, metrics = self.aggregate_train(turn, replies)
            if evaluate_fn is not None and (judged := evaluate_fn(turn, result.arrays)) is not None:
                result.evaluate_metrics_serverapp[turn] = judged
            result.train_metrics_clientapp[turn] = metrics
            singles = {name: np.array(number(metrics, name)) for name in metrics}
            return {name: array.numpy() for name, array in totals.items()} | singles

        self.drive(ask)
        return result

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """The same to every force: leaving one out would change the answer."""
        config[ROUND] = server_round
        content = RecordDict({ARRAYS: arrays, CONFIG: config})
        return [Message(content, node, MessageType.TRAIN) for node in grid.get_node_ids()]

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord, MetricRecord]:
        """Add up, in the order in which the replies came.

        Raises:
            PolicyError: if a force did not answer, since the sum would be of other people.
        """
        del server_round
        answered = list(replies)
        if (errors := reasons(answered)) or not answered:
            raise PolicyError(f"every force must answer: {'; '.join(errors) or 'none did'}")
        arrays = [reply.content.array_records[ARRAYS] for reply in answered]
        metrics = [reply.content.metric_records[METRICS] for reply in answered]
        total: dict[str, npt.ArrayLike] = {
            name: sum(each[name].numpy() for each in arrays) for name in arrays[0]
        }
        singles = MetricRecord()
        for name in metrics[0]:
            singles[name] = math.fsum(number(each, name) for each in metrics)
        return array_record(total), singles

    def configure_evaluate(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Nothing: a release is judged through the forces' other door."""
        del server_round, arrays, config, grid
        return []

    def aggregate_evaluate(self, server_round: int, replies: Iterable[Message]) -> None:
        """Nothing."""
        del server_round, replies

    def summary(self) -> None:
        """Nothing to log: parameters are in the evidence."""
