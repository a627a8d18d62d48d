"""The profile of the records: banded, rounded, and no small number of people in it."""

import json
import re
from collections import Counter

from sandbox.inquiries import profile
from sandbox.use_case_files import load


def counts(**sizes: int) -> Counter:
    return Counter({("records", name.removeprefix("n")): n for name, n in sizes.items()})


def test_half_of_the_people_have_at_most_the_median_number_of_records() -> None:
    assert profile.quantile({1: 5, 2: 4, 9: 1}, 0.5) == 1
    assert profile.quantile({1: 5, 2: 4, 9: 1}, 0.95) == 9
    assert profile.quantile({}, 0.5) is None


def test_no_small_number_of_people_is_in_a_profile() -> None:
    case = load("serious-violence").value()
    found = counts(n1=700, n2=3) + Counter(
        {("rows", ""): 706, ("filled", "age"): 700, ("subject", "victim"): 7}
    )
    said = json.dumps(profile.described(case, found))
    assert "under 10" in said
    assert not re.search(r"\b7\b", said)
    assert '"band": "100 to 1,000"' in said


def test_parts_in_events_come_from_the_columns_categories() -> None:
    case = load("serious-violence").value()
    parts = dict(profile.parts(case))
    assert set(parts) == {"suspect", "convicted", "victim", "witness"}
    assert parts["victim"] == ["prior_victim"]


def test_facts_are_told_apart_by_what_columns_say_of_themselves() -> None:
    kinds = profile.kinds(load("serious-violence").value())
    assert "intelligence" in kinds["facts"]
    assert kinds["assessments"] == "none stated"
