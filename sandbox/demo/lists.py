"""Invented names, places and public lists of the demo forces. Nothing here is real.

Phone numbers come from the range that Ofcom keeps for drama (07700 900000 to 900999), national
insurance numbers from the prefix QQ that is never issued, and no UK postcode starts with X.
"""

GIVEN_NAMES = (
    "Aldro", "Brisane", "Corvath", "Delphine-Syn", "Ettrin", "Farlow", "Gessa", "Harvane",
    "Ilvara", "Jorrick", "Kestrin", "Lomarel", "Mavric", "Nerissane", "Oswene", "Pellar",
    "Quillan-Syn", "Rosvane", "Selka", "Torvin", "Ulmara", "Vestrin", "Wrenna", "Yorrel",
)  # fmt: skip
"""Invented given names."""

FAMILY_NAMES = (
    "Synthwell", "Mockbury", "Testerby", "Fabricant-Syn", "Notareal", "Dummerling", "Sampleton",
    "Fauxley", "Inventham", "Placeholt", "Madeupson", "Pretendale", "Examplar", "Fictborne",
    "Imagineux", "Simulby", "Standinson", "Proxyworth", "Ersatzley", "Phantomby", "Trialson",
    "Modelham", "Counterfey", "Surrogate-Syn", "Makeling", "Figmentson", "Stubbleford-Syn",
    "Randomby", "Seedley", "Hashworth",
)  # fmt: skip
"""Family names that say they are invented."""

PLACES = (
    "the Tin Arcade", "Sorrel Underpass", "Old Kiln Yard", "the Marl Steps", "Gannet Parade",
    "Fennel Court", "the Copper Bridge", "Lintel Row", "Hollow Quay", "the Slate Market",
)  # fmt: skip
"""Invented places that intelligence texts mention."""

ETHNICITIES = ("White", "Black", "Asian", "Mixed", "Other")
"""Ethnic groups of the person table."""

PUBLISHED_ETHNICITY = ("White", "Black", "Asian", "Other", "Other")
"""How stop-and-search publishes each of `ETHNICITIES`."""

OFFENCES = (
    ("wounding", "serious violence"),
    ("armed robbery", "serious violence"),
    ("common assault", "violence"),
    ("harassment", "violence"),
    ("burglary", "acquisitive"),
    ("vehicle theft", "acquisitive"),
    ("shoplifting", "acquisitive"),
    ("drug possession", "drugs"),
    ("drug supply", "drugs"),
    ("public disorder", "public order"),
    ("criminal damage", "other"),
    ("possession of a weapon", "other"),
)
"""Offence and its severity."""


AREAS_PER_FORCE = 12
"""Small areas of each force; the national agency has regional offices instead."""

AREA_WEIGHTS = (200, 150, 120, 100, 90, 80, 70, 60, 50, 40, 25, 15)
"""How a force's people and crimes spread over its small areas."""

DISTRICT_PARTS = ("North", "Mid", "South")
"""Districts of each force, of four small areas each."""

EMPLOYMENT = ("employed", "unemployed", "education", "not working")
"""Employment status of the person table."""

RELIGIONS = ("none", "Christian", "Muslim", "Hindu", "Sikh", "Jewish", "other")
"""Religion of the person table; a special category."""

ORIENTATIONS = ("heterosexual", "gay or lesbian", "bisexual", "other")
"""Sexual orientation of the person table; a special category."""

DISABILITIES = ("none", "physical", "learning", "mental health")
"""Disability of the person table; a special category."""

PROTECTED_HANDLING = ("human source", "protected person")
"""Handling codes of records that must never be ingested."""

RISK_MARKERS = ("none", "self-harm", "violence", "drugs")
"""Risk markers of a custody record."""

THEMES = ("weapons", "drug supply", "exploitation", "acquisitive", "other")
"""Themes of intelligence."""

OBJECTS = (
    "Controlled drugs", "Offensive weapons", "Stolen goods", "Article for use in theft",
    "Articles for use in criminal damage", "Anything to threaten or harm anyone", "Firearms",
)  # fmt: skip
"""Objects of a search, in the words of data.police.uk."""

NOTHING_FOUND = "A no further action disposal"
"""The one outcome that counts as nothing found, in the words of data.police.uk."""

OUTCOMES = (
    "Arrest", "Community resolution", "Khat or Cannabis warning", "Summons / charged by post",
    "Caution (simple or conditional)", "Penalty Notice for Disorder",
)  # fmt: skip
"""Outcomes that count as something found, in the words of data.police.uk."""


def area_labels(forces: int) -> tuple[str, ...]:
    """Labels of all small areas, force by force: SA001, SA002, ..."""
    return tuple(f"SA{number + 1:03d}" for number in range(forces * AREAS_PER_FORCE))
