"""SQL steps that draw SYNTHETIC people and the forces that know them; one step, one table.

A *human* is counted from 0; a *record* is what one force knows of a human: 4 × human + copy.
"""

from sandbox.demo.draws import draw, happens, heavy, pick, slot, whole
from sandbox.demo.forces import AS_OF, FORCES, per_force
from sandbox.demo.lists import AREAS_PER_FORCE, ETHNICITIES
from sandbox.demo.truth import HISTORY_DAYS, SEARCH_WEIGHT, SHARED_PER_MILLE, THIRD_PER_MILLE

_LAST = len(FORCES) - 1

SEARCHES_PER_MILLE = 84
"""Scale of the number of searches of a person of weight 100."""


def by_force(values: list[int], force: str = "force_no") -> str:
    """A whole number per force, looked up by its position."""
    return f"({values}::INTEGER[])[{force} + 1]"


def human_sql(seed: int, people: int) -> str:
    """People with what all forces agree on, their home force and how many more know them."""
    drawn = (
        f"SELECT i AS human, {draw(seed, 'human', 'i')} AS d, {draw(seed, 'traits', 'i')} AS e, "
        f"{draw(seed, 'origin', 'i')} AS f FROM range({int(people)}) AS counter(i)"
    )
    # Bands of unequal weight: young adults meet the police more often.
    age = (
        f"CASE WHEN {slot('d', 1)} < 90 THEN 10 + {whole('e', 0, 8)} "
        f"WHEN {slot('d', 1)} < 300 THEN 18 + {whole('e', 0, 7)} "
        f"WHEN {slot('d', 1)} < 550 THEN 25 + {whole('e', 0, 10)} "
        f"WHEN {slot('d', 1)} < 800 THEN 35 + {whole('e', 0, 15)} "
        f"ELSE 50 + {whole('e', 0, 41)} END"
    )
    copies = f"""CASE WHEN NOT {happens("d", 2, SHARED_PER_MILLE)} THEN 1
        WHEN {happens("e", 3, THIRD_PER_MILLE)} THEN 3 ELSE 2 END"""
    return f"""
        WITH drawn AS (SELECT *, {age} AS age FROM ({drawn}))
        SELECT human, home.number AS home, age, {copies} AS copies,
          make_date({AS_OF.year - 1} - age, 1, 1) + {whole("f", 1, 365)} AS birth_date,
          CASE WHEN {happens("e", 1, 620)} THEN 'male' ELSE 'female' END AS sex,
          ethnicity.number AS ethnicity,
          CASE WHEN home.number < {_LAST} AND {happens("e", 2, 300)} THEN {_LAST - 1} - home.number
            ELSE {whole("d", 3, _LAST)} END AS hop
        FROM drawn
        {pick("home", "-1", slot("d", 0))}
        {pick("ethnicity", "home.number", slot("f", 0))}
        """


def record_sql(seed: int) -> str:
    """One row per human and force, with what that force knows and how many events it holds."""
    force = f"(home + CASE copy WHEN 0 THEN 0 WHEN 1 THEN 1 + hop ELSE 1 + (hop + 3) % {_LAST} END)"
    known = f"""
        SELECT *, {force} % {len(FORCES)} AS force_no, 4 * human + copy AS record
        FROM (SELECT *, unnest(range(copies))::INTEGER AS copy FROM human)
        """
    drawn = f"""
        SELECT *, {draw(seed, "record", "record")} AS d, {draw(seed, "activity", "record")} AS e,
          {draw(seed, "conduct", "record")} AS f, {draw(seed, "missing", "record")} AS m
        FROM known
        """
    area = f"{AREAS_PER_FORCE} * drawn.force_no + area.number"
    spread = f"(({area}) * 7) % 8 + 1 + {whole('d', 2, 3)}"
    return f"""
        WITH known AS ({known}), drawn AS ({drawn})
        SELECT human, copy, record, drawn.force_no, age, birth_date, sex AS true_sex, ethnicity,
          CASE WHEN {_there("m", 0, "sex")} THEN sex END AS sex,
          CASE WHEN {_there("m", 1, "ethnicity")} THEN ethnicity END AS known_ethnicity,
          CASE WHEN {_there("m", 2, "deprivation")} THEN {spread} END AS deprivation,
          CASE WHEN {_there("m", 3, "employment")} THEN {_employment()} END AS employment,
          {happens("f", 1, "CASE WHEN age < 18 THEN 300 ELSE 110 END")} AS vulnerable,
          {happens("d", 3, 4)} AS protected_record,
          {area} AS area_no, {slot("d", 1)} AS favourite,
          {_span()} AS span,
          {_suspected()} AS n_suspect, {heavy("e", 1, 120, 100)} AS n_other,
          {heavy("e", 2, 110, 60)} AS n_intelligence, {_searches()} AS n_search,
          {whole("f", 3, 3)} = 0 AS continues
        FROM drawn
        {pick("area", "drawn.force_no", slot("d", 0))}
        """


def activity_sql() -> str:
    """Records with victims' rows, later crimes, and the place of their crimes in one count."""
    later = "n_suspect // 4 + (n_suspect > 0 AND continues)::INTEGER"
    return f"""
        SELECT *, n_other + (n_suspect = 0)::INTEGER AS n_victim, {later} AS n_later,
          (sum(n_suspect) OVER (ORDER BY force_no, record) - n_suspect)::BIGINT AS first_crime
        FROM record
        """


def force_count_sql() -> str:
    """First crime with a suspect, and how many there are, for each force."""
    return """
        SELECT force_no, min(first_crime) AS first_crime, sum(n_suspect)::BIGINT AS crimes
        FROM activity GROUP BY force_no
        """


def _there(bits: str, index: int, column: str) -> str:
    return f"NOT {happens(bits, index, by_force(per_force(column), 'drawn.force_no'))}"


def _employment() -> str:
    """Position in `EMPLOYMENT`; children are in education."""
    at = slot("f", 2)
    return f"""CASE WHEN age < 17 THEN 2 WHEN age > 66 THEN 3
        WHEN {at} < 480 THEN 0 WHEN {at} < 750 THEN 1 WHEN {at} < 830 THEN 2 ELSE 3 END"""


def _span() -> str:
    """Days of history: nobody is a suspect before their tenth birthday."""
    tenth = "(birth_date + INTERVAL 10 YEAR)::DATE"
    return f"greatest(1, least({HISTORY_DAYS}, DATE '{AS_OF}' - {tenth}))::INTEGER"


def _suspected() -> str:
    scale = """CASE WHEN age < 18 THEN 250 WHEN age < 25 THEN 400 WHEN age < 35 THEN 350
        WHEN age < 50 THEN 260 ELSE 140 END"""
    return f"CASE WHEN {happens('e', 3, 600)} THEN 1 + {heavy('e', 0, scale, 250)} ELSE 0 END"


def _searches() -> str:
    weights = [SEARCH_WEIGHT[label] for label in ETHNICITIES]
    scale = f"{SEARCHES_PER_MILLE} * {by_force(weights, 'ethnicity')} // 100"
    youth = f"({scale}) * CASE WHEN age < 35 THEN 14 ELSE 7 END // 10"
    return heavy("f", 0, f"({youth})", 60)
