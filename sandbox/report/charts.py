"""The report's charts in Altair, drawn by vl-convert; imported only when figures are drawn.

Colours are those of `PALETTE`, which the page's style sheet maps to its own in dark mode.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import altair as alt
import vl_convert

from sandbox.report import marks as place
from sandbox.report.comparison import Comparison, Verdict
from sandbox.report.marks import Axis, Mark

PALETTE = {
    "ink": "#0b0c0c",
    "quiet": "#505a5f",
    "grid": "#d2d5d7",
    "data": "#1d70b8",
    "floor": "#942514",
    "paper": "#ffffff",
}
"""Every colour that a chart may use."""
SHAPES = {Verdict.MEETS: "circle", Verdict.UNCLEAR: "diamond", Verdict.SHORT: "cross"}
"""The mark of each floor verdict."""
WIDTH = 560
"""Pixels of the part of a chart that holds data."""
RISKS = 400
"""The same, of the trade-off."""
LETTER = 6.5
"""Width of a letter of a label, in pixels, on average."""
ROW = 28
"""Height of one option in a row chart, in pixels."""
FONT = 13
"""Size of a chart's text, in pixels."""


def svg(chart: alt.LayerChart) -> str:
    """The chart as SVG text."""
    return str(vl_convert.vegalite_to_svg(chart.to_json()))


def png(chart: alt.LayerChart) -> bytes:
    """The chart as a PNG picture, two pixels per point, on white."""
    return bytes(
        vl_convert.vegalite_to_png(chart.properties(background="white").to_json(), scale=2)
    )


def usefulness(comparison: Comparison) -> alt.LayerChart:
    """One row per option: headline figure, its interval, and the floor line."""
    marks = place.useful_marks(comparison)
    axis = place.useful_axis(comparison, marks)
    base, scale = alt.Chart(_data(marks)), _scale(axis)
    across = alt.X(
        "useful:Q", title=axis.title, scale=scale, axis=alt.Axis(values=place.ticks(axis))
    )
    spans = base.mark_rule(color=PALETTE["data"], strokeWidth=2.5).encode(
        y=_rows(marks), x=alt.X("useful_low:Q", scale=scale), x2="useful_high:Q"
    )
    points = _points(base).encode(
        y=_rows(marks), x=across, shape=_shape(), fillOpacity=alt.value(1)
    )
    floor = alt.Chart(_one(value=comparison.floor.value, text=_floor_words(comparison)))
    at = alt.X("value:Q", scale=scale)
    line = floor.mark_rule(color=PALETTE["floor"], strokeDash=[6, 4], strokeWidth=1.5).encode(x=at)
    text = floor.mark_text(color=PALETTE["floor"], baseline="bottom", dy=-5, fontSize=FONT).encode(
        x=at, y=alt.value(0), text="text:N"
    )
    return finish([line, spans, points, text], comparison, WIDTH, ROW * len(marks))


