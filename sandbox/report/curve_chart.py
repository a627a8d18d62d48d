"""A chart of settings in rows with 95% intervals and one line, in the look of the others."""

from collections.abc import Sequence
from typing import Protocol

import altair as alt

from sandbox.report.charts import FONT, PALETTE, ROW, WIDTH, finish, png, svg
from sandbox.report.comparison import Comparison

__all__ = ["dots", "png", "svg"]


class Spot(Protocol):
    """What a row of the chart shows."""

    @property
    def label(self) -> str:
        """The setting in words."""

    @property
    def value(self) -> float:
        """Its figure."""

    @property
    def low(self) -> float | None:
        """Lower end of its interval."""

    @property
    def high(self) -> float | None:
        """Upper end."""


def dots(
    comparison: Comparison, found: Sequence[Spot], *, line: float, words: str
) -> alt.LayerChart:
    """One row per setting: its figure, its interval, and the line."""
    values = [
        {"label": each.label, "value": each.value, "low": each.low, "high": each.high}
        for each in found
    ]
    ends = [end for row in values for end in (row["low"], row["high"], row["value"])]
    numbers = [float(end) for end in ends if isinstance(end, int | float)] + [line]
    room = (max(numbers) - min(numbers)) * 0.06 or 0.01
    scale = alt.Scale(domain=[min(numbers) - room, max(numbers) + room], nice=False, zero=False)
    base = alt.Chart(alt.InlineData(values=values))
    rows = alt.Y(
        "label:N",
        sort=[str(row["label"]) for row in values],
        title=None,
        axis=alt.Axis(labelLimit=260, grid=True),
    )
    spans = base.mark_rule(color=PALETTE["data"], strokeWidth=2.5).encode(
        y=rows, x=alt.X("low:Q", scale=scale), x2="high:Q"
    )
    points = base.mark_point(size=110, opacity=1, filled=True, color=PALETTE["data"]).encode(
        y=rows, x=alt.X("value:Q", title=None, scale=scale, axis=alt.Axis(tickCount=6))
    )
    mark = alt.Chart(alt.InlineData(values=[{"value": line, "text": f"{words}: {line:g}"}]))
    at = alt.X("value:Q", scale=scale)
    rule = mark.mark_rule(color=PALETTE["floor"], strokeDash=[6, 4], strokeWidth=1.5).encode(x=at)
    text = mark.mark_text(color=PALETTE["floor"], baseline="bottom", dy=-5, fontSize=FONT).encode(
        x=at, y=alt.value(0), text="text:N"
    )
    return finish([rule, spans, points, text], comparison, WIDTH, ROW * len(values))
