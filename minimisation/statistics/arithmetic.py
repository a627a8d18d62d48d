"""Columns worked out per row: +, − and × of bounded columns and numbers, exact on whole multiples.

No operation can fail on data: there is no division, cast or function. Bounds are propagated through
every step (interval arithmetic), so that the range of the result is a public fact.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import gcd
from typing import Literal, TypeAlias

from minimisation.contract.domains import Bounds
from minimisation.contract.errors import UseCaseError
from minimisation.statistics.parts import Grid

WIDEST = 2**40
"""Largest multiple that a step may lead to; below it, bounds are exact as floats too."""


@dataclass(frozen=True, kw_only=True)
class Of:
    """A bounded column."""

    column: str
    """Its name, `table.name` where it is referred to."""


@dataclass(frozen=True, kw_only=True)
class Number:
    """A constant."""

    text: str
    """As it was written, such as `1.5`: decimal fractions are exact."""


@dataclass(frozen=True, kw_only=True)
class Combined:
    """Two expressions, added, subtracted or multiplied."""

    sign: Literal["+", "-", "*"]
    """What is done."""
    left: "Expression"
    """First operand."""
    right: "Expression"
    """Second operand."""


Expression: TypeAlias = Of | Number | Combined


@dataclass(frozen=True, kw_only=True)
class WorkedOut:
    """An expression as SQL on whole multiples of a step, with the range that it cannot leave."""

    sql: str
    """Integer expression; null where an operand is."""
    low: int
    """Smallest multiple."""
    high: int
    """Largest multiple."""
    step: Fraction
    """Size of a multiple, in the expression's own units."""

    def __post_init__(self) -> None:
        """Refuse a range that is too wide to be held exactly.

        Raises:
            UseCaseError: naming the rule.
        """
        if max(abs(self.low), abs(self.high)) > WIDEST:
            raise UseCaseError("derived column must stay within 2^40 steps; use coarser columns")

    @property
    def bounds(self) -> Bounds:
        """Public domain of the result.

        Raises:
            UseCaseError: if it is a constant.
        """
        if self.low >= self.high:
            raise UseCaseError("derived column must use a column, not numbers alone")
        step = float(self.step)
        made = Bounds(low=self.low * step, high=self.high * step, step=step)
        if (Grid.of(made).low, Grid.of(made).high) != (self.low, self.high):
            raise UseCaseError("derived column must have bounds that are whole steps")
        return made


def worked_out(
    expression: Expression,
    grid: Callable[[str], Grid],
    stored: Callable[[str], str] = lambda name: name,
) -> WorkedOut:
    """An expression's SQL and range.

    Args:
        expression: what is worked out.
        grid: grid of a column.
        stored: SQL of a stored column.

    Raises:
        UseCaseError: if a column has no bounds or the range is too wide.
    """
    if isinstance(expression, Of):
        own = grid(expression.column)
        return WorkedOut(
            sql=f"cast({stored(expression.column)} as bigint)",
            low=own.low,
            high=own.high,
            step=Fraction(repr(own.step)),
        )
    if isinstance(expression, Number):
        value = Fraction(expression.text)
        whole = value.numerator
        step = Fraction(1, value.denominator)
        return WorkedOut(sql=f"({whole})", low=whole, high=whole, step=step)
    left, right = (worked_out(each, grid, stored) for each in (expression.left, expression.right))
    return _product(left, right) if expression.sign == "*" else _sum(left, right, expression.sign)


def columns_of(expression: Expression) -> Iterator[str]:
    """Columns that an expression uses."""
    if isinstance(expression, Of):
        yield expression.column
    elif isinstance(expression, Combined):
        yield from columns_of(expression.left)
        yield from columns_of(expression.right)


def name_of(expression: Expression) -> str:
    """A column name for an expression: `hours_minus_wait`."""
    if isinstance(expression, Of):
        return expression.column.replace(".", "_")
    if isinstance(expression, Number):
        return "".join(c if c.isalnum() else "_" for c in expression.text.replace("-", "minus"))
    word = {"+": "plus", "-": "minus", "*": "times"}[expression.sign]
    return f"{name_of(expression.left)}_{word}_{name_of(expression.right)}"


def _product(left: WorkedOut, right: WorkedOut) -> WorkedOut:
    ends = [one * other for one in (left.low, left.high) for other in (right.low, right.high)]
    return WorkedOut(
        sql=f"({left.sql} * {right.sql})",
        low=min(ends),
        high=max(ends),
        step=left.step * right.step,
    )


def _sum(left: WorkedOut, right: WorkedOut, sign: Literal["+", "-"]) -> WorkedOut:
    one, other = left.step, right.step
    step = Fraction(
        gcd(one.numerator * other.denominator, other.numerator * one.denominator),
        one.denominator * other.denominator,
    )
    times, factor = int(one / step), int(other / step)
    low, high = (right.low, right.high) if sign == "+" else (-right.high, -right.low)
    return WorkedOut(
        sql=f"({left.sql} * {times} {sign} {right.sql} * {factor})",
        low=left.low * times + low * factor,
        high=left.high * times + high * factor,
        step=step,
    )