def trade_off(comparison: Comparison) -> alt.LayerChart:
    """Usefulness against attack risk with intervals; labels beside, with leaders to them."""
    height = max(360, (place.LABEL_GAP + 7) * len(comparison.answered))
    marks = place.trade_off_marks(comparison, RISKS, height, 0.0)
    risks = place.risk_axis(comparison, marks)
    labels = round(60 + LETTER * max(len(mark.label) for mark in marks))
    span = risks.high - risks.low
    marks = place.trade_off_marks(comparison, RISKS, height, risks.high + 0.05 * span)
    useful = place.useful_axis(comparison, marks)
    base = alt.Chart(_data(marks))
    wide = Axis(title=risks.title, low=risks.low, high=risks.high + span * labels / RISKS)
    xs, ys = _scale(wide), _scale(useful, reverse=comparison.floor.direction == "at_most")
    below = alt.Axis(values=place.ticks(risks), grid=False, titleAnchor="start", domain=False)
    beside = alt.Axis(values=place.ticks(useful), grid=False)
    x = alt.X("risk:Q", title=risks.title, scale=xs, axis=below)
    y = alt.Y("useful:Q", title=useful.title, scale=ys, axis=beside)
    spans = base.mark_rule(color=PALETTE["data"], strokeWidth=1.5)
    rules, words = _lines(comparison, risks, xs, ys)
    layers = [
        *rules,
        base.mark_rule(color=PALETTE["quiet"], strokeWidth=0.7, strokeDash=[1, 3]).encode(
            x=x, y=y, x2="label_x:Q", y2="label_y:Q"
        ),
        spans.encode(x=x, y=alt.Y("useful_low:Q", scale=ys), y2="useful_high:Q"),
        spans.encode(x=alt.X("risk_low:Q", scale=xs), x2="risk_high:Q", y=y),
        _points(base).encode(
            x=x,
            y=y,
            shape=_shape(),
            fill=_fill(),
        ),
        base.mark_text(align="left", dx=4, fontSize=FONT, color=PALETTE["ink"]).encode(
            x=alt.X("label_x:Q", scale=xs), y=alt.Y("label_y:Q", scale=ys), text="label:N"
        ),
        *words,
    ]
    return finish(layers, comparison, RISKS + labels, height)


def egress(comparison: Comparison) -> alt.LayerChart:
    """One row per option: bytes that left all forces, on a logarithmic axis, labelled."""
    marks = place.egress_marks(comparison)
    sent = [mark.bytes_drawn for mark in marks if mark.bytes_drawn] or [1000.0]
    powers = range(len(str(int(min(sent)))) - 1, len(str(int(max(sent)))) + 1)
    scale = alt.Scale(type="log", domain=[10 ** powers[0], 10 ** powers[-1]], nice=False)
    axis = alt.Axis(
        values=[10**power for power in powers],
        labelExpr="datum.value < 1e3 ? datum.value + ' bytes' : datum.value < 1e6 ? datum.value/1e3"
        " + ' kB' : datum.value < 1e9 ? datum.value/1e6 + ' MB' : datum.value/1e9 + ' GB'",
    )
    base = alt.Chart(_data(marks))
    title = "Bytes out of all forces; each step to the right is ten times as many"
    points = base.mark_point(filled=True, size=110, opacity=1, color=PALETTE["data"]).encode(
        y=_rows(marks, grid=False), x=alt.X("bytes_drawn:Q", title=title, scale=scale, axis=axis)
    )
    words = base.mark_text(align="left", dx=10, fontSize=FONT, color=PALETTE["ink"])
    sends = words.transform_filter("isValid(datum.bytes_drawn)").encode(
        y=_rows(marks, grid=False), x=alt.X("bytes_drawn:Q", scale=scale), text="bytes_label:N"
    )
    silent = words.transform_filter("!isValid(datum.bytes_drawn)").encode(
        y=_rows(marks, grid=False), x=alt.value(0), text="bytes_label:N"
    )
    points = points.transform_filter("isValid(datum.bytes_drawn)")
    return finish([points, sends, silent], comparison, WIDTH, ROW * len(marks))


def _lines(
    comparison: Comparison, risks: Axis, xs: alt.Scale, ys: alt.Scale
) -> tuple[list[alt.Chart], list[alt.Chart]]:
    """The floor across the data, and guessing up it: the lines, and their words with a halo."""
    floor = alt.Chart(
        _one(
            value=comparison.floor.value,
            text=_floor_words(comparison),
            low=risks.low,
            high=risks.high,
        )
    )
    at, end = alt.Y("value:Q", scale=ys), alt.X("high:Q", scale=xs)
    text: dict[str, Any] = {"align": "right", "dy": -8, "fontSize": FONT}
    halo = {"color": PALETTE["paper"], "stroke": PALETTE["paper"], "strokeWidth": 4}
    rules = [
        floor.mark_rule(color=PALETTE["floor"], strokeDash=[6, 4], strokeWidth=1.5).encode(
            y=at, x=alt.X("low:Q", scale=xs), x2="high:Q"
        )
    ]
    words = [
        floor.mark_text(**text, **colours).encode(y=at, x=end, text="text:N")
        for colours in (halo, {"color": PALETTE["floor"]})
    ]
    guess = place.baseline(comparison)
    if guess is not None:
        line = alt.Chart(_one(value=guess, text="guessing"))
        x = alt.X("value:Q", scale=xs)
        rules.append(line.mark_rule(color=PALETTE["quiet"], strokeDash=[2, 3]).encode(x=x))
        words.append(
            line.mark_text(color=PALETTE["quiet"], baseline="bottom", dy=-5, fontSize=FONT).encode(
                x=x, y=alt.value(0), text="text:N"
            )
        )
    return rules, words


