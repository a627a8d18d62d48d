"""The only file that imports mbi (and jax): a graphical model from noisy margins, and its rows.

McKenna, Sheldon and Miklau 2019, Graphical-model based estimation and inference for differential
privacy. Everything here is post-processing: it reads released figures only.
"""

import importlib.util
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

    def expected(self, clique: Clique) -> Shares:
        """Expected counts of one column or of a pair, flat in row-major order."""
        return self.tree.probabilities(clique) * self.total


def fit(
    sizes: Sequence[int],
    measured: Sequence[Measured],
    total: float,
    *,
    steps: int,
    start: Model | None = None,
) -> Model:
    """Fit the model of least commitment that agrees with the measured margins.

    Args:
        sizes: coarse cells of every column.
        measured: noisy margins over coarse cells.
        total: estimated number of rows.
        steps: most steps of mirror descent.
        start: a model of earlier measurements to go on from.

    Raises:
        MissingEngineError: if mbi is not installed.
    """
    require()
    with warnings.catch_warnings():
        # jax warns of deprecated calls in its own dependants, which nobody here can act on
        warnings.simplefilter("ignore", DeprecationWarning)
        import mbi  # type: ignore[import-untyped]  # noqa: PLC0415 - loaded only when used

    domain = mbi.Domain([str(place) for place in range(len(sizes))], list(sizes))
    measurements = [
        mbi.LinearMeasurement(
            m.people.astype(np.float64), tuple(str(place) for place in m.clique), stddev=m.scale
        )
        for m in measured
    ]
    field = mbi.estimation.mirror_descent(
        domain,
        measurements,
        known_total=total,
        iters=steps,
        # the stable oracle compiles two to three times as fast as the default on these models
        marginal_oracle=mbi.marginal_oracles.message_passing_stable,
        potentials=start.potentials if start else None,
    )
    return Model(tree=_tree(tuple(sizes), field), total=total, potentials=field.potentials)


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
        for clique, factor in field.potentials.arrays.items()
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
