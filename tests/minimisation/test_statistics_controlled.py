"""Tables under disclosure control: known answers by hand, and what may not be asked for."""

import duckdb
import numpy as np
import pytest

from minimisation import Categories, Column, UseCaseError
from minimisation.statistics.audit import Invented, Row
from minimisation.statistics.catalogue import StoredTable
from minimisation.statistics.disclosure import controlled
from minimisation.statistics.disclosure.controlled import Control, Method
from minimisation.statistics.noise import Reals
from minimisation.statistics.planner import Allowance, Form, QueryPlan, choose
from minimisation.statistics.text_form import parse

SECRET = b"s" * 32
TABLE = StoredTable(
    name="custody",
    columns=(
        Column(name="area", role="other", domain=Categories(values=("n", "s", "w"))),
        Column(name="sex", role="other", domain=Categories(values=("f", "m"))),
    ),
)


def planned(text: str, form: Form = "ad_hoc") -> QueryPlan:
    return choose(parse(text, "custody"), TABLE, Allowance(), form)


def released(
    method: Method, text: str, sizes: tuple[int, ...] = (12, 3, 0), secret: bytes = SECRET
) -> Reals:
    """A table of SYNTHETIC people with two rows each, so many in each area."""
    owner = np.repeat(range(len(sizes)), sizes)
    people: dict[int, list[Row]] = {
        number: [{"area": int(area), "sex": number % 2}] * 2 for number, area in enumerate(owner, 1)
    }
    with duckdb.connect() as connection:
        Invented(table=TABLE, people=people, referred={}).store(connection, "custody")
        return Control(method=method).apply(planned(text), connection, secret)


def test_rounding_counts_people_or_rows_and_rounds_to_fives() -> None:
    assert released("rounding", "persons by area").tolist() == [10, 5, 0]
    assert released("rounding", "rows by area").tolist() == [25, 5, 0]
    assert released("rounding", "persons").tolist() == [15]


def test_suppression_leaves_out_what_is_small_and_what_would_give_it_back() -> None:
    found = released("suppression", "persons by area", (40, 30, 3))
    assert np.isnan(found[2])
    assert np.isnan(found).sum() == 2, "with the total known, one alone would be known"
    assert released("suppression", "persons", (40, 30, 30)).tolist() == [100]


def test_cell_keys_change_counts_alike_whenever_they_are_asked() -> None:
    first = released("cell-keys", "persons by area", (40, 30, 20))
    assert np.array_equal(first, released("cell-keys", "persons by area", (40, 30, 20)))
    assert np.abs(first - [40, 30, 20]).max() <= 5
    others = [
        released("cell-keys", "persons by area", (40, 30, 20), bytes([n]) * 32) for n in range(8)
    ]
    assert not all(np.array_equal(first, other) for other in others)


def test_the_same_people_are_changed_alike_however_they_are_asked_for() -> None:
    whole = released("cell-keys", "persons by area")
    part = released("cell-keys", "persons by area where area in ('n', 's')")
    assert whole[:2].tolist() == part[:2].tolist()


@pytest.mark.parametrize("text", ["rows, persons", "persons by area, sex"])
def test_only_a_table_of_counts_of_a_size_that_can_be_checked_is_taken(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(controlled, "MOST_SUPPRESSED", 5)
    with pytest.raises(UseCaseError, match="must"):
        Control(method="suppression").check(planned(text))


def test_a_bounded_form_is_refused_because_it_leaves_people_out() -> None:
    Control(method="rounding").check(planned("rows by area"))
    with pytest.raises(UseCaseError, match="ad hoc"):
        Control(method="rounding").check(planned("rows by area", "prefix"))
