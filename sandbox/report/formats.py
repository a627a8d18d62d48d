"""How numbers are written: British style, with as many digits as the interval deserves."""

import math
from datetime import datetime

from sandbox.report.pooling import Estimate

MOST_DECIMALS = 4
"""A figure is never written with more decimals than this."""
DEFAULT_DECIMALS = 3
"""Decimals of a figure without an interval."""
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def decimals(low: float, high: float) -> int:
    """Decimals that show two significant digits of an interval's width."""
    if high <= low:
        return DEFAULT_DECIMALS
    return min(max(1 - math.floor(math.log10(high - low)), 0), MOST_DECIMALS)


def number(value: float, places: int = 0, *, sign: bool = False) -> str:
    """A number with thousands commas and a true minus sign: `−1,234.5`."""
    text = f"{value:+,.{places}f}" if sign else f"{value:,.{places}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("+-")
    return text.replace("-", "−")


def estimate(given: Estimate, *, share: bool = False, sign: bool = False) -> str:
    """A value and its 95% interval: `0.742 (0.731 to 0.753)`, `23.4% (22.1% to 24.6%)`."""
    value, interval = parts(given, share=share, sign=sign)
    return f"{value} ({interval})" if interval else value


def parts(given: Estimate, *, share: bool = False, sign: bool = False) -> tuple[str, str]:
    """A value and its 95% interval apart; the interval is empty where there is none."""
    if given.value is None:
        return "not measured", ""
    scale, unit = (100.0, "%") if share else (1.0, "")
    ends = [end * scale for end in given.interval or ()]
    places = decimals(*ends) if len(set(ends)) > 1 else DEFAULT_DECIMALS - 2 * share
    value = number(given.value * scale, places, sign=sign) + unit
    return value, " to ".join(number(end, places, sign=sign) + unit for end in ends)


def size(count: float) -> str:
    """Bytes in decimal units, three significant digits: `950 bytes`, `12.3 kB`, `4.1 MB`."""
    if count < 1000:  # noqa: PLR2004 - decimal kilobyte
        return "1 byte" if count == 1 else f"{count:.0f} bytes"
    for unit in ("kB", "MB", "GB"):
        count /= 1000
        if count < 999.5 or unit == "GB":  # noqa: PLR2004 - rounds to 1,000
            return f"{count:.3g} {unit}"
    raise AssertionError


def duration(seconds: float) -> str:
    """Seconds as a person would say them: `under 0.01 s`, `0.42 s`, `12 s`, `2 min 5 s`."""
    if seconds < 0.01:  # noqa: PLR2004 - below this the clock is noise
        return "under 0.01 s"
    if seconds < 10:  # noqa: PLR2004 - two significant digits
        return f"{seconds:.2g} s" if seconds >= 0.1 else f"{seconds:.2f} s"  # noqa: PLR2004
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s"


def scientific(value: float) -> str:
    """A small probability: `0`, `0.01`, `10⁻⁶`, `2.5×10⁻⁷`."""
    if value == 0 or value >= 0.001:  # noqa: PLR2004 - readable as it is
        return f"{value:g}"
    factor, exponent = f"{value:.1e}".split("e")
    power = f"10{str(int(exponent)).translate(_SUPERSCRIPTS)}"
    return power if factor == "1.0" else f"{float(factor):g}×{power}"


def day(when: datetime) -> str:
    """A time to the minute: `3 May 2026, 14:02 UTC`."""
    return f"{when.day} {when:%B %Y, %H:%M %Z}"


def listed(items: list[str], last: str = "and") -> str:
    """Items in a sentence: `a`, `a and b`, `a, b and c`."""
    if len(items) < 2:  # noqa: PLR2004
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def counted(count: int, noun: str, plural: str = "") -> str:
    """A count and its noun: `no options`, `1 option`, `12 options`."""
    word = noun if count == 1 else plural or f"{noun}s"
    return f"no {word}" if count == 0 else f"{count:,} {word}"
