"""The readable form of a private query, and its one parser.

    rows, persons, mean(age, 18, 65) by offence, month where sex = 'male' and age >= 18
    histogram(age), median(age), quantile(age, 0.9), sum(hours - wait * 0.5, 0, 24) by offence
    persons by unknown(street) where sex = 'male'

Parsed by sqlglot into a syntax tree, of which only the few forms named here are read; anything
else is refused. The text is the analyst's own, so messages may quote it.
"""

from itertools import pairwise
from typing import Any, ClassVar, Literal, TypeAlias

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError
from sqlglot.parser import Parser as SqlParser
from sqlglot.tokenizer_core import Token, TokenType

from minimisation.contract.errors import UseCaseError
from minimisation.statistics import arithmetic
from minimisation.statistics.arithmetic import Expression
from minimisation.statistics.predicates import AnyOf, Between, In, Missing, Predicate, Same
from minimisation.statistics.query import Measure, Query

FORM = "rows, mean(age) by offence where sex = 'male'"
"""Shown in every refusal."""

Derived: TypeAlias = dict[str, Expression]

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
    derived: dict[str, Expression] = {}
    by, unknown = _keys(_list(keys)) if keys else ((), "")
    try:
        return Query(
            table=table,
            measures=tuple(_measure(node, derived) for node in _list(figures)),
            by=by,
            population=(tuple(_predicates(_condition(conditions), derived)) if conditions else ()),
            derived=derived,
            unknown=unknown,
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
    for word, rest in (("by", by), ("where", where)):
        if cuts[word] >= 0 and not rest.strip():
            raise _refusal(word, "must be followed by something")
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


def _keys(nodes: list[exp.Expression]) -> tuple[tuple[str, ...], str]:
    """Declared group keys, and the one of open text."""
    unknown = [node for node in nodes if isinstance(node, exp.Anonymous)]
    for node in unknown:
        if node.name.lower() != "unknown" or len(node.expressions) != 1 or len(unknown) > 1:
            raise _refusal(node.sql(), "must be a column, or unknown(column) once")
    by = tuple(_column(node) for node in nodes if node not in unknown)
    return by, "".join(_column(node.expressions[0]) for node in unknown)


def _measure(node: exp.Expression, derived: Derived) -> Measure:
    if isinstance(node, exp.Column):
        return Measure(kind=_column(node))  # type: ignore[arg-type]  # Measure checks the word
    if not isinstance(node, exp.Anonymous):
        raise _refusal(node.sql(), "is no figure")
    first, *rest = node.expressions or [exp.Null()]
    numbers = [_number(each) for each in rest]
    kind, column = node.name.lower(), _operand(first, derived)
    if kind == "median" and not numbers:
        kind, numbers = "quantile", [0.5]
    if kind == "quantile" and len(numbers) == 1:
        return Measure(kind="quantile", column=column, level=numbers[0])
    if len(numbers) not in (0, 2) or kind == "quantile":
        rule = "takes a column, or a column and two bounds; a quantile a column and a share"
        raise _refusal(node.sql(), rule)
    low, high = numbers or (None, None)
    return Measure(kind=kind, column=column, low=low, high=high)  # type: ignore[arg-type]  # as above


def _operand(node: exp.Expression, derived: Derived) -> str:
    """A column, or the name of one that is worked out."""
    expression = _expression(node)
    if isinstance(expression, arithmetic.Of):
        return expression.column
    if not any(arithmetic.columns_of(expression)):
        raise _refusal(node.sql(), "must use a column")
    name = arithmetic.name_of(expression)
    if derived.setdefault(name, expression) != expression:
        raise _refusal(node.sql(), "is too much like another column")
    return name


def _expression(node: exp.Expression) -> Expression:
    while isinstance(node, exp.Paren):
        node = node.this
    signs: dict[type[exp.Expression], Literal["+", "-", "*"]]
    signs = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*"}
    if type(node) in signs:
        left, right = _expression(node.this), _expression(node.expression)
        return arithmetic.Combined(sign=signs[type(node)], left=left, right=right)
    if isinstance(node, exp.Neg | exp.Literal):
        _number(node)
        return arithmetic.Number(text=node.sql())
    return arithmetic.Of(column=_column(node))


def _predicates(node: exp.Expression, derived: Derived) -> list[Predicate]:
    while isinstance(node, exp.Paren):
        node = node.this
    if isinstance(node, exp.And):
        return [*_predicates(node.this, derived), *_predicates(node.expression, derived)]
    if isinstance(node, exp.Or):
        return [AnyOf(alternatives=tuple(_alternatives(node, derived)))]
    return [_predicate(node, derived)]


def _alternatives(node: exp.Expression, derived: Derived) -> list[tuple[Predicate, ...]]:
    if isinstance(node, exp.Or):
        return [*_alternatives(node.this, derived), *_alternatives(node.expression, derived)]
    return [tuple(_predicates(node, derived))]


def _predicate(node: exp.Expression, derived: Derived) -> Predicate:
    read = _label_predicate(node) or _interval(node, derived)
    if read is None:
        rule = "must be =, in, between, >=, <=, is null or is not null, joined by and, or"
        raise _refusal(node.sql(), rule)
    return read


def _label_predicate(node: exp.Expression) -> Predicate | None:
    if isinstance(node, exp.In) and node.expressions:
        return In(column=_column(node.this), labels=tuple(_text(e) for e in node.expressions))
    if isinstance(node, exp.EQ) and node.expression.is_string:
        return In(column=_column(node.this), labels=(_text(node.expression),))
    if isinstance(node, exp.EQ) and isinstance(node.expression, exp.Column):
        return Same(column=_column(node.this), other=_column(node.expression))
    negated = isinstance(node, exp.Not)
    inner = node.this if negated else node
    if isinstance(inner, exp.Is) and isinstance(inner.expression, exp.Null):
        return Missing(column=_column(inner.this), negated=negated)
    return None


def _interval(node: exp.Expression, derived: Derived) -> Predicate | None:
    if isinstance(node, exp.Between):
        low, high = _number(node.args["low"]), _number(node.args["high"])
        return Between(column=_operand(node.this, derived), low=low, high=high)
    if not isinstance(node, exp.EQ | exp.GTE | exp.LTE):
        return None
    end = _number(node.expression)
    return Between(
        column=_operand(node.this, derived),
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
