"""SQL steps that draw SYNTHETIC intelligence and searches; one step, one table."""

from sandbox.demo.draws import draw, happens, whole
from sandbox.demo.forces import AS_OF, per_force
from sandbox.demo.lists import ETHNICITIES, OBJECTS, OUTCOMES, PLACES, THEMES
from sandbox.demo.people import by_force
from sandbox.demo.truth import FOUND_RATE, HISTORY_DAYS

QUARTER_DAYS = 92
"""Searches are a quarter's extract: 2023-10-01 to 2023-12-31."""

PROTECTED_PER_MILLE = 40
"""Assessments whose handling code forbids ingestion."""

PHONE_PER_MILLE, INSURANCE_PER_MILLE, NAME_PER_MILLE = 150, 50, 200
"""Intelligence texts that carry an invented phone number, insurance number or name."""


def intelligence_sql(seed: int) -> str:
    """Intelligence about a person, with numbers for labels and for the parts of the text.

    Facts never carry a handling code that forbids ingestion: what a source says is an assessment,
    so counts of facts are the same before and after such records are refused.
    """
    exploded = """SELECT record, force_no, unnest(range(n_intelligence))::INTEGER AS place
        FROM activity WHERE n_intelligence > 0"""
    hashed = f"""
        SELECT *, {draw(seed, "intelligence", "record * 512 + place")} AS d,
          {draw(seed, "text", "record * 512 + place")} AS e,
          {draw(seed, "planted text", "record * 512 + place")} AS f
        FROM ({exploded})
        """
    fact = happens("d", 1, 450)
    return f"""
        SELECT record, place, force_no,
          DATE '{AS_OF}' - {HISTORY_DAYS} + {whole("d", 0, HISTORY_DAYS + 365)} AS recorded_on,
          {fact} AS fact, {whole("d", 2, len(THEMES))} AS theme,
          NOT {fact} AND {happens("d", 3, PROTECTED_PER_MILLE)} AS protected_record,
          {whole("e", 0, 4)} AS opening, {whole("e", 1, len(PLACES))} AS at_place,
          {happens("f", 0, PHONE_PER_MILLE)} AS phone,
          {happens("f", 1, INSURANCE_PER_MILLE)} AS insurance,
          {happens("f", 2, NAME_PER_MILLE)} AS named,
          {whole("e", 2, 1000)} AS digits, {whole("e", 3, 1000)} AS digits_2
        FROM ({hashed})
        """


def search_sql(seed: int) -> str:
    """Searches in the last quarter before the as-of date; more of some groups, finding less."""
    exploded = """SELECT record, force_no, age, true_sex, ethnicity, area_no,
          unnest(range(n_search))::INTEGER AS place
        FROM activity WHERE n_search > 0"""
    hashed = f"""
        SELECT *, {draw(seed, "search", "record * 512 + place")} AS d,
          {draw(seed, "search result", "record * 512 + place")} AS e
        FROM ({exploded})
        """
    rates = [FOUND_RATE[label] for label in ETHNICITIES]
    unsaid = by_force(per_force("search"))
    return f"""
        SELECT record, place, force_no, area_no, age,
          DATE '{AS_OF}' - {QUARTER_DAYS} + {whole("d", 0, QUARTER_DAYS)} AS searched_on,
          CASE WHEN NOT {happens("d", 1, unsaid)} THEN true_sex END AS sex,
          NOT {happens("d", 2, unsaid)} AS age_known,
          CASE WHEN NOT {happens("d", 3, unsaid)} THEN ethnicity END AS ethnicity,
          {happens("e", 0, by_force(rates, "ethnicity"))} AS found,
          {whole("e", 1, len(OBJECTS))} AS object, {whole("e", 2, len(OUTCOMES))} AS outcome
        FROM ({hashed})
        """
