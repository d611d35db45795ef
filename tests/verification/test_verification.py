"""`harness verify`: where all numbers hold, where one fails, and where data is not available."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli.main import cli
from harness.errors import BadData
from harness.plugins.catalog import load_catalog
from harness.plugins.registry import Registry
from harness.verification import cases as cases_module
from harness.verification import published
from harness.verification.cases import cases
from harness.verification.comparison import Case, CaseResult
from harness.verification.context import VerificationContext
from harness.verification.fev import CHECKSUMS
from harness.verification.published import Source

SOURCE = Source("Somebody", "at noon", "Somebody 1999", {"naive": {"MAE": "1.25", "windows": "3"}})
WITHOUT_DATA = (published.DIEBOLD_MARIANO, published.HARVEY, published.DEMSAR)
SUMMARY = "{} of {} numbers hold to the digits given, {} fail"
SKIPPED = SUMMARY + ", {} skipped, data or results not available"
TRAINED = (published.WEATHER_NAIVE, published.WEATHER_NETWORKS)  # whose board a run of hours is needed for


@pytest.fixture
def verify(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Result]:
    """Runs the command beside an empty home, as wide as the terminal says."""
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "home").mkdir()

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(cli, ["verify", "--home", str(tmp_path / "home"), *arguments])

    return run


@pytest.fixture
def without_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HARNESS_DATA_DIR", raising=False)


@pytest.fixture
def all_data(real_file: Callable[[str], Path]) -> None:
    for name in ("Hourly-train.csv", "Hourly-test.csv", "ETTh1.csv", "ETTh2.csv"):
        real_file(name)
    for name in CHECKSUMS:
        real_file(f"fev_bench/{name}.csv")


def statistics_only(monkeypatch: pytest.MonkeyPatch) -> tuple[Case, ...]:
    """Leaves only what takes no data to the command."""
    kept = tuple(case for case in cases() if case.source in (published.DIEBOLD_MARIANO, published.DEMSAR))
    monkeypatch.setattr(cases_module, "cases", lambda: kept)
    return kept


def flat(text: str) -> str:
    return " ".join(text.split())


class TestCaseResult:
    @pytest.mark.parametrize(
        ("ours", "verdict"),
        [(1.25, "holds"), (1.2549, "holds"), (1.245, "holds"), (1.2551, "fails"), (1.2449, "fails")],
    )
    def test_holds_within_half_a_unit_of_the_last_digit(self, ours: float, verdict: str) -> None:
        finding = Case(SOURCE, "naive", "MAE", lambda *_: ours).compare(None)  # type: ignore[arg-type]

        assert finding.digits == 2
        assert finding.verdict == verdict

    def test_what_is_no_number_fails(self) -> None:
        assert CaseResult(SOURCE, "naive", "MAE", 1.25, 2).verdict == "fails"

    def test_a_count_of_windows_is_no_published_number(self) -> None:
        kinds = [CaseResult(SOURCE, "naive", quantity, 3.0, 0).kind for quantity in ("MAE", "windows")]

        assert kinds == ["published", "count"]

    def test_an_error_of_ours_fails_and_is_the_reason(self) -> None:
        def broken(*_: object) -> float:
            raise BadData("no luck")

        finding = Case(SOURCE, "naive", "MAE", broken).compare(None)  # type: ignore[arg-type]

        assert (finding.verdict, finding.reason) == ("fails", "no luck")

    def test_what_the_catalog_lacks_is_not_here(self, tmp_path: Path) -> None:
        catalog = load_catalog()
        catalog.forecasters = Registry("forecaster", [], lambda spec: spec.name)
        case = next(case for case in cases() if case.of == "drift")

        finding = case.compare(VerificationContext(catalog, tmp_path))

        assert (finding.verdict, finding.reason) == ("skipped", "no forecaster called 'drift'; known: none")


class TestCommand:
    def test_all_holds_where_the_data_is_here(self, all_data: None, verify: Callable[..., Result]) -> None:
        said = verify()

        assert said.exit_code == 0, said.output
        computed = len([case for case in cases() if case.source not in TRAINED])
        assert flat(said.output).endswith(SKIPPED.format(computed, computed, 0, len(cases()) - computed))
        assert max(map(len, said.output.splitlines())) <= 100
        for line in (
            "29 of 29 published numbers hold; 6 skipped, not available",
            "18 of 18 outputs of other programs hold",
            "15 of 15 results of published protocols or formulas hold",
            "11 of 11 counts of windows hold",
        ):
            assert line in said.output.splitlines()
        assert "…" not in said.output.replace("0.1 … 0.9", "").replace("0.01 … 100", "")
        for source in {case.source.title for case in cases()}:
            assert source in said.output

    def test_without_data_the_statistics_hold_and_it_says_what_would_help(
        self, without_data: None, verify: Callable[..., Result], tmp_path: Path
    ) -> None:
        said = verify()

        assert said.exit_code == 0, said.output
        held = [case for case in cases() if case.source in WITHOUT_DATA]
        assert flat(said.output).endswith(SKIPPED.format(len(held), len(held), 0, len(cases()) - len(held)))
        lines = said.output.splitlines()
        assert "2 of 2 published numbers hold; 33 skipped, not available" in lines
        assert "0 counts of windows were checked; 11 skipped, not available" in lines
        for name in ("m4-hourly", "ett-1h", "etth1", "weather"):
            assert f"harness data fetch {name}" in flat(said.output)
        assert "results into" in flat(said.output)
        assert "fev_bench/autoarima.csv" in said.output
        assert max(map(len, said.output.splitlines())) <= 100
        assert list((tmp_path / "home").iterdir()) == []

    @pytest.mark.parametrize(
        ("name", "expected", "mended_by", "count"),
        [
            ("Hourly-train.csv", "ea59b7783573c490", "run `harness data fetch m4-hourly`", 17),
            ("fev_bench/autoarima.csv", CHECKSUMS["autoarima"], "get it from the history of", 12),
        ],
    )
    def test_an_altered_file_is_an_error(
        self,
        verify: Callable[..., Result],
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
        name: str,
        expected: str,
        mended_by: str,
        count: int,
    ) -> None:
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True)
        path.write_text("model_name,task_name,MASE\n", "utf-8")
        monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path / "data"))

        said = verify()

        assert said.exit_code == 1, said.output
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        text = said.output.replace("\n", "").replace(" ", "")
        assert f"{path}isnotthefileofdataset" in text
        assert f"itssha256is{found},not{expected}" in text
        assert mended_by in flat(said.output)
        assert f"{count} could not be computed from altered data files" in flat(said.output)

    def test_a_number_that_is_not_ours_fails(
        self, monkeypatch: pytest.MonkeyPatch, verify: Callable[..., Result]
    ) -> None:
        numbers = {"mean ranks": {"Friedman's χ²": "9.29", "critical difference": "1.25"}}
        monkeypatch.setattr(published, "DEMSAR", replace(published.DEMSAR, numbers=numbers))
        kept = statistics_only(monkeypatch)

        said = verify()

        assert said.exit_code == 1
        assert flat(said.output).endswith(SUMMARY.format(len(kept) - 1, len(kept), 1))
        (row,) = [line for line in said.output.splitlines() if "fails" in line]
        assert row.split()[-4:-2] == ["9.28", "9.29"]

    def test_csv_has_a_row_a_number(self, monkeypatch: pytest.MonkeyPatch, verify: Callable[..., Result]) -> None:
        kept = statistics_only(monkeypatch)

        rows = list(csv.DictReader(io.StringIO(verify("--csv").output)))

        assert [(row["of"], row["quantity"]) for row in rows] == [(case.of, case.quantity) for case in kept]
        assert {row["verdict"] for row in rows} == {"holds"}
        assert [row["kind"] for row in rows] == ["program"] * 6 + ["published"] * 2
        assert all(row["reference"] for row in rows)
        assert [row["published"] for row in rows] == [case.source.numbers[case.of][case.quantity] for case in kept]
        for row in rows:
            assert float(row["ours"]) - float(row["published"]) == pytest.approx(float(row["difference"]))
