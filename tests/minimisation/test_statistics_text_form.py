"""The text of a query: what it says in types, and that anything else is refused."""

import pytest

from minimisation import UseCaseError
from minimisation.statistics.predicates import AnyOf, Between, In, Missing, Same
from minimisation.statistics.text_form import parse


def test_the_text_form_is_the_typed_query() -> None:
    query = parse(
        "rows, mean(age, 18, 65) by offence, month where sex = 'm' and age between 18 and 30"
        " and (area in ('x', 'y') and note is null) and depth <= -1.5",
        "custody",
    )
    assert [measure.name for measure in query.measures] == ["rows", "mean_age"]
    assert (query.measures[1].low, query.measures[1].high) == (18.0, 65.0)
    assert query.by == ("offence", "month")
    assert query.population == (
        In(column="sex", labels=("m",)),
        Between(column="age", low=18.0, high=30.0),
        In(column="area", labels=("x", "y")),
        Missing(column="note"),
        Between(column="depth", high=-1.5),
    )


def test_alternatives_and_comparisons_are_read() -> None:
    query = parse(
        "rows where (sex = 'm' and age >= 18 or home.area = area or x is null) and y = 'z'",
        "custody",
    )
    assert query.population == (
        AnyOf(
            alternatives=(
                (In(column="sex", labels=("m",)), Between(column="age", low=18.0)),
                (Same(column="home.area", other="area"),),
                (Missing(column="x"),),
            )
        ),
        In(column="y", labels=("z",)),
    )


def test_a_choice_without_alternatives_is_refused() -> None:
    one = In(column="sex", labels=("m",))
    for alternatives in ((), ((one,),), ((one,), ())):
        with pytest.raises(ValueError, match="at least 2"):
            AnyOf(alternatives=alternatives)


REFUSED = [
    "",
    "*",
    "count(*)",
    "max(age)",
    "min(age)",
    "first(age)",
    "any_value(age)",
    "mode(age)",
    "quantile(age)",
    "avg(age)",
    "mean(age / 2)",
    "mean(age % 2)",
    "mean(age // 2)",
    "mean(1 + 1)",
    "mean(age + max(age))",
    "mean(cast(age as integer))",
    "mean(age + 'x')",
    "mean(age, 1)",
    "mean(age, 1, age)",
    "quantile(age, 1)",
    "quantile(age, 0)",
    "quantile(age, 0.1, 0.2)",
    "median(age, 0.1)",
    "histogram(age, 1, 2)",
    "mean(distinct age)",
    "mean(age order by age)",
    "mean(age) over ()",
    "mean(age) filter (where x = 1)",
    "rows as persons",
    "rows; drop table custody",
    "rows limit 1",
    "rows by",
    "rows by a where ",
    "rows union select 1",
    "rows by a by b",
    "rows where a = 'x' by b",
    "rows where a",
    "rows where 1//0 = 1",
    "rows where error('x')",
    "rows where cast(a as integer) = 1",
    "rows where a = 'x' or b",
    "rows where not (a = 'x' or b = 'y')",
    "rows where a = b + 1",
    "rows where not a = 'x'",
    "rows where a in (select 1)",
    "rows where a = 1/0",
    "rows where 'by' = a",
    "rows where a like '%x'",
    "rows where x.y.z = 1",
    "rows where a = 'x' limit 1",
    "rows by (select 1)",
    "rows by 'a",
    "rows, rows",
]


@pytest.mark.parametrize("text", REFUSED)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UseCaseError, match="query"):
        parse(text, "custody")
