"""Translates between Flower's records and the numbers that a force's boundary checks.

A message carries one array record and one configuration, a reply one array record and one metric
record, under the keys that Flower's strategies use by default.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa

from federated.flower import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from federated.layout import ROUND, Layout, Values
from minimisation import PolicyError

ARRAYS, CONFIG, METRICS = "arrays", "config", "metrics"
"""Keys of the model, the configuration and the metrics in a message."""


def array_record(values: Values) -> ArrayRecord:
    """Named arrays as Flower's record."""
    return ArrayRecord({name: Array(np.asarray(value)) for name, value in values.items()})


def number(record: ConfigRecord | MetricRecord, name: str) -> float:
    """A single number of a record.

    Raises:
        TypeError: if the entry is a list or a text.
    """
    value = record[name]
    if not isinstance(value, int | float):
        raise TypeError(f"entry '{name}' must be a number")
    return float(value)


def round_of(content: RecordDict) -> int:
    """The number of the round, which Flower's strategies put into the configuration."""
    return int(number(content.config_records.get(CONFIG, ConfigRecord()), ROUND))


def inputs_of(layout: Layout, content: RecordDict) -> pa.Table:
    """What a message brings, as a step takes it; anything the layout does not name is dropped.

    Raises:
        ValueError: if the message lacks an array or a number, or a shape differs.
        PolicyError: if a number is not finite; nothing has been charged then.
    """
    arrays = content.array_records.get(ARRAYS, ArrayRecord())
    config = content.config_records.get(CONFIG, ConfigRecord())
    values = {name: arrays[name].numpy() for name, _ in layout.arrays if name in arrays}
    numbers = {name: number(config, name) for name in layout.scalars if name in config}
    table = layout.table({**values, **numbers})
    layout.values(table)
    return table


def content_of(layout: Layout, payload: pa.Table) -> RecordDict:
    """What a force sent, as a strategy reads it: arrays, and single numbers as metrics.

    Raises:
        PolicyError: if the payload does not have the layout's size, or is not finite.
    """
    values = layout.values(payload)
    arrays = array_record({name: values[name] for name, _ in layout.arrays})
    metrics = MetricRecord({name: float(values[name]) for name in layout.scalars})
    return RecordDict({ARRAYS: arrays, METRICS: metrics})


def reasons(replies: Iterable[Message]) -> list[str]:
    """Why forces did not answer, of those replies that are errors."""
    return [f"{reply.error.reason}" for reply in replies if reply.has_error()]


def check_answered(replies: Sequence[Message], asked: int) -> None:
    """Refuse a round in which one of so many forces refused, failed or was silent.

    Raises:
        PolicyError: with their reasons.
    """
    errors = reasons(replies)
    if errors or len(replies) != asked:
        raise PolicyError(f"every force must answer: {'; '.join(errors) or 'some are silent'}")
