"""`harness data check`: how a file is read, and what its checks found."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.cli.main import main

Check = Callable[..., "Result"]

GOOD = "date,shop,sales,promo,area\n" + "".join(
    f"2024-{month:02d}-01,{shop},{month * (3 if shop == 'b' else 2) % 7},{month % 2},{len(shop)}\n"
    for shop in ("b", "[red]a")
    for month in range(1, 13)
)


@dataclass(frozen=True)
class Result:
    """What a command printed, and its exit code."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        """All that was printed."""
        return self.stdout + self.stderr


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Check:
    """Runs `harness data check` in this process."""
    monkeypatch.setenv("HARNESS_HOME", str(tmp_path / "home"))

    def check(path: Path, *options: str, width: str = "100") -> Result:
        monkeypatch.setenv("COLUMNS", width)
        monkeypatch.setattr(sys, "argv", ["harness", "data", "check", str(path), *options])
        with pytest.raises(SystemExit) as ended:
            main()
        assert isinstance(ended.value.code, int)
        return Result(ended.value.code, *capsys.readouterr())

    return check


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "sales.csv"
    path.write_text(GOOD)
    return path


def test_it_prints_what_each_column_is_and_why(run: Check, path: Path) -> None:
    result = run(path, "--target", "sales", "--known", "promo")

    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert result.exit_code == 0, result.output
    for line in (
        "time date the only column with dates",
        "id shop each series has one row for each time by it",
        "target sales named by --target",
        "known promo named by --known",
        "static area it has one value in each series",
        "series 2: b, [red]a",
        "observations 24, in each series 12",
        "times 2024-01-01 to 2024-12-01",
        "frequency MS",
        "season length 12 steps (usual for this frequency)",
        "channel sales (target)",
        "promo (known covariate)",
        "static area",
    ):
        assert line in lines


def test_findings_are_grouped_with_effects_and_remedies(run: Check, path: Path) -> None:
    path.write_text(GOOD.replace("2024-03-01,b", "2024-02-01,b"))

    result = run(path, "--target", "sales", "--known", "promo")

    text = " ".join(result.stdout.split())
    assert result.exit_code == 2
    assert "TO BE MENDED FIRST repeated times: sales.csv, line 4: series 'b' has two rows for 2024-02-01" in text
    assert "Effect: a series has one value at each time. Remedy: combine them by --aggregate mean" in text


def test_a_remedy_mends_the_file(run: Check, path: Path) -> None:
    path.write_text(GOOD.replace("2024-03-01,b", "2024-02-01,b"))

    result = run(path, "--target", "sales", "--aggregate", "mean", "--fill", "zero", "--season", "4")

    text = " ".join(result.stdout.split())
    assert result.exit_code == 0, result.output
    assert "CHANGED WHILE READING repeated times: sales.csv, line 4" in text
    assert "season length 4 steps (stated by --season)" in text


@pytest.mark.parametrize("width", ["40", "60", "100"])
def test_lines_fit_into_the_terminal(run: Check, path: Path, width: str) -> None:
    path.write_text(GOOD.replace("2024-03-01,b", "2024-02-01,b"))

    lines = run(path, "--target", "sales", width=width).stdout.splitlines()

    findings = lines[lines.index("TO BE MENDED FIRST") :]
    assert max(map(len, findings)) <= int(width)


def test_control_characters_are_visible(run: Check, path: Path) -> None:
    path.write_text(GOOD.replace("[red]a", "\x1b[31ma").replace("area", "a\x07rea"))

    result = run(path, "--target", "sales")

    assert "\x1b" not in result.output
    assert r"\x1b[31ma" in result.output
    assert r"a\x07rea" in result.output


def test_many_columns_are_counted(run: Check, tmp_path: Path) -> None:
    names = [f"s{i}" for i in range(30)]
    rows = [",".join([f"2024-01-{day:02d}", *(str((day * i) % 5) for i in range(30))]) for day in range(1, 31)]
    (tmp_path / "wide.csv").write_text("\n".join([",".join(["time", *names]), *rows]))

    result = run(tmp_path / "wide.csv", "--wide")

    assert result.exit_code == 0, result.output
    assert "30: s0, s1, s2, …" in result.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--target", "sale"], "there is no column 'sale'; did you mean 'sales'?"),
        (["--target", "sales,promo"], "no column 'sales,promo'; repeat --target: --target sales --target promo"),
        (
            ["--target", "sales", "--known", "a, promo"],
            "there is no column 'a, promo'; repeat --known: --known a --known",
        ),
        (["--target", "sales", "--static", "x,y"], "there is no column 'x,y'; the columns are 'date', 'shop'"),
        (["--target", "sales", "--freq", "monthly"], "'monthly' is not a frequency"),
        (["--target", "sales", "--known", "sales"], "column 'sales' is named as target and as known; name it once"),
    ],
)
def test_wrong_options_exit_with_2_and_one_sentence(run: Check, path: Path, options: list[str], message: str) -> None:
    result = run(path, *options)

    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
    assert "Traceback" not in result.output


def test_dates_and_decimals_are_read_as_the_options_say(run: Check, tmp_path: Path) -> None:
    rows = "".join(f"0{month}/01/2024;{month}.234\n" for month in range(1, 10))
    (tmp_path / "a.csv").write_text(f"date;y\n{rows}")

    assert run(tmp_path / "a.csv").exit_code == 2
    result = run(tmp_path / "a.csv", "--month-first", "--decimal", ".")

    assert result.exit_code == 0, result.output
    assert "frequency      MS" in result.stdout
