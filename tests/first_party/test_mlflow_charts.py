"""Charts as SVG: ticks, labels, thinning, and what cannot be drawn."""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from harness_mlflow.charts import Band, Chart, Line, labels, picture, thin_line, ticks
from harness_mlflow.plots import training_stages, write_training

SVG = "{http://www.w3.org/2000/svg}"
X = np.arange(4.0)


def drawn(*marks: Line | Band, **options: object) -> ElementTree.Element:
    """A picture of one chart, read back."""
    return ElementTree.fromstring(picture("A heading", [[Chart(marks, **options)]], 600, 300))  # type: ignore[arg-type]


def lines_of(root: ElementTree.Element, color: str) -> list[str]:
    """The paths in a colour, but for the one in the legend."""
    return [element.get("d", "") for element in root.iter(f"{SVG}path") if element.get("stroke") == color][1:]


class TestTicks:
    @pytest.mark.parametrize(
        ("low", "high", "most", "expected"),
        [
            (0.0, 10.0, 5, [0, 2, 4, 6, 8, 10]),
            (-0.3, 1.1, 6, [-0.25, 0, 0.25, 0.5, 0.75, 1.0]),
            (163.0, 207.5, 4, [180, 200]),
            (1e-7, 5e-7, 4, [1e-7, 2e-7, 3e-7, 4e-7, 5e-7]),
        ],
    )
    def test_ticks_are_round(self, low: float, high: float, most: int, expected: list[float]) -> None:
        assert ticks(low, high, most) == pytest.approx(expected)

    def test_whole_ticks_are_whole(self) -> None:
        assert ticks(0.7, 3.4, 9, whole=True) == [1, 2, 3]

    @pytest.mark.parametrize(
        ("numbers", "expected"),
        [
            ([0, 20, 40], ["0", "20", "40"]),
            ([-0.25, 0, 0.25], ["-0.25", "0.00", "0.25"]),
            ([1_000_000, 1_000_002], ["1000000", "1000002"]),
            ([2e12, 4e12], ["2e+12", "4e+12"]),
            ([1e-7, 2e-7], ["1e-07", "2e-07"]),
            ([5.0], ["5"]),
        ],
    )
    def test_labels_are_short_and_differ(self, numbers: list[float], expected: list[str]) -> None:
        assert labels(numbers) == expected


class TestThinning:
    def test_extremes_are_kept(self) -> None:
        y = np.sin(np.arange(100_000) / 500)
        y[[31_415, 77_777]] = 9.0, -9.0

        x, few = thin_line(np.arange(100_000.0), y, 1000)

        assert len(x) == len(few) <= 1000
        assert few.max() == 9.0
        assert few.min() == -9.0
        assert (np.diff(x) >= 0).all()
        np.testing.assert_array_equal(few, y[x.astype(int)])

    def test_few_points_stay(self) -> None:
        assert thin_line(X, X, 10)[1] is X


class TestPictures:
    def test_a_line_goes_from_the_lower_left_to_the_upper_right(self) -> None:
        (path,) = lines_of(drawn(Line(X, X, "#123456", "rise")), "#123456")

        points = [tuple(map(float, point.split())) for point in path[1:].split("L")]
        assert len(points) == 4
        assert points == sorted(points)
        heights = [y for _, y in points]
        assert heights == sorted(heights, reverse=True)

    def test_a_gap_interrupts_a_line(self) -> None:
        (path,) = lines_of(drawn(Line(X, np.array([1.0, 2.0, math.nan, 3.0]), "#123456", "gap")), "#123456")

        assert path.count("M") == 2

    @pytest.mark.parametrize(
        "values",
        [
            [math.nan] * 4,
            [math.inf, -math.inf, math.nan, 1.0],
            [0.0] * 4,
            [1e308, -1e308, 0.0, 1.0],
            [1e-320, 0.0, 0.0, 0.0],
            [1e16, 1e16, 1e16, 1e16],
        ],
    )
    @pytest.mark.parametrize("logarithmic", [False, True])
    def test_whatever_the_numbers_are_a_picture_comes_out(self, values: list[float], logarithmic: bool) -> None:
        y = np.array(values)

        root = drawn(Band(X, y, y, "#abcdef", "band"), Line(X, y, "#123456", "line"), logarithmic=logarithmic)

        assert "nan" not in "".join(element.get("d", "") for element in root.iter(f"{SVG}path"))
        assert "inf" not in "".join(element.get("d", "") for element in root.iter(f"{SVG}path"))

    def test_nothing_to_draw_is_an_empty_picture(self) -> None:
        assert drawn().tag == f"{SVG}svg"
        assert ElementTree.fromstring(picture("None", [], 600, 300)).tag == f"{SVG}svg"

    def test_a_logarithmic_axis_is_labelled_by_powers(self) -> None:
        root = drawn(Line(X, np.array([1e-3, 1e-2, 1e-1, 1.0]), "#123456", "steep"), logarithmic=True)

        texts = {element.text for element in root.iter(f"{SVG}text")}
        assert {"0.001", "0.01", "0.1", "1"} <= texts

    def test_texts_are_shown_as_they_are(self) -> None:
        odd = '<b>it\'s & "more"</b>\x00\x1b'

        root = ElementTree.fromstring(picture(odd, [[Chart((), (odd,), odd, "y")]], 600, 300))

        texts = [element.text or "" for element in root.iter(f"{SVG}text")]
        assert texts[0] == '<b>it\'s & "more"</b>  '
        assert sum(text.startswith("<b>it's") for text in texts) == 3

    def test_long_titles_are_shortened(self) -> None:
        root = drawn(title=("x" * 500,))

        (title,) = [
            element.text for element in root.iter(f"{SVG}text") if element.text and element.text.startswith("xx")
        ]
        assert title.endswith("…")
        assert len(title) < 100


class TestTrainingStages:
    def test_stages_follow_one_another_and_shorter_curves_are_spread_over_their_stage(self) -> None:
        curves = {"loss/epochs": (3.0, 2.0, 1.0, 0.5), "validation loss/epochs": (2.0, 1.0), "loss/rounds": (4.0, 1.0)}

        first, second = training_stages(curves)

        assert (first.steps, first.begin, first.length) == ("epochs", 0, 4)
        assert (second.steps, second.begin, second.length) == ("rounds", 4, 2)
        assert first.positions(first.curves["validation loss"]).tolist() == [2, 4]
        assert second.positions(second.curves["loss"]).tolist() == [5, 6]

    def test_curves_without_a_stage_are_one(self) -> None:
        (stage,) = training_stages({"loss": (2.0, 1.0), "error": (1.0,)})

        assert (stage.steps, list(stage.curves)) == ("recorded values", ["loss", "error"])

    def test_borders_and_names_of_stages_are_drawn(self, tmp_path: Path) -> None:
        write_training(tmp_path, "A heading", {"loss/epochs": (3.0, 2.0), "loss/rounds": (4.0, 1.0)})

        text = (tmp_path / "training.svg").read_text(encoding="utf-8")

        assert all(f">{name}<" in text for name in ("loss", "epochs", "rounds"))
        assert text.count("stroke-dasharray='2 2'") == 1
