"""What free text reveals is counted by kind, and never quoted."""

import duckdb
import pytest

from minimisation.forces.scan import PATTERNS, scan

TEXTS = {
    "Uses 07700 900123 at night": "phone number",
    "call +44 7700 900123": "phone number",
    "wrote from zeb@example.org": "e-mail address",
    "Gave QQ123456C": "national insurance number",
    "ni qq 12 34 56 c": "national insurance number",
    "lives near XA1 2BC": "postcode",
    "was diagnosed last year": "health",
    "seen outside the mosque": "religion or belief",
    "an Asian male": "race or ethnic origin",
    "says he is gay": "sexual life or orientation",
    "is a trade unionist": "politics or trade union",
    "DOB unknown": "date of birth",
}


@pytest.mark.parametrize("text", TEXTS)
def test_each_kind_is_counted_where_it_occurs(text: str) -> None:
    with duckdb.connect() as connection:
        connection.execute("create table t as select ? as words union all select null", [text])
        found = scan(connection, "t", "words", None)
    assert found.rows == 1
    assert found.kinds == {TEXTS[text]: 1}
    assert text not in repr(found)


def test_every_kind_has_a_text_that_shows_it() -> None:
    assert set(TEXTS.values()) == set(PATTERNS)


def test_names_of_people_on_record_are_found_as_whole_words() -> None:
    texts = [
        "With ZEBEDIAH Testerby.",
        "With Zebediahs.",
        "Li was there",
        "nobody",
        "O'Dd-Syn came",
    ]
    with duckdb.connect() as connection:
        connection.execute("create table t as select unnest(?) as words", [texts])
        connection.execute(
            "create table p as select unnest(['Zebediah', 'Li', 'O''dd-syn']) as name"
        )
        found = scan(connection, "t", "words", "from p")
    assert found.kinds == {"name of a person on record": 2}


def test_harmless_text_is_not_counted() -> None:
    with duckdb.connect() as connection:
        connection.execute("create table t as select 'A red car drove by at 21:30.' as words")
        assert scan(connection, "t", "words", None).kinds == {}