def _data(marks: Sequence[Mark]) -> alt.InlineData:
    return alt.InlineData(values=[asdict(mark) for mark in marks])


def _one(**values: float | str) -> alt.InlineData:
    return alt.InlineData(values=[values])


def _scale(axis: Axis, *, reverse: bool = False) -> alt.Scale:
    return alt.Scale(domain=[axis.low, axis.high], nice=False, zero=False, reverse=reverse)


def _rows(marks: list[Mark], *, grid: bool = True) -> alt.Y:
    names = [mark.name for mark in marks]
    return alt.Y("name:N", sort=names, title=None, axis=alt.Axis(labelLimit=260, grid=grid))


def _points(base: alt.Chart) -> alt.Chart:
    colour = PALETTE["data"]
    points: alt.Chart = base.mark_point(
        size=110, opacity=1, fill=colour, stroke=colour, strokeWidth=2
    )
    return points


def _shape() -> alt.Shape:
    scale = alt.Scale(domain=[verdict.value for verdict in SHAPES], range=list(SHAPES.values()))
    return alt.Shape("verdict:N", title=None, scale=scale)


def _fill() -> alt.Fill:
    colours = [PALETTE["data"], PALETTE["paper"]]
    scale = alt.Scale(domain=[place.UNBEATEN, place.DOMINATED], range=colours)
    legend = alt.Legend(
        values=[place.DOMINATED], symbolType="circle", symbolStrokeColor=PALETTE["data"]
    )
    return alt.Fill("standing:N", title=None, scale=scale, legend=legend)


def _floor_words(comparison: Comparison) -> str:
    return f"floor: {comparison.floor.direction.replace('_', ' ')} {comparison.floor.value:g}"


def finish(
    layers: list[alt.Chart], comparison: Comparison, width: int, height: int
) -> alt.LayerChart:
    """The layers as one chart in the report's look, with what it is about above it."""
    header = comparison.evidence.header
    marks = ["SYNTHETIC data"] if header.synthetic_demo else []
    marks += [header.use_case.name, f"unit: {header.use_case.unit}", f"plan {header.plan[:8]}"]
    title = alt.TitleParams(
        text=" · ".join(marks), anchor="start", fontSize=12, fontWeight="normal", offset=14
    )
    ink: dict[str, Any] = {"labelColor": PALETTE["ink"], "titleColor": PALETTE["ink"]}
    font = {"labelFontSize": FONT, "titleFontSize": FONT}
    chart: alt.LayerChart = (
        alt.layer(*layers)
        .properties(width=width, height=height, title=title, background="transparent")
        .configure(font="Arial, Helvetica, sans-serif", aria=False, padding=4)
        .configure_title(color=PALETTE["quiet"])
        .configure_view(stroke=None)
        .configure_axis(
            **ink,
            **font,
            titleFontWeight="normal",
            titlePadding=10,
            gridColor=PALETTE["grid"],
            domainColor=PALETTE["quiet"],
            tickColor=PALETTE["quiet"],
        )
        .configure_legend(
            orient="bottom",
            labelFontSize=FONT,
            labelLimit=320,
            labelColor=PALETTE["ink"],
            symbolFillColor=PALETTE["data"],
            symbolStrokeColor=PALETTE["data"],
            symbolSize=110,
            columnPadding=24,
        )
    )
    return chart
