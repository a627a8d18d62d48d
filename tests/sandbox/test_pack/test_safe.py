"""What may be shared: bands, no truth beside a private release, no controlled figure in public."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from sandbox.evidence import load
from sandbox.findings import Finding
from sandbox.pack import safe
from sandbox.pack.build import build
from sandbox.pack.document import Document, Grid, Picture
from sandbox.pack.material import Material
from sandbox.pack.pieces import pieces
from sandbox.report.comparison import Comparison

Make = Callable[..., Material]


def public(material: Make, **header: object) -> Document:
    given = {"data_status": "protected", "synthetic_demo": False} | header
    return build(material(header=given, public=True))


def test_a_public_copy_of_protected_data_holds_no_figure_of_it(material: Make) -> None:
    document = public(material)
    said = " ".join(piece.text for piece in pieces(document))
    assert safe.LEFT_OUT in said
    assert "0.79" not in said
    assert not any(grid.controlled for grid in document.grids)
    assert not [each for each in document.of(Picture) if each]


def test_a_public_copy_still_says_what_leaves_and_what_it_costs(material: Make) -> None:
    kept = {grid.slug for grid in public(material).grids}
    assert {"egress", "sharing", "cost", "categories", "methods"} <= kept
    assert not {"options", "trade-off", "attacks", "alerts", "ablation"} & kept


def test_the_figures_are_there_in_the_controlled_copy(material: Make) -> None:
    header = {"data_status": "protected", "synthetic_demo": False}
    document = build(material(header=header))
    assert "0.79" in " ".join(piece.text for piece in pieces(document))
    assert ("CONTROLLED ACCESS") in [word for word, _ in document.notices]
    options = next(grid for grid in document.grids if grid.slug == "options")
    assert options.controlled


def test_a_public_copy_that_forgot_to_leave_out_is_caught(
    material: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(safe, "_controlled", lambda _block, **_: False)
    said = " ".join(piece.text for piece in pieces(public(material)))
    assert "0.79" in said


@pytest.mark.parametrize(
    "measure", ["signed_error", "signed_error_of_rows", "count_bias", "released_minus_truth"]
)
def test_a_signed_error_beside_a_private_release_is_never_written(
    build_evidence: Callable, measure: str
) -> None:
    planted = {"measure": measure, "value": -3.25, "better": "neither"}

    def plant(row: dict) -> dict:
        return row | {"findings": [*row["findings"], planted]}

    evidence = safe.without_truth(load(build_evidence(change=plant)))
    for row in evidence.rows:
        held = any(each.measure == measure for each in row.findings)
        assert held == (row.privacy_loss is None and row.status == "done")


def test_an_unsigned_error_beside_a_private_release_stays() -> None:
    error = Finding(measure="relative_error", value=0.1, better="lower")
    assert not safe.gives_truth(error)
    assert safe.gives_truth(replace(error, measure="signed_error"))


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "under 100"),
        (99, "under 100"),
        (100, "100 to 1,000"),
        (999, "100 to 1,000"),
        (1_000, "1,000 to 5,000"),
        (5_000, "more than 5,000"),
    ],
)
def test_people_are_counted_in_the_bands_of_the_form(count: int, words: str) -> None:
    assert safe.band(count) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "under 10"), (9, "under 10"), (10, "about 10"), (1437, "about 1,400"), (96, "about 96")],
)
def test_counts_keep_two_digits_and_small_ones_are_hidden(count: int, words: str) -> None:
    assert safe.rounded(count) == words


def test_the_tables_that_a_public_copy_keeps_hold_no_assessment(material: Make) -> None:
    comparison: Comparison = material().comparison
    headline = comparison.headline(comparison.answered[2])
    assert headline is not None
    for grid in public(material).grids:
        if grid.slug in safe.LEAVES:
            assert f"{headline.value:.3f}" not in str(grid.table)
            assert isinstance(grid, Grid)
