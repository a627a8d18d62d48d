"""SQL steps that count each SYNTHETIC person's features and draw the planted label from them."""

from collections.abc import Mapping

from sandbox.demo.draws import draw, happens, whole
from sandbox.demo.forces import AS_OF
from sandbox.demo.lists import EMPLOYMENT, ETHNICITIES, OFFENCES, RISK_MARKERS, THEMES
from sandbox.demo.truth import (
    INTERCEPT,
    PLANTED,
    REVIEW_HIGH_PER_MILLE,
    REVIEWED_PER_MILLE,
    WINDOW_MONTHS,
    Planted,
)

_DAY = f"DATE '{AS_OF}'"
_SINCE = f"({_DAY} - INTERVAL {WINDOW_MONTHS} MONTH)::DATE"
_MILLION = 1_000_000

_CODED: Mapping[str, tuple[str, ...]] = {"ethnicity": ETHNICITIES, "employment": EMPLOYMENT}
"""Categories that the record holds as a position in a list."""
_STORED: Mapping[str, str] = {
    "ethnicity": "known_ethnicity",
    "vulnerable": "CASE WHEN vulnerable THEN 'yes' ELSE 'no' END",
}
"""Where a record holds a feature under another name."""


def suspect_counts_sql() -> str:
    """Events per record as a suspect, in the window before the as-of date."""
    offences = {
        "prior_violence": _offences("violence", "serious violence"),
        "prior_weapon": f"offence = {_offence('possession of a weapon')}",
        "prior_acquisitive": _offences("acquisitive"),
        "prior_drugs": _offences("drugs"),
        "prior_public_order": _offences("public order"),
    }
    conditions = {name: f"{_inside('recorded_on')} AND {test}" for name, test in offences.items()}
    conditions |= {
        "prior_convictions": _inside("convicted_on"),
        "prior_arrests": f"arrested AND {_inside('involved_on')}",
        "prior_custody": _inside("custody_on"),
        "custody_risk": f"{_inside('custody_on')} AND marker = {RISK_MARKERS.index('violence')}",
    }
    return _counts("suspected", conditions)


def other_counts_sql() -> str:
    """Events per record as a victim or witness."""
    inside = _inside("involved_on")
    roles = {"prior_victim": "victim", "prior_witness": "witness"}
    return _counts("involved", {n: f"{inside} AND role = '{r}'" for n, r in roles.items()})


def intelligence_counts_sql() -> str:
    """Facts known about each record, all and about weapons."""
    facts = f"{_inside('recorded_on')} AND fact"
    weapons = f"{facts} AND theme = {THEMES.index('weapons')}"
    return _counts("intelligence", {"intelligence_reports": facts, "intelligence_weapons": weapons})


def search_counts_sql() -> str:
    """Searches of each record."""
    return _counts("search", {"stops": "true"})


def log_odds_sql() -> str:
    """Log-odds of the label per record, in whole millionths: no float, so no order of adding."""
    total = " + ".join([str(_millionths(INTERCEPT)), *(_part(feature) for feature in PLANTED)])
    return f"""
        SELECT record, force_no, {total} AS log_odds
        FROM activity
        LEFT JOIN suspect_counts USING (record) LEFT JOIN other_counts USING (record)
        LEFT JOIN intelligence_counts USING (record) LEFT JOIN search_counts USING (record)
        """


def label_sql(seed: int) -> str:
    """The label of each record, drawn with 32 bits, and what a later review said."""
    chance = "(4294967296 / (1 + exp(-log_odds / 1000000.0)))::BIGINT"
    drawn = f"""
        SELECT record, log_odds, ({draw(seed, "label", "record")} & 4294967295) < {chance} AS label,
          {draw(seed, "review", "record")} AS d
        FROM log_odds
        """
    return f"""
        SELECT record, log_odds, label,
          CASE WHEN {happens("d", 0, _by_label(REVIEWED_PER_MILLE))}
            THEN {_DAY} + 30 + {whole("d", 1, 600)} END AS reviewed_on,
          CASE WHEN {happens("d", 2, _by_label(REVIEW_HIGH_PER_MILLE))} THEN 'high'
            WHEN {happens("d", 3, 400)} THEN 'medium' ELSE 'low' END AS review_result,
          CASE WHEN label THEN 1 + ({whole("d", 3, 4)} = 0)::INTEGER ELSE 0 END AS n_label
        FROM ({drawn})
        """


def labelled_sql() -> str:
    """Activity with the number of crimes that make the label true."""
    return """SELECT activity.*, log_odds, label, reviewed_on, review_result, n_label
        FROM activity JOIN label USING (record)"""


def auc_sql() -> str:
    """AUC of the planted probabilities for the drawn label: counted in whole pairs."""
    return """
        WITH per_value AS (
          SELECT log_odds, count(*) FILTER (label) AS yes, count(*) FILTER (NOT label) AS no
          FROM label GROUP BY log_odds
        ), ranked AS (
          SELECT yes, no, sum(no) OVER (ORDER BY log_odds) - no AS below FROM per_value
        )
        SELECT sum(yes * (2 * below + no)) / (2 * sum(yes) * sum(no)) FROM ranked
        """


def _inside(date: str) -> str:
    return f"{date} >= {_SINCE} AND {date} < {_DAY}"


def _offence(name: str) -> int:
    return [offence for offence, _ in OFFENCES].index(name)


def _offences(*severities: str) -> str:
    chosen = [str(n) for n, (_, severity) in enumerate(OFFENCES) if severity in severities]
    return f"offence IN ({', '.join(chosen)})"


def _counts(table: str, conditions: Mapping[str, str]) -> str:
    columns = [f"count(*) FILTER ({test}) AS {name}" for name, test in conditions.items()]
    return f"SELECT record, {', '.join(columns)} FROM {table} GROUP BY record"


def _millionths(weight: float) -> int:
    return round(weight * _MILLION)


def _part(feature: Planted) -> str:
    """A feature's contribution to the log-odds, in whole millionths."""
    value = _STORED.get(feature.name, feature.name)
    if feature.high:
        return _scaled(feature, value)
    cases = [
        f"WHEN {value} = {_stored_label(feature, label)} THEN {_millionths(weight)}"
        for label, weight in feature.weights.items()
        if label != "missing"
    ]
    if "missing" in feature.weights:
        cases.append(f"WHEN {value} IS NULL THEN {_millionths(feature.weights['missing'])}")
    return f"CASE {' '.join(cases)} ELSE 0 END" if cases else "0"


def _scaled(feature: Planted, value: str) -> str:
    low, high, weight = feature.low, feature.high, _millionths(feature.weight)
    if not feature.optional:
        value = f"coalesce({value}, 0)"
    share = f"{weight} * (least(greatest({value}, {low}), {high}) - {low}) // {high - low}"
    if not feature.optional:
        return f"({share})"
    absent = _millionths(feature.weights.get("missing", 0.0))
    return f"CASE WHEN {value} IS NULL THEN {absent} ELSE {share} END"


def _stored_label(feature: Planted, label: str) -> str:
    labels = _CODED.get(feature.name)
    return str(labels.index(label)) if labels else f"'{label}'"


def _by_label(rates: Mapping[str, int]) -> str:
    return f"CASE WHEN label THEN {rates['label']} ELSE {rates['no label']} END"
