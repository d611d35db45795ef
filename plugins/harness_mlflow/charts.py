"""Charts as SVG: lines and bands in axes. A hundred times as fast as a plotting library, and small files."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

import numpy as np

from harness import Floats

MARGIN_LEFT, MARGIN_RIGHT, MARGIN_BELOW = 58, 12, 46  # pixels around the axes of a chart
TITLE_LINE, HEADER = 15, 46  # of a line of its title; of the heading and the legend of the picture
CHARACTER = 6.2  # pixels of a character, about
LIMIT = 1e300  # beyond it, differences of numbers overflow
AXIS, TEXT, MUTED = "#555555", "#1b1b1b", "#8a8a8a"


@dataclass(frozen=True, eq=False)
class Line:
    """A line through points; it is interrupted where a value is not finite."""

    x: Floats
    y: Floats
    color: str
    label: str  # in the legend; empty: none
    width: float = 1.3
    dash: str = ""
    dots: bool = False


@dataclass(frozen=True, eq=False)
class Band:
    """The area between two lines."""

    x: Floats
    low: Floats
    high: Floats
    color: str
    label: str


@dataclass(frozen=True, eq=False)
class Chart:
    """The contents of one pair of axes."""

    marks: tuple[Line | Band, ...]
    title: tuple[str, ...] = ()
    x_label: str = ""
    y_label: str = ""
    rules: tuple[float, ...] = ()  # of vertical dotted lines
    from_zero: bool = False
    logarithmic: bool = False  # the vertical axis
    x_ticks: tuple[tuple[float, str], ...] = ()  # instead of whole numbers
    names: tuple[tuple[float, float, str], ...] = ()  # beside points; those that would cover another are left out


@dataclass(frozen=True)
class Scale:
    """A linear scale from numbers to pixels."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, values: Floats) -> Floats:
        """The pixels of values."""
        share = (np.asarray(values, dtype=np.float64) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def picture(heading: str, rows: Sequence[Sequence[Chart]], width: int, height: int) -> str:
    """Charts in rows under a heading and one legend for all; `height` is one row's, in pixels."""
    total = HEADER + height * max(len(rows), 1)
    elements = [text_element(8, 17, heading, "start", 13, "font-weight='bold'"), *_legend(rows)]
    for i, row in enumerate(rows):
        for j, chart in enumerate(row):
            elements += _chart(chart, width / len(row) * j, HEADER + height * i, width / len(row), height)
    return document(elements, width, total)


def document(elements: Iterable[str], width: int, height: int) -> str:
    """An SVG document of these elements on white."""
    size = f"width='{width}' height='{height}' viewBox='0 0 {width} {height}'"
    font = "font-family='DejaVu Sans, Verdana, Helvetica, Arial, sans-serif'"
    background = "<rect width='100%' height='100%' fill='white'/>"
    return f"<svg xmlns='http://www.w3.org/2000/svg' {size} {font}>{background}{''.join(elements)}</svg>\n"


def ticks(low: float, high: float, most: int, *, whole: bool = False) -> list[float]:
    """Round numbers from `low` to `high`, about `most` of them."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    if whole:
        step = max(1.0, float(math.ceil(step)))
    return [step * k for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def labels(numbers: Sequence[float]) -> list[str]:
    """The labels of ticks, with as few digits as distinguish them."""
    largest = max(map(abs, numbers), default=0.0)
    step = min((after - before for before, after in pairwise(numbers)), default=largest)
    if not largest or not step:
        return [f"{number:g}" for number in numbers]
    if largest >= 1e6 or largest < 1e-3:
        digits = max(1, math.ceil(math.log10(largest / step)) + 2)
        return [f"{number:.{min(digits, 15)}g}" for number in numbers]
    decimals = next((k for k in range(9) if abs(step - round(step, k)) < step * 1e-6), 9)
    return [f"{number + 0.0:.{decimals}f}" for number in numbers]


def thin_line(x: Floats, y: Floats, most: int) -> tuple[Floats, Floats]:
    """At most so many points, with the lowest and the highest of every stretch."""
    size = -(-2 * len(y) // most)
    if size <= 2:
        return x, y
    padded = np.concatenate([y, np.full(-len(y) % size, np.nan)]).reshape(-1, size)
    known = np.isfinite(padded)
    lowest = np.where(known, padded, np.inf).argmin(axis=1)
    highest = np.where(known, padded, -np.inf).argmax(axis=1)
    first = np.arange(len(padded)) * size
    kept = np.sort(np.stack([first + lowest, first + highest], axis=1), axis=1).ravel()
    return x[kept], y[kept]


def _chart(chart: Chart, left: float, top: float, width: float, height: float) -> Iterator[str]:
    inner = top + 6 + TITLE_LINE * len(chart.title)
    x_start, x_end = left + MARGIN_LEFT, left + width - MARGIN_RIGHT
    y_start, y_end = top + height - MARGIN_BELOW, inner + 4
    rules = np.array(chart.rules)
    across = Scale(*_pad(*_range([*(mark.x for mark in chart.marks), rules]), 0.02), x_start, x_end)
    upwards = Scale(*_upwards(chart), y_start, y_end)
    for k, line in enumerate(chart.title):
        shown = _shorten(line, int(width / CHARACTER))
        yield text_element((x_start + x_end) / 2, top + TITLE_LINE * (k + 0.8), shown, "middle")
    yield from _axes(chart, across, upwards)
    for x in across(rules):
        yield _path(f"M{x:.1f} {y_start:.1f}V{y_end:.1f}", MUTED, 0.8, "2 2")
    for mark in chart.marks:
        yield from _mark(mark, across, upwards, chart.logarithmic)
    yield from _names(chart, across, upwards)


def _names(chart: Chart, across: Scale, upwards: Scale) -> Iterator[str]:
    taken: list[tuple[float, float, float]] = []  # from x to x, at y
    for x, y, text in chart.names:
        (begin,), (middle,) = across(np.array([x])) + 6, upwards(np.array([y])) - 6
        text = _shorten(text, 28)
        width = CHARACTER * len(text)
        if begin + width > across.end + MARGIN_RIGHT:
            begin -= width + 12
        if all(begin > end or begin + width < start or abs(middle - at) > 11 for start, end, at in taken):
            taken.append((begin, begin + width, middle))
            yield text_element(begin, middle, text, "start", 10)


def _axes(chart: Chart, across: Scale, upwards: Scale) -> Iterator[str]:
    numbers = ticks(across.low, across.high, max(2, int((across.end - across.start) / 55)), whole=True)
    shown = labels(numbers)
    if chart.x_ticks:
        numbers, shown = [x for x, _ in chart.x_ticks], [label for _, label in chart.x_ticks]
    for x, label in zip(across(np.array(numbers)), shown, strict=True):
        yield _path(f"M{x:.1f} {upwards.start:.1f}v4", AXIS, 0.8)
        yield text_element(x, upwards.start + 16, label, "middle", 10)
    numbers, shown = _ticks_upwards(chart, upwards)
    for y, label in zip(upwards(np.array(numbers)), shown, strict=True):
        yield _path(f"M{across.start:.1f} {y:.1f}h-4", AXIS, 0.8)
        yield text_element(across.start - 7, y + 3.5, label, "end", 10)
    yield _path(f"M{across.start:.1f} {upwards.end:.1f}V{upwards.start:.1f}H{across.end:.1f}", AXIS, 0.8)
    if chart.x_label:
        yield text_element((across.start + across.end) / 2, upwards.start + 33, chart.x_label, "middle")
    if chart.y_label:
        x, y = across.start - MARGIN_LEFT + 13, (upwards.start + upwards.end) / 2
        shown_label = _shorten(chart.y_label, int(abs(upwards.start - upwards.end) / CHARACTER))
        yield text_element(x, y, shown_label, "middle", 11, f"transform='rotate(-90 {x:.1f} {y:.1f})'")


def _mark(mark: Line | Band, across: Scale, upwards: Scale, logarithmic: bool) -> Iterator[str]:
    most = 2 * int(across.end - across.start)
    if isinstance(mark, Band):
        known = np.isfinite(mark.low) & np.isfinite(mark.high)
        over = _points(*thin_line(mark.x[known], mark.high[known], most), across, upwards, logarithmic)
        under = _points(*thin_line(mark.x[known], mark.low[known], most), across, upwards, logarithmic)
        if over:
            outline = "L".join([*over, *reversed(under)])
            yield f"<path d='M{outline}Z' fill='{mark.color}' fill-opacity='0.18'/>"
        return
    points = _points(*thin_line(mark.x, mark.y, most), across, upwards, logarithmic)
    path = "M".join("L".join(stretch) for stretch in _stretches(points))
    if path:
        yield _path(f"M{path}", mark.color, mark.width, mark.dash)
    if mark.dots:
        dots = "".join(f"M{point}h0" for point in points if point)
        width = max(4.0, 2 * mark.width)
        yield (
            f"<path d='{dots}' stroke='{mark.color}' stroke-width='{width:g}' stroke-linecap='round'/>" if dots else ""
        )


def _points(x: Floats, y: Floats, across: Scale, upwards: Scale, logarithmic: bool) -> list[str]:
    """Points as in a path of SVG; an empty text for a point that is not finite."""
    pixels = zip(across(x).tolist(), upwards(_height(y, logarithmic)).tolist(), strict=True)
    return [f"{px:.1f} {py:.1f}" if math.isfinite(py) else "" for px, py in pixels]


def _stretches(points: Sequence[str]) -> Iterator[list[str]]:
    found: list[str] = []
    for point in [*points, ""]:
        if point:
            found.append(point)
        elif found:
            yield found
            found = []


def _upwards(chart: Chart) -> tuple[float, float]:
    """The range of the vertical axis, of logarithms where it is logarithmic."""
    edges = [edge for mark in chart.marks for edge in ([mark.y] if isinstance(mark, Line) else [mark.low, mark.high])]
    low, high = _range([_height(edge, chart.logarithmic) for edge in edges])
    return (0.0, high * 1.05 or 1.0) if chart.from_zero and low >= 0 else _pad(low, high, 0.05)


def _ticks_upwards(chart: Chart, upwards: Scale) -> tuple[list[float], list[str]]:
    most = max(2, int((upwards.start - upwards.end) / 30))
    if chart.logarithmic and upwards.high - upwards.low >= 1:
        numbers = ticks(upwards.low, upwards.high, most, whole=True)
        return numbers, [f"{10.0**exponent:g}" for exponent in numbers]
    numbers = ticks(upwards.low, upwards.high, most)
    return numbers, [f"{10.0**exponent:.3g}" for exponent in numbers] if chart.logarithmic else labels(numbers)


def _height(values: Floats, logarithmic: bool) -> Floats:
    known = np.clip(np.asarray(values, dtype=np.float64), -LIMIT, LIMIT)
    known = np.where(np.isfinite(values), known, np.nan)
    return np.log10(np.where(known > 0, known, np.nan)) if logarithmic else known


def _range(arrays: Sequence[Floats]) -> tuple[float, float]:
    values = np.concatenate([np.asarray(array, dtype=np.float64) for array in arrays]) if arrays else np.empty(0)
    values = values[np.isfinite(values)]
    return (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)


def _pad(low: float, high: float, share: float) -> tuple[float, float]:
    """The range with a margin; never empty."""
    margin = (high - low) * share
    if low + margin == low or high - margin == high:
        margin = max(abs(low), abs(high)) * 0.05 or 0.5
    return low - margin, high + margin


def _legend(rows: Sequence[Sequence[Chart]]) -> Iterator[str]:
    found: dict[str, Line | Band] = {}
    for row in rows:
        for chart in row:
            for mark in chart.marks:
                found.setdefault(mark.label, mark)
    found.pop("", None)
    x = 8.0
    for label, mark in found.items():
        if isinstance(mark, Band):
            yield f"<rect x='{x:.1f}' y='28' width='18' height='9' fill='{mark.color}' fill-opacity='0.18'/>"
        else:
            yield _path(f"M{x:.1f} 32.5h18", mark.color, mark.width or 4.0, mark.dash or ("" if mark.width else "4 3"))
        yield text_element(x + 23, 36.5, label, "start", 10)
        x += 41 + 0.95 * CHARACTER * len(label)


def _path(d: str, color: str, width: float, dash: str = "") -> str:
    dashed = f" stroke-dasharray='{dash}'" if dash else ""
    return f"<path d='{d}' fill='none' stroke='{color}' stroke-width='{width}' stroke-linejoin='round'{dashed}/>"


def text_element(x: float, y: float, text: str, anchor: str, size: int = 11, more: str = "") -> str:
    written = escape(re.sub(r"[^\t\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", " ", text))  # what XML can hold
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' font-size='{size}' text-anchor='{anchor}' fill='{TEXT}' {more}>{written}</text>"
    )


def _shorten(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
