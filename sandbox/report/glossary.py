"""What each measure is called and means, in words for a reader without prior knowledge."""

from dataclasses import dataclass, replace

from sandbox.findings import COLUMN


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A measure in plain words."""

    title: str
    """Short name for headings, without a leading capital unless it is a proper name."""
    meaning: str
    """What it says and how to read it: one to three sentences."""
    share: bool = False
    """Whether it is a share, written as a percentage."""
    count: bool = False
    """Whether it is a count, written without needless decimals."""


ENTRIES = {
    "auc": Entry(
        title="ranking accuracy (AUC)",
        meaning="Take one person to whom the outcome happened and one to whom it did not: the "
        "chance that the first is ranked higher. 0.5 is guessing, 1 is perfect.",
    ),
    "brier": Entry(
        title="Brier score",
        meaning="Mean squared distance between the predicted chance and what happened. 0 is "
        "perfect; lower is better.",
    ),
    "calibration_error": Entry(
        title="calibration error",
        meaning="Mean distance between predicted chances and the rates that were then seen among "
        "people given such a chance. 0 is perfect.",
    ),
    "precision_top": Entry(
        title="precision at the top of the list",
        meaning="Of the people ranked highest, as many as an officer would review, the share to "
        "whom the outcome happened. Read it beside the base rate.",
        share=True,
    ),
    "recall_top": Entry(
        title="share found by the top of the list",
        meaning="Of all people to whom the outcome happened, the share who are among those ranked "
        "highest, as many as an officer would review. A list in random order finds the share of "
        "people that it holds.",
        share=True,
    ),
    "precision": Entry(
        title="precision",
        meaning="Of the people flagged, the share to whom the outcome happened.",
        share=True,
    ),
    "base_rate": Entry(
        title="base rate",
        meaning="Share of all people judged to whom the outcome happened.",
        share=True,
    ),
    "false_positive_rate": Entry(
        title="false positive rate",
        meaning="Of the people to whom the outcome did not happen, the share who were flagged.",
        share=True,
    ),
    "false_negative_rate": Entry(
        title="false negative rate",
        meaning="Of the people to whom the outcome happened, the share who were not flagged.",
        share=True,
    ),
    "true_positive_rate": Entry(
        title="true positive rate",
        meaning="Of the people to whom the outcome happened, the share who were flagged.",
        share=True,
    ),
    "flag_rate": Entry(
        title="share flagged", meaning="Share of all people who were flagged.", share=True
    ),
    "overprediction": Entry(
        title="predicted chance beyond what was seen",
        meaning="Mean predicted chance of a group minus the share to whom the outcome happened. "
        "Above 0 the group is made out to be more likely than it is.",
    ),
    "accuracy": Entry(
        title="accuracy",
        meaning="Share of people judged rightly. Read it beside the base rate: where an outcome "
        "is rare, flagging nobody is accurate and useless.",
        share=True,
    ),
    "total_variation": Entry(
        title="total variation distance",
        meaning="Share of all records that would have to move to another group to turn the "
        "released table into the true one. 0 is identical, 1 is wholly different.",
    ),
    "relative_error": Entry(
        title="relative error",
        meaning="Typical distance of a released figure from the true one, as a share of the true "
        "one. 0 is exact.",
        share=True,
    ),
    "relative_error_p90": Entry(
        title="relative error of the worst tenth",
        meaning="Nine figures in ten are at most this far from the true one, as a share of the "
        "true one; one in ten is further. 0 is exact.",
        share=True,
    ),
    "error_of_": Entry(
        title="error of",
        meaning="Mean distance of this figure from the true one, in its own unit, over groups "
        "large enough to judge. 0 is exact.",
    ),
    "group_count_error": Entry(
        title="error of a group's total",
        meaning="Distance of a protected group's released total from its true one, as a share of "
        "the true one. 0 is exact; 100% is a group that has vanished, or doubled.",
        share=True,
    ),
    "erased_groups": Entry(
        title="groups shown at under half",
        meaning="Protected groups that the release shows at under half of their true number. "
        "Anything but 0 is a failure: whoever reads the table takes these people for few.",
        count=True,
    ),
    "top_k_overlap": Entry(
        title="overlap of the largest groups",
        meaning="Of the groups that are truly largest, the share that the release also puts "
        "among the largest.",
        share=True,
    ),
    "interval_coverage": Entry(
        title="coverage of stated intervals",
        meaning="Share of groups whose true figure lies inside the interval that the release "
        "states. An honest 95% interval covers about 95%.",
        share=True,
    ),
    "membership_tpr_at_1_percent_fpr": Entry(
        title="membership attack at 1% false alarms",
        meaning="The share of the people in the data whom the membership attack names, while it "
        "wrongly names at most 1% of people who are not. Guessing reaches 1%. It shows an attack "
        "that is sure of a few people, which the figure for all people can hide.",
        share=True,
    ),
    "membership_tpr_at_0_1_percent_fpr": Entry(
        title="membership attack at 0.1% false alarms",
        meaning="The share of the people in the data whom the membership attack names, while it "
        "wrongly names at most one in a thousand people who are not. Guessing reaches 0.1%.",
        share=True,
    ),
    "singling_out": Entry(
        title="singling out",
        meaning="An attacker with nothing but the release writes descriptions that should fit one "
        "person alone. The risk is what the release adds to the luck of such descriptions, which "
        "are also tried on people who were not in the data.",
        share=True,
    ),
    "linkability": Entry(
        title="linkability",
        meaning="An attacker holds two files about the same people with no common key and uses the "
        "release to tell which two records belong to one person. The risk is what remains after "
        "taking off how well that works for people who were not in the data.",
        share=True,
    ),
    "attribute_inference": Entry(
        title="attribute inference",
        meaning="An attacker who knows all else about a person guesses a sensitive attribute from "
        "the release. The risk is what remains after taking off how well that works for people "
        "who were not in the data: what the release teaches about people in general is not "
        "counted.",
        share=True,
    ),
    "outside_match": Entry(
        title="matching an outside file",
        meaning="A motivated intruder with a file of names and some attributes takes the only "
        "released row that agrees with somebody's for that person's. Right if all else agrees too.",
        share=True,
    ),
    "copies": Entry(
        title="exact copies",
        meaning="Share of the people in the data of whose record a released row is an exact copy, "
        "read against the same share of people who were not in the data. Looked for over "
        "everybody, so that a model that memorised a few is found out.",
        share=True,
    ),
    "reconstruction": Entry(
        title="reconstruction",
        meaning="An attacker who knows everybody's groups finds the secrets that agree best with "
        "all released statistics. The risk is what remains after taking off how well the same "
        "guesses fit people who were not in the data.",
        share=True,
    ),
    "differencing": Entry(
        title="differencing",
        meaning="An attacker who sees the release before and after one known person came looks for "
        "the group that grew. The risk is what remains after taking off how often that is the "
        "group of somebody who did not come.",
        share=True,
    ),
    "averaging": Entry(
        title="averaging over releases",
        meaning="An attacker keeps every release about the same people and takes the mean: noise "
        "that is drawn anew each time falls away. The share of groups whose exact count comes out, "
        "beside the share that one release gives away.",
        share=True,
    ),
    "likelihood_ratio": Entry(
        title="likelihood ratio attack",
        meaning="An attacker fits many models to people who are not in the data and asks of each "
        "person whether the released model calls the outcome better than those do. Members are "
        "compared with similar people who were not in the data: 0.5 is guessing.",
    ),
    "shadow": Entry(
        title="shadow attack",
        meaning="An attacker has run the option many times on people known to them, each of whom "
        "was in about half of the runs, and learned what somebody's presence changes in what is "
        "released. The chance to be surer of who was in a run than of who was not: 0.5 is "
        "guessing. The runs are on fewer people than the release, so more shows of each.",
    ),
    "trajectory": Entry(
        title="attack on the model in training",
        meaning="As the shadow attack, by whoever sees the shared model in every round of a "
        "training instead of the released one alone. 0.5 is guessing.",
    ),
    "updates": Entry(
        title="attack on what forces send in training",
        meaning="As the shadow attack, by whoever keeps the training's server and sees what every "
        "force sends, or the total alone where there is a secure sum. 0.5 is guessing.",
    ),
    "inversion": Entry(
        title="records read from updates",
        meaning="Whoever keeps the training's server looks for the records that explain what a "
        "force of so many people sent. The part of the error of guessing the mean record that is "
        "gone: 0 is no better than the mean, 1 is every record told. Some of it is luck, as "
        "whoever was not in the training is met as well: the control.",
        share=True,
    ),
    "worst_attack": Entry(
        title="worst attack",
        meaning="The residual risk of the attack that surely found most, of all that were run: 0 "
        "if being in the data gave nothing away, 1 if it gave everything away.",
        share=True,
    ),
    "epsilon_lower_bound": Entry(
        title="audited lower bound on epsilon",
        meaning="The least privacy loss that would explain what the audit found, at 99% "
        "confidence. Above the claim it refutes the claim; below it proves nothing.",
    ),
    "epsilon_lower_bound_neighbours": Entry(
        title="audited lower bound on epsilon, on invented people",
        meaning="The same where the option is run again and again on invented people who "
        "contribute as much as one person may. Beside it: what the same audit finds of an option "
        "with eight times the epsilon, and the least violation that it would have found out.",
    ),
    "formal_k": Entry(
        title="smallest class (k)",
        meaning="Every released record is equal on its quasi-identifiers to at least this many, "
        "itself counted. It says nothing of what such a class gives away about its members.",
        count=True,
    ),
    "unique_records_shown": Entry(
        title="records of one person alone that are shown",
        meaning="Of the records that only one person in the data has, the share that the release "
        "shows as they are. Classes of k equal records do not prevent it: a table of such classes "
        "can show more of them than a plain sample of the raw rows.",
        share=True,
    ),
    "formal_l": Entry(
        title="fewest sensitive values in a class (l)",
        meaning="In every class of records that are equal on their quasi-identifiers, at least so "
        "many values of the sensitive attribute occur. 1 means that a class gives it away.",
        count=True,
    ),
    "formal_entropy_l": Entry(
        title="effective number of sensitive values in a class (entropy l)",
        meaning="As the fewest sensitive values in a class, but values that hardly occur count "
        "for little.",
    ),
    "formal_t": Entry(
        title="largest distance of a class from all (t)",
        meaning="How far the sensitive attribute of a class is at most distributed differently "
        "from all records: 0 is alike, 1 is wholly different.",
    ),
    "sample_uniqueness": Entry(
        title="records alone in the release",
        meaning="Share of released records that no other released record equals on the "
        "quasi-identifiers.",
        share=True,
    ),
    "population_uniqueness": Entry(
        title="records that fit one person alone",
        meaning="Share of released records that fit exactly one person whom the force holds.",
        share=True,
    ),
    "population_risk": Entry(
        title="risk in the population",
        meaning="Mean chance that somebody who knows the quasi-identifiers of everybody the force "
        "holds links a released record to the right person.",
        share=True,
    ),
    "sample_risk": Entry(
        title="risk estimated from the sample",
        meaning="The same chance as estimated from the release alone.",
        share=True,
    ),
    "alerts_per_1000": Entry(
        title="alerts per thousand people",
        meaning="How many of a thousand people are put before an officer.",
        count=True,
    ),
    "false_alerts_per_1000": Entry(
        title="false alerts per thousand people",
        meaning="How many of a thousand people are put before an officer to whom the outcome "
        "does not happen.",
    ),
    "false_per_true_alert": Entry(
        title="false alerts per true one",
        meaning="How many people are put before an officer in vain for each to whom the outcome "
        "happens.",
    ),
    "k_marginal": Entry(
        title="closeness of all pairs of columns (k-marginal score)",
        meaning="How alike released rows and the people they were made from are in every pair of "
        "columns; 1,000 is identity, 0 is nothing in common. What people whom no option saw reach "
        "is the baseline: much more than that is copying, not quality.",
    ),
    "k_marginal_held_out": Entry(
        title="closeness of all pairs, to people nobody saw",
        meaning="The same score against people who had no part in making the rows. Far below the "
        "score on the people who had, it says that rows were learnt by heart.",
    ),
    "subsample_equivalent": Entry(
        title="sample that would err as much",
        meaning="Share of the real rows that, drawn at random, would be as far from all of them in "
        "pairs of columns as the released rows are. Higher is closer.",
        share=True,
    ),
    "column_distance": Entry(
        title="distance of single columns",
        meaning="Share of rows that would have to change for a column to have its real "
        "frequencies, mean over columns. 0 % is identity.",
        share=True,
    ),
    "dependence_distance": Entry(
        title="distance of dependence between columns",
        meaning="How far the strength of dependence (Cramér's V, from 0 to 1) is from the real "
        "one, mean over pairs of columns. Columns drawn apart from each other lose all of it.",
    ),
    "correlation_distance": Entry(
        title="distance of correlations",
        meaning="How far the correlation of two numbers is from the real one, mean over pairs of "
        "numeric columns. 0 is identity, 2 the worst there is.",
    ),
    "propensity_mse": Entry(
        title="how well rows can be told from real ones (pMSE)",
        meaning="A decision tree guesses which rows are real; 0 if it can only guess evenly, 0.25 "
        "if it is always right. What it reaches on shuffled marks is the baseline.",
    ),
    "slope_distance": Entry(
        title="distance of regression slopes",
        meaning="A straight-line model is fitted to real and to released rows: how far apart the "
        "slopes are, in units of the slopes; a slope that was lost counts as 0. Groups show whose "
        "relations are lost.",
    ),
    "slope_interval_overlap": Entry(
        title="overlap of regression intervals",
        meaning="How much the 95 % intervals of a slope from real and from released rows have in "
        "common, mean over slopes: 100 % is identity, 0 % means that conclusions differ.",
        share=True,
    ),
    "groups_erased_from_rows": Entry(
        title="groups that no row is left of",
        meaning="Groups by one or two labels that hold 50 people or more in the data and nobody in "
        "the released rows. Any at all is a failure, because nobody is served who is not there.",
        count=True,
    ),
    "groups_kept_in_rows": Entry(
        title="share of groups kept",
        meaning="Of the groups of 50 people or more, the share whose size in the released rows is "
        "at least half the real one, as a share of all rows.",
        share=True,
    ),
    "constraint_violations": Entry(
        title="rows that cannot be",
        meaning="Released rows that break a declared rule of the world, such as an age below that "
        "of criminal responsibility. It must be 0.",
        count=True,
    ),
    "unique_exact_matches": Entry(
        title="people alone whom a row repeats",
        meaning="Of the people whose values nobody else in the force has, the share whom a "
        "released row repeats in all columns. Chance repeats some: how often rows repeat people "
        "whom no option saw is the control, and only the difference is a leak.",
        share=True,
    ),
    "apparent_matches": Entry(
        title="people alone whom a row seems to be",
        meaning="Of the people whose quasi-identifiers nobody else in the force has, the share for "
        "whom a released row has the same ones. Who finds it may take it for that person, rightly "
        "or not. People whom no option saw are the control.",
        share=True,
    ),
    "nearest_record": Entry(
        title="rows nearer to people who were in the data",
        meaning="Share of released rows whose most similar person was in the data rather than "
        "among as many who were not; 50 % is no preference. A diagnostic, never a verdict: such "
        "distances miss leaks.",
        share=True,
    ),
    "membership": Entry(
        title="membership attack",
        meaning="An attacker who knows a person's record guesses from the release whether that "
        "person was among those it was made from. Members are compared with similar people "
        "who were not in the data, so that learning about everyone is not counted as a leak.",
    ),
}
"""By measure name, or by the beginning of it."""

for _attack in ("likelihood_ratio", "shadow", "trajectory", "updates"):
    _whole = ENTRIES[_attack]
    ENTRIES[f"{_attack}_auc"] = _whole
    for _name, _said in (("1_percent", "1%"), ("0_1_percent", "0.1%")):
        ENTRIES[f"{_attack}_tpr_at_{_name}_fpr"] = Entry(
            title=f"{_whole.title} at {_said} false alarms",
            meaning="The share of the people in the data whom the attack names, while it wrongly "
            f"names at most {_said} of people who are not. Guessing reaches {_said}.",
            share=True,
        )
for _people in (1, 2, 8, 64):
    ENTRIES[f"inversion_of_{_people}_gain"] = replace(
        ENTRIES["inversion"], title=f"records read from updates of forces of {_people}"
    )


CHANGE = "_change"
"""How the name of a measure ends that is an option's figure minus that of pooling."""
CHANGES = Entry(
    title="change caused by the option",
    meaning="The figure of a group under this option minus the same figure under pooling, on the "
    "same people. What the raw data does to a group already is not in it.",
    share=True,
)
"""The entry of every change."""

