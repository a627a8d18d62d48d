"""The only file that imports mbi (and jax): a graphical model from noisy margins, and its rows.

McKenna, Sheldon and Miklau 2019, Graphical-model based estimation and inference for differential
privacy. Everything here is post-processing: it reads released figures only.
"""

import importlib.util
import math
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minimisation import MissingEngineError
from synthetic.counting import Clique
from synthetic.junction import JunctionTree
from synthetic.margins import Shares
from synthetic.measured import Measured


def require() -> None:
    """Check that the engine is installed, without importing it.

    Raises:
        MissingEngineError: naming the extra that brings it.
    """
    if importlib.util.find_spec("mbi") is None:
        raise MissingEngineError(
            "mbi must be installed: pip install 'minimisation-sandbox[synthetic]'"
        )


@dataclass(frozen=True, kw_only=True)
class Model:
    """A fitted graphical model over the coarse cells of d columns; it stays in this process."""

    tree: JunctionTree
    """The distribution."""
    total: float
    """Estimated number of rows."""
    potentials: Any
    """mbi's potentials, from which a later fit goes on."""
    stopped: bool = False
    """Whether the fit ran out of time."""

    def expected(self, clique: Clique) -> Shares:
        """Expected counts of one column or of a pair, flat in row-major order."""
        return self.tree.probabilities(clique) * self.total


EVERY = 25
"""Steps between two looks at the clock, because asking for a figure makes the engine wait."""


def fit(  # noqa: PLR0913 - a model's data and how long to look for it
    sizes: Sequence[int],
    measured: Sequence[Measured],
    total: float,
    *,
    steps: int,
    seconds: float = math.inf,
    start: Model | None = None,
) -> Model:
    """Fit the model of least commitment that agrees with the measured margins.

    Args:
        sizes: coarse cells of every column.
        measured: noisy margins over coarse cells.
        total: estimated number of rows.
        steps: most steps of mirror descent.
        seconds: no further steps begin after this long; the first few always do.
        start: a model of earlier measurements to go on from.

    Raises:
        MissingEngineError: if mbi is not installed.
    """
    require()
    with warnings.catch_warnings():
        # jax warns of deprecated calls in its own dependants, which nobody here can act on
        warnings.simplefilter("ignore", DeprecationWarning)
        import mbi  # noqa: PLC0415 - loaded only when used

    domain = mbi.Domain([str(place) for place in range(len(sizes))], list(sizes))
    measurements = [
        mbi.LinearMeasurement(
            m.people.astype(np.float64), tuple(str(place) for place in m.clique), stddev=m.scale
        )
        for m in measured
    ]
    loss = mbi.marginal_loss.from_linear_measurements(measurements)
    first = start.potentials if start else mbi.CliqueVector.zeros(domain, loss.cliques)
    if not all(first.supports(clique) for clique in loss.cliques):
        first = first.expand(loss.cliques)
    pace = 2.0 / (_curvature(sizes, measured) * total)
    found, stopped = _descend(loss, first, total, pace, _Limit(steps=steps, seconds=seconds))
    tree = _tree(tuple(sizes), found)
    return Model(tree=tree, total=total, potentials=found, stopped=stopped)


@dataclass(frozen=True, kw_only=True)
class _Limit:
    """When a fit ends at the latest."""

    steps: int
    seconds: float


def _descend(loss: Any, theta: Any, total: float, pace: float, limit: _Limit) -> tuple[Any, bool]:  # noqa: ANN401 - untyped library
    """Mirror descent with a line search (algorithm 1 of the paper), under a time limit.

    mbi's own loop cannot be ended before its last step without losing what it has found.
    """
    import jax  # type: ignore[import-untyped,unused-ignore]  # noqa: PLC0415 - as in `fit`

    # the stable oracle compiles two to three times as fast as the default on these models
    from mbi.marginal_oracles import message_passing_stable as oracle  # noqa: PLC0415 - as above

    @jax.jit
    def step(theta: Any, pace: Any) -> tuple[Any, Any]:  # noqa: ANN401 - as above
        counts = oracle(theta, total)
        value, slope = jax.value_and_grad(loss)(counts)
        moved = theta - pace * slope
        counts_there = oracle(moved, total)
        enough = value - loss(counts_there) >= 0.5 * pace * slope.dot(counts - counts_there)
        kept = jax.lax.cond(enough, lambda: moved, lambda: theta)
        return kept, jax.lax.select(enough, 1.01 * pace, 0.5 * pace)

    ends = time.monotonic() + limit.seconds
    at = jax.numpy.float32(pace)
    for done in range(limit.steps):
        if done and done % EVERY == 0 and float(at) > 0 and time.monotonic() >= ends:
            return theta, True
        theta, at = step(theta, at)
    return theta, False


def _curvature(sizes: Sequence[int], measured: Sequence[Measured]) -> float:
    """Largest curvature of the squared error: a count enters each measurement that it adds to."""
    cells = {m.clique: math.prod(sizes[place] for place in m.clique) for m in measured}
    return max(
        sum(
            cells[top] / cells[m.clique] / m.scale**2 for m in measured if set(m.clique) <= set(top)
        )
        for top in cells
    )


def _tree(sizes: tuple[int, ...], field: Any) -> JunctionTree:  # noqa: ANN401 - untyped library
    from mbi import junction_tree  # noqa: PLC0415 - as in `fit`

    graph, _ = junction_tree.make_junction_tree(field.domain, field.cliques)
    nodes = [_places(node) for node in graph.nodes]
    ways = {node: [_places(other) for other in graph[tuple(map(str, node))]] for node in nodes}
    edges: list[tuple[Clique, Clique]] = []
    seen: set[Clique] = set()
    for node in nodes:
        if node not in seen and seen:
            # columns that nothing joins form trees of their own, hung on an empty separator
            edges.append((nodes[0], node))
        _walk(node, ways, seen, edges)
    potentials = {
        _places(clique): np.asarray(factor.values, dtype=np.float64)
        for clique, factor in field.arrays.items()
    }
    return JunctionTree(sizes=sizes, nodes=tuple(nodes), edges=tuple(edges), potentials=potentials)


def _walk(
    start: Clique,
    ways: dict[Clique, list[Clique]],
    seen: set[Clique],
    edges: list[tuple[Clique, Clique]],
) -> None:
    waiting = [] if start in seen else [start]
    seen.add(start)
    while waiting:
        node = waiting.pop()
        for other in ways[node]:
            if other not in seen:
                seen.add(other)
                waiting.append(other)
                edges.append((node, other))


def _places(names: Sequence[str]) -> Clique:
    return tuple(int(name) for name in names)


def megabytes(sizes: Sequence[int], cliques: Sequence[Clique]) -> float:
    """Size of the junction tree that a model of these cliques would need."""
    from mbi import Domain, junction_tree  # noqa: PLC0415 - as in `fit`

    domain = Domain([str(place) for place in range(len(sizes))], list(sizes))
    named = [tuple(str(place) for place in clique) for clique in cliques]
    return float(junction_tree.hypothetical_model_size(domain, named))
