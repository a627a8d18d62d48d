"""What epsilon, bounds and floor would mean, from public facts, before anything is spent.

Attackers' odds follow from the definition of differential privacy (Wasserman and Zhou, "A
statistical framework for differential privacy", JASA 2010): whoever thinks somebody to be in the
data with chance p can come to think so with at most p·e^ε / (1 − p + p·e^ε), and a guesser who
wrongly accuses a share f rightly accuses at most e^ε·f + δ.
"""

import math
from dataclasses import dataclass

from scipy.stats import poisson

from minimisation import BinaryOutcome, Bounds, Categories, GroupedStatistics, UseCase
from minimisation.contract.usecase import FORCE
from minimisation.statistics import encoding, planner
from minimisation.statistics.quote import Quote, quote
from minimisation.statistics.text_form import parse

PRIORS = (0.01, 0.1, 0.5)
"""What an attacker thought before, as a chance."""
FALSE_ALARMS = 0.01
"""Share of the others whom an attacker is ready to accuse wrongly."""


@dataclass(frozen=True, kw_only=True)
class Explained:
    """Tables of an explanation; each a caption, headings and rows."""

    odds: list[tuple[str, str, str]]
    """Chance before, at most after one force's release, at most after all forces'."""
    guess: str
    """The guesser at few false alarms, in a sentence."""
    widths: list[tuple[str, str, str]]
    """Figure, rows assumed, half width of its interval."""
    cells: list[tuple[str, str]]
    """Facts about the table's cells."""
    floor: str
    """What the floor asks, in a sentence."""


def after(prior: float, epsilon: float) -> float:
    """The most that an attacker can come to believe.

    Args:
        prior: chance believed before, in (0, 1).
        epsilon: privacy loss.
    """
    gain = math.exp(min(epsilon, 700.0))
    return prior * gain / (1 - prior + prior * gain)


def rightly_accused(false_alarms: float, epsilon: float, delta: float) -> float:
    """The largest share of members whom a guesser can accuse at that share of false alarms."""
    upper = math.exp(min(epsilon, 700.0)) * false_alarms + delta
    other = 1 - math.exp(-epsilon) * (1 - false_alarms - delta)
    return min(1.0, upper, other)


def explain(  # noqa: PLR0913 - the knobs that are explained
    case: UseCase,
    *,
    epsilon: float,
    delta: float,
    forces: int,
    people: int,
    smallest: int,
) -> Explained:
    """Turn the knobs into what they mean; nothing is opened and nothing is spent.

    Args:
        case: the use case.
        epsilon: privacy loss at each force.
        delta: its failure probability.
        forces: how many forces take part.
        people: people (or records) in all, a public number.
        smallest: cells below this are suppressed where suppression is used.
    """
    apart = isinstance(case.question, GroupedStatistics) and FORCE in case.question.by
    offer = _offer(case, epsilon, delta, 1 if apart else forces)
    count = cells_of(case) * (forces if apart else 1)
    mean = people / count
    half = next(width.half for width in offer.widths if width.rows is None)
    odds = [
        (f"{prior:.0%}", f"{after(prior, epsilon):.1%}", f"{after(prior, forces * epsilon):.1%}")
        for prior in PRIORS
    ]
    share = rightly_accused(FALSE_ALARMS, epsilon, delta)
    return Explained(
        odds=odds,
        guess=f"A guesser who wrongly accuses {FALSE_ALARMS:.0%} of those not in the data rightly "
        f"accuses at most {share:.1%} of those who are."
        + (f" Apart from a chance of {delta:g} that odds are worse." if delta else ""),
        widths=[
            (
                width.measure,
                "any" if width.rows is None else f"{width.rows:,}",
                f"±{width.half:.3g}",
            )
            for width in offer.widths
        ],
        cells=[
            ("Cells in the table", f"{count:,}"),
            ("Mean number in a cell, if spread evenly", f"{mean:.3g}"),
            ("Interval of a cell's count", f"±{half:.3g}"),
            ("Cells suppressed below " + str(smallest), f"{poisson.cdf(smallest - 1, mean):.0%}"),
            ("Cells in which noise would exceed the count", _drowned(mean, half)),
        ],
        floor=_floor(case, count, half, people),
    )


def cells_of(case: UseCase) -> int:
    """Cells of the table that is asked for; of the target against one feature for an outcome."""
    if isinstance(case.question, GroupedStatistics):
        keys = [name for name in case.question.by if name != FORCE]
    else:
        keys = [_key(case)]
    return math.prod(_size(case, name) for name in keys)


def _size(case: UseCase, name: str) -> int:
    domain = case.column(name).domain
    if isinstance(domain, Categories):
        return len(domain.values)
    return len(domain.edges) + 1 if isinstance(domain, Bounds) else 1


def _key(case: UseCase) -> str:
    """The first column with categories that the question uses."""
    for name in case.needed:
        if isinstance(case.column(name).domain, Categories):
            return name
    return case.needed[0]


def _offer(case: UseCase, epsilon: float, delta: float, forces: int) -> Quote:
    table = encoding.stored_table(case)
    asked = case.question
    if isinstance(asked, BinaryOutcome):
        text = f"rows by {_key(case)}"
    else:
        keys = [name for name in asked.by if name != FORCE]
        figures = [
            s.aggregate if s.column is None else f"{s.aggregate}({s.column})"
            for s in asked.statistics
        ]
        text = f"{', '.join(figures)}" + (f" by {', '.join(keys)}" if keys else "")
    bounds = case.contribution
    allowance = planner.Allowance(
        in_all=bounds.groups * bounds.rows, groups=bounds.groups, rows=bounds.rows
    )
    chosen = planner.choose(parse(text, table.name), table, allowance)
    return quote(chosen, epsilon, delta, forces)


def _drowned(mean: float, half: float) -> str:
    return f"{poisson.cdf(half, mean):.0%} (of cells with a mean of {mean:.3g})"


def _floor(case: UseCase, count: int, half: float, people: int) -> str:
    floor = case.floor
    words = f"{floor.measure.replace('_', ' ')} {floor.direction.replace('_', ' ')} {floor.value:g}"
    if floor.measure != "total_variation":
        return f"Floor: {words}. It cannot be told without data; try it on invented people first."
    moved = count * 0.8 * half / 1.96 / (2 * people)  # a normal's mean distance is 0.8 of its sd
    met = "within" if moved <= floor.value else "beyond"
    return f"Floor: {words}. Noise alone would move about {moved:.2g}, {met} the floor."