GAP = "_gap"
"""How the name of a measure ends that is a gap between the groups of a protected column."""
GAPS = Entry(
    title="largest gap between groups",
    meaning="The highest figure of any group of a protected column minus the lowest, over groups "
    "large enough to report. Where groups are small, chance alone makes a gap: read it with its "
    "interval, and against the gap under pooling.",
    share=True,
)
"""The entry of every gap."""


def entry(measure: str) -> Entry:
    """The entry of a measure: by its full name, else by the longest beginning that is known."""
    if measure in ENTRIES:
        return ENTRIES[measure]
    family, _, column = measure.partition(COLUMN)
    if column:
        whole = entry(family)
        return replace(whole, title=f"{whole.title}: {column.replace('_', ' ')}")
    if measure.endswith(CHANGE):
        changed = entry(measure.removesuffix(CHANGE))
        return replace(CHANGES, title=f"{changed.title}: {CHANGES.title}", share=changed.share)
    if measure.endswith(GAP):
        return GAPS
    title = measure.replace("_", " ").replace(" auc", " (AUC)")
    known = [name for name in ENTRIES if measure.startswith(name)]
    if not known:
        return Entry(title=title, meaning="Explained by its notes alone.")
    found = ENTRIES[max(known, key=len)]
    return Entry(title=title, meaning=found.meaning, share=found.share)
