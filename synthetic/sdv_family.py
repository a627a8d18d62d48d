"""SDV's HMA on normal scores of persons and their events, within a time.

Patki, Wedge and Veeramachaneni 2016, The Synthetic Data Vault, section IV.
"""

import time
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt

from synthetic import sdv_engine
from synthetic.sdv_engine import Scores


@dataclass(frozen=True, kw_only=True)
class Family:
    """Persons and their events as normal scores."""

    persons: Scores
    """(n, p) scores of persons, p ≥ 0."""
    events: Scores
    """(m, e) scores of events, e ≥ 0."""
    owner: npt.NDArray[np.int64]
    """(m,) position of the person of every event."""


class _TimeIsUpError(Exception):
    """Ends a fit or a sample from within."""


def hierarchical(seen: Family, seed: int, seconds: float) -> Family | None:
    """Fit SDV's HMA to persons and their events, and sample as many of both.

    Args:
        seen: n ≥ 2 persons, each with an event.
        seed: seed of the sample; the fit itself draws nothing.
        seconds: fit and sample are given up after this long.

    Returns:
        Scores of n persons and their events, with owners counted from 0; None if time was up.

    Raises:
        MissingEngineError: if SDV is not installed.
    """
    with sdv_engine.engine() as sdv, warnings.catch_warnings():
        # advice on quality, and internals of pandas that nobody here can act on
        warnings.simplefilter("ignore")
        try:
            # HMA models no table without a column
            bare = np.zeros((len(seen.owner), 1))
            padded = seen if seen.events.size else replace(seen, events=bare)
            drawn = _fit_and_sample(sdv, padded, seed, time.monotonic() + seconds)
            return replace(drawn, events=drawn.events[:, : seen.events.shape[1]])
        except _TimeIsUpError:
            return None


def _fit_and_sample(
    sdv: Any,  # noqa: ANN401 - SDV is untyped
    seen: Family,
    seed: int,
    ends: float,
) -> Family:
    import pandas as pd  # noqa: PLC0415 - the engine is loaded only when it is used

    tables = {
        "persons": pd.DataFrame(seen.persons).add_prefix("p"),
        "events": pd.DataFrame(seen.events).add_prefix("e"),
    }
    engine = sdv.multi_table.HMASynthesizer(_metadata(sdv, seen), verbose=False)
    for name in tables:
        shape = {"enforce_min_max_values": False, "enforce_rounding": False}
        engine.set_table_parameters(name, {"default_distribution": "norm"} | shape)
    tables["persons"]["key"] = np.arange(len(seen.persons))
    tables["events"]["owner"] = seen.owner
    with _until(engine, ends):
        engine.fit(tables)
    engine._numpy_seed = seed  # noqa: SLF001 - no public way; sample() repeats itself without
    for each in engine._table_synthesizers.values():  # noqa: SLF001 - as above
        each._set_random_state(seed)  # noqa: SLF001 - as above
    drawn = engine.sample(len(seen.persons), "persons")
    # the engine's own keys are counted anew
    owner = pd.Index(drawn["persons"]["key"]).get_indexer(drawn["events"]["owner"])
    order = np.argsort(owner, kind="stable")
    parts = (drawn["persons"].drop(columns="key"), drawn["events"].drop(columns="owner"))
    persons, events = (part.to_numpy(dtype=np.float64) for part in parts)
    return Family(persons=persons, events=events[order], owner=owner[order])


def _until(engine: Any, ends: float) -> Any:  # noqa: ANN401 - SDV is untyped
    """Make an engine give up at a time: its sampling for good, its fit while this is held."""

    def in_time(values: Iterable[Any], **_: object) -> Iterator[Any]:
        for value in values:
            if time.monotonic() >= ends:
                raise _TimeIsUpError
            yield value

    recreate = engine._recreate_child_synthesizer  # noqa: SLF001 - called once a person sampled

    def recreate_in_time(*given: Any) -> Any:  # noqa: ANN401 - SDV is untyped
        next(in_time([None]))
        return recreate(*given)

    engine._recreate_child_synthesizer = recreate_in_time  # noqa: SLF001 - as above
    return mock.patch("sdv.multi_table.hma.tqdm", in_time)


def _metadata(sdv: Any, seen: Family) -> Any:  # noqa: ANN401 - SDV is untyped
    numbers = {"sdtype": "numerical"}
    persons = {f"p{place}": numbers for place in range(seen.persons.shape[1])}
    events = {f"e{place}": numbers for place in range(seen.events.shape[1])}
    relationship = {
        "parent_table_name": "persons",
        "parent_primary_key": "key",
        "child_table_name": "events",
        "child_foreign_key": "owner",
    }
    return sdv.metadata.Metadata.load_from_dict(
        {
            "tables": {
                "persons": {"primary_key": "key", "columns": {"key": {"sdtype": "id"}} | persons},
                "events": {"columns": {"owner": {"sdtype": "id"}} | events},
            },
            "relationships": [relationship],
            "METADATA_SPEC_VERSION": "V1",
        }
    )
