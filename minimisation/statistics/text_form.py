"""The readable form of a private query, and its one parser.

    rows, persons, mean(age, 18, 65) by offence, month where sex = 'male' and age >= 18

Parsed by sqlglot into a syntax tree, of which only the few forms named here are read; anything
else is refused. The text is the analyst's own, so messages may quote it.
"""

from itertools import pairwise
from typing import Any, ClassVar

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError
from sqlglot.parser import Parser as SqlParser
from sqlglot.tokenizer_core import Token, TokenType

from minimisation.contract.errors import UseCaseError
from minimisation.statistics.predicates import Between, In, Missing, Predicate
from minimisation.statistics.query import Measure, Query

FORM = "rows, mean(age) by offence where sex = 'male'"
"""Shown in every refusal."""

_OPEN, _CLOSE = TokenType.L_PAREN, TokenType.R_PAREN


class _Plain(Dialect):
    """SQL in which no function is known, so that every call is read as name and arguments."""

    class Parser(SqlParser):
        FUNCTIONS: ClassVar[dict[str, Any]] = {}
        FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {}
        NO_PAREN_FUNCTIONS: ClassVar[dict[Any, Any]] = {}
        NO_PAREN_FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {}


def parse(text: str, table: str) -> Query:
    """Read a query.

    Args:
        text: figures, then optionally `by` keys, then optionally `where` conditions.
        table: table it starts from.

    Raises:
        UseCaseError: quoting what could not be read.
    """
    figures, keys, conditions = _clauses(text)
    try:
        return Query(
            table=table,
            measures=tuple(_measure(node) for node in _list(figures)),
            by=tuple(_column(node) for node in _list(keys)) if keys else (),
            population=tuple(_predicates(_condition(conditions))) if conditions else (),
        )
    except ValueError as error:
        raise UseCaseError(f"query: {error}") from None


def _clauses(text: str) -> tuple[str, str, str]:
    """Text of the figures, the keys and the conditions."""
    cuts = {"by": -1, "where": -1}
    depth = 0
    tokens = _tokens(text)
    for token in tokens:
        depth += (token.token_type is _OPEN) - (token.token_type is _CLOSE)
        word = token.text.lower() if token.token_type is not TokenType.STRING else ""
        if depth == 0 and word in cuts:
            if cuts[word] >= 0:
                raise _refusal(word, "appears twice")
            cuts[word] = token.start
    ends = sorted(place for place in cuts.values() if place >= 0)
    if cuts["where"] >= 0 and cuts["by"] > cuts["where"]:
        raise _refusal(text, "`by` must come before `where`")
    pieces = [text[a:b] for a, b in pairwise([0, *ends, len(text)])]
    by = pieces[1][len("by") :] if cuts["by"] >= 0 else ""
    where = pieces[-1][len("where") :] if cuts["where"] >= 0 else ""
    return pieces[0], by, where


def _tokens(text: str) -> list[Token]:
    try:
        return list(_Plain().tokenize(text))
    except SqlglotError:
        raise _refusal(text, "cannot be read") from None


def _select(text: str) -> exp.Select:
    """A select statement that has nothing but what its text was meant to hold."""
    try:
        trees = _Plain().parse(f"select {text}")
    except SqlglotError:
        raise _refusal(text, "cannot be read") from None
    if len(trees) != 1 or not isinstance(trees[0], exp.Select):
        raise _refusal(text, "cannot be read")
    return trees[0]


def _list(text: str) -> list[exp.Expression]:
    tree = _select(text)
    if any(value for name, value in tree.args.items() if name != "expressions"):
        raise _refusal(text, "must be a plain list")
    return list(tree.expressions)


def _condition(text: str) -> exp.Expression:
    tree = _select(f"x where {text}")
    rest = {name for name, value in tree.args.items() if value} - {"expressions", "where"}
    if rest or len(tree.expressions) != 1:
        raise _refusal(text, "must be a plain condition")
    condition: exp.Expression = tree.args["where"].this
    return condition


def _measure(node: exp.Expression) -> Measure:
    if isinstance(node, exp.Column):
        return Measure(kind=_column(node))  # type: ignore[arg-type]  # Measure checks the word
    if not isinstance(node, exp.Anonymous):
        raise _refusal(node.sql(), "is no figure")
    column, *bounds = node.expressions or [exp.Null()]
    if len(bounds) not in (0, 2):
        raise _refusal(node.sql(), "takes a column, or a column and two bounds")
    low, high = [_number(each) for each in bounds] or (None, None)
    kind = node.name.lower()
    return Measure(kind=kind, column=_column(column), low=low, high=high)  # type: ignore[arg-type]


def _predicates(node: exp.Expression) -> list[Predicate]:
    while isinstance(node, exp.Paren):
        node = node.this
    if isinstance(node, exp.And):
        return [*_predicates(node.this), *_predicates(node.expression)]
    return [_predicate(node)]


def _predicate(node: exp.Expression) -> Predicate:
    read = _label_predicate(node) or _interval(node)
    if read is None:
        rule = "must be =, in, between, >=, <=, is null or is not null, joined by and"
        raise _refusal(node.sql(), rule)
    return read


def _label_predicate(node: exp.Expression) -> Predicate | None:
    if isinstance(node, exp.In) and node.expressions:
        return In(column=_column(node.this), labels=tuple(_text(e) for e in node.expressions))
    if isinstance(node, exp.EQ) and node.expression.is_string:
        return In(column=_column(node.this), labels=(_text(node.expression),))
    negated = isinstance(node, exp.Not)
    inner = node.this if negated else node
    if isinstance(inner, exp.Is) and isinstance(inner.expression, exp.Null):
        return Missing(column=_column(inner.this), negated=negated)
    return None


def _interval(node: exp.Expression) -> Predicate | None:
    if isinstance(node, exp.Between):
        low, high = _number(node.args["low"]), _number(node.args["high"])
        return Between(column=_column(node.this), low=low, high=high)
    if not isinstance(node, exp.EQ | exp.GTE | exp.LTE):
        return None
    end = _number(node.expression)
    return Between(
        column=_column(node.this),
        low=None if isinstance(node, exp.LTE) else end,
        high=None if isinstance(node, exp.GTE) else end,
    )


def _column(node: exp.Expression) -> str:
    if not isinstance(node, exp.Column) or node.args.get("db") or isinstance(node.this, exp.Star):
        raise _refusal(node.sql(), "must be a column")
    return f"{node.table}.{node.name}" if node.table else node.name


def _text(node: exp.Expression) -> str:
    if not (isinstance(node, exp.Literal) and node.is_string):
        raise _refusal(node.sql(), "must be a label in single quotes")
    return str(node.this)


def _number(node: exp.Expression) -> float:
    sign = 1.0
    if isinstance(node, exp.Neg):
        sign, node = -1.0, node.this
    if not isinstance(node, exp.Literal) or node.is_string:
        raise _refusal(node.sql(), "must be a number")
    return sign * float(node.this)


def _refusal(part: str, rule: str) -> UseCaseError:
    return UseCaseError(f"query: '{part.strip()}' {rule}; write it like: {FORM}")
