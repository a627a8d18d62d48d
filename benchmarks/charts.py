"""The page's charts in Altair: lines of time against rows, and bars of slowdown. See `page`."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from sandbox.report.charts import FONT, LETTER, PALETTE, WIDTH

HEIGHT = 320
"""Pixels of a scaling chart."""
BAR = 24
"""Pixels of a row of bars."""
LINE = 16
"""Fewest pixels between two labels."""


def scaling(points: Sequence[Mapping[str, Any]]) -> alt.LayerChart:
    """Seconds against rows, both logarithmic, one line per case, labelled at its end.

    Args:
        points: `case`, `rows`, `seconds`, `low`, `high`, `kind` (own, peer or baseline).
    """
    sizes = sorted({point["rows"] for point in points})
    times = [point[name] for point in points for name in ("low", "high")]
    low, high = _power(min(times), math.floor), _power(max(times), math.ceil)
    right = sizes[-1] * 10 ** (0.35 + 0.02 * max(len(point["case"]) for point in points))
    x = alt.X(
        "rows:Q",
        title="Rows",
        scale=alt.Scale(type="log", domain=[sizes[0] / 1.5, right], nice=False),
        axis=alt.Axis(values=sizes, format="~s", grid=False),
    )
    scale = alt.Scale(type="log", domain=[low, high], nice=False)
    ticks = [10.0**power for power in range(round(math.log10(low)), round(math.log10(high)) + 1)]
    y = alt.Y("seconds:Q", title="Seconds", scale=scale, axis=alt.Axis(values=ticks, format="~g"))
    base = alt.Chart(alt.InlineData(values=list(points)))
    colour = alt.Color("kind:N", scale=_kinds(), legend=None)
    layers = [
        base.mark_line(strokeWidth=2).encode(x=x, y=y, color=colour, detail="case:N"),
        base.mark_rule(strokeWidth=2).encode(
            x=x, y=alt.Y("low:Q", scale=scale), y2="high:Q", color=colour
        ),
        base.mark_point(filled=True, size=50, opacity=1).encode(x=x, y=y, color=colour),
        *_labels(points, x, low, high),
    ]
    return _finish(layers, WIDTH + 180, HEIGHT)


def slowdowns(points: Sequence[Mapping[str, Any]]) -> alt.LayerChart:
    """How many times the baseline's time each case takes, on a logarithmic axis from 1.

    Args:
        points: `name`, `ratio`, `text`, `kind`.
    """
    ratios = [point["ratio"] for point in points]
    low, high = _power(min([*ratios, 1.0]), math.floor), _power(max([*ratios, 10.0]), math.ceil)
    scale = alt.Scale(type="log", domain=[low, high * 4], nice=False)
    powers = range(round(math.log10(low)), round(math.log10(high)) + 1)
    axis = alt.Axis(values=[10.0**power for power in powers], format="~g")
    names = [point["name"] for point in points]
    label = max(len(name) for name in names) * LETTER
    y = alt.Y("name:N", sort=names, title=None, axis=alt.Axis(labelLimit=label + 40, grid=False))
    x = alt.X("ratio:Q", title="Time over the baseline's", scale=scale, axis=axis)
    values = [dict(point) | {"one": 1.0, "end": max(point["ratio"], 1.0)} for point in points]
    base = alt.Chart(alt.InlineData(values=values))
    colour = alt.Color("kind:N", scale=_kinds(), legend=None)
    bars = base.mark_rule(strokeWidth=11).encode(
        y=y, x=alt.X("one:Q", scale=scale), x2="ratio:Q", color=colour
    )
    ends = base.mark_point(filled=True, opacity=1, size=60).encode(y=y, x=x, color=colour)
    words = base.mark_text(align="left", dx=9, fontSize=FONT, color=PALETTE["ink"]).encode(
        y=y, x=alt.X("end:Q", scale=scale), text="text:N"
    )
    return _finish([bars, ends, words], WIDTH, BAR * len(points))


def _kinds() -> alt.Scale:
    colours = [PALETTE["data"], PALETTE["quiet"], PALETTE["floor"]]
    return alt.Scale(domain=["own", "peer", "baseline"], range=colours)


def _power(value: float, end: Any) -> float:  # noqa: ANN401 - floor or ceil
    return float(10.0 ** end(math.log10(max(value, 1e-6))))


def _labels(
    points: Sequence[Mapping[str, Any]], x: alt.X, low: float, high: float
) -> list[alt.Chart]:
    """Each case's name beside its largest size, moved down where two would meet."""
    last: dict[str, Mapping[str, Any]] = {}
    for point in points:
        if point["case"] not in last or point["rows"] > last[point["case"]]["rows"]:
            last[point["case"]] = point
    span, places = math.log10(high / low), []
    taken = -math.inf
    for point in sorted(last.values(), key=lambda each: -each["seconds"]):
        at = max(HEIGHT * (1 - math.log10(point["seconds"] / low) / span), taken + LINE)
        taken = at
        places.append(dict(point) | {"at": at})
    layers = []
    for place in places:
        data = alt.Chart(alt.InlineData(values=[place]))
        text = data.mark_text(align="left", dx=10, fontSize=FONT, color=PALETTE["ink"])
        layers.append(text.encode(x=x, y=alt.value(place["at"]), text="case:N"))
    return layers


def _finish(layers: list[alt.Chart], width: int, height: int) -> alt.LayerChart:
    finished: alt.LayerChart = (
        alt.layer(*layers, width=width, height=height)
        .configure(font="Arial, Helvetica, sans-serif", background="transparent")
        .configure_axis(
            labelFontSize=FONT,
            titleFontSize=FONT,
            labelColor=PALETTE["ink"],
            titleColor=PALETTE["quiet"],
            titleFontWeight="normal",
            gridColor=PALETTE["grid"],
            domainColor=PALETTE["grid"],
            tickColor=PALETTE["grid"],
        )
        .configure_view(stroke=None)
    )
    return finished
