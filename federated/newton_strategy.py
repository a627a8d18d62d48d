"""A Flower strategy that takes Newton steps on sums; one evaluation of the sums is one round."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

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
from federated.messages import ARRAYS, CONFIG, METRICS, array_record, number
from federated.newton import COEFFICIENTS
from minimisation import PolicyError
from minimisation.regression import RIDGE, Array, LogisticSums, NewtonFit, newton


@dataclass(kw_only=True, eq=False)
class NewtonStrategy(Strategy):
    """Adds up what the forces send, and lets the shared Newton driver choose where to ask next.

    Flower's loop asks a fixed number of times; Newton's method decides after each round whether
    to go on, to halve its step or to stop. So `start` hands the loop to the driver, and every
    evaluation it wants is one round through the same `configure_train` and `aggregate_train`.
    """

    tolerance: float = 1e-10
    """Stops when no entry of the gradient, per row, is larger."""
    ridge: float = RIDGE
    """Penalty on half the squared norm of the weights."""
    _fit: NewtonFit | None = field(default=None, init=False)

    @property
    def fit(self) -> NewtonFit:
        """The result.

        Raises:
            ValueError: if the strategy has not been started.
        """
        if self._fit is None:
            raise ValueError("fit must be read after start()")
        return self._fit

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
        """Run rounds until the gradient vanishes; `num_rounds` is the most there will be.

        Newton's method starts from zero: of `initial_arrays` only the size matters.
        """
        del evaluate_config
        result = Result()
        config = train_config or ConfigRecord()

        def evaluate(at: Array) -> LogisticSums:
            turn = len(result.train_metrics_clientapp) + 1
            model = array_record({COEFFICIENTS: at})
            messages = self.configure_train(turn, model, config, grid)
            replies = grid.send_and_receive(messages, timeout=timeout)
            sums, metrics = self.aggregate_train(turn, replies)
            if evaluate_fn is not None and (judged := evaluate_fn(turn, model)) is not None:
                result.evaluate_metrics_serverapp[turn] = judged
            result.train_metrics_clientapp[turn] = metrics
            return _sums_of(sums, metrics)

        size = initial_arrays[COEFFICIENTS].numpy().size
        self._fit = newton(
            evaluate, size, rounds=num_rounds, tolerance=self.tolerance, ridge=self.ridge
        )
        result.arrays = array_record({COEFFICIENTS: self._fit.coefficients})
        return result

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """The same coefficients to every force: leaving one out would change the answer."""
        config["server-round"] = server_round
        content = RecordDict({ARRAYS: arrays, CONFIG: config})
        return [Message(content, node, MessageType.TRAIN) for node in grid.get_node_ids()]

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord, MetricRecord]:
        """Add up the sums, in the order in which the replies came.

        Raises:
            PolicyError: if a force did not answer, since the sum would be of other people.
        """
        del server_round
        answered = list(replies)
        errors = [f"{reply.error.reason}" for reply in answered if reply.has_error()]
        if errors or not answered:
            raise PolicyError(f"every force must answer: {'; '.join(errors) or 'none did'}")
        parts = [
            _sums_of(reply.content.array_records[ARRAYS], reply.content.metric_records[METRICS])
            for reply in answered
        ]
        total = sum(parts[1:], start=parts[0])
        arrays = array_record({"gradient": total.gradient, "hessian": total.hessian})
        return arrays, MetricRecord({"rows": total.rows, "loss": total.loss})

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


def _sums_of(arrays: ArrayRecord, metrics: MetricRecord) -> LogisticSums:
    return LogisticSums(
        rows=number(metrics, "rows"),
        loss=number(metrics, "loss"),
        gradient=arrays["gradient"].numpy(),
        hessian=arrays["hessian"].numpy(),
    )
