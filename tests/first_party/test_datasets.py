"""The datasets that come with harness, against their sources and published figures."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from statsmodels import datasets as sources

import harness_datasets
from harness import (
    BadData,
    DatasetSpec,
    Floats,
    ForecasterSpec,
    Panel,
    RollingOrigin,
    Task,
    hookimpl,
)
from harness.boards.leaderboard import Entry, load_board
from harness.boards.overlap import training_overlaps
from harness.data import files as data_files
from harness.plugins.catalog import load_catalog
from harness_datasets import bundled, files, synthetic

SPECS = {spec.name: spec for spec in harness_datasets.harness_datasets()}
BUNDLED = ("sunspots", "co2", "elnino", "nile", "macrodata")
RealFile = Callable[[str], Path]


def dates(panel: Panel, series: int = 0) -> pd.DatetimeIndex:
    return pd.date_range(panel.start[series], periods=int(panel.lengths[series]), freq=panel.freq)


@pytest.fixture(scope="module")
def cosine() -> Panel:
    return synthetic.cosine()


@pytest.fixture(scope="module")
def held_out(cosine: Panel) -> Floats:
    return cosine[1024 + 128 :].values.reshape(1000, 1000)


class TestSpecs:
    def test_listing_loads_nothing_heavy(self) -> None:
        program = (
            "import sys, harness_datasets; harness_datasets.harness_datasets(); "
            "print(sorted({'numpy', 'pandas', 'statsmodels', 'torch', 'pooch'} & set(sys.modules)))"
        )

        printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

        assert printed.strip() == "[]"

    @pytest.mark.parametrize("spec", SPECS.values(), ids=str)
    def test_every_spec_says_what_it_is_where_from_and_under_which_licence(self, spec: DatasetSpec) -> None:
        assert spec.description
        assert spec.source
        assert spec.licence

    def test_every_file_has_an_address_that_ends_in_its_name_and_a_sum(self) -> None:
        # never here so far: they are trusted on first use
        unknown = {"weather", "m4-yearly", "m4-quarterly", "m4-monthly", "m4-daily", "ettm1", "ettm2"}
        for spec in SPECS.values():
            for file in spec.files:
                assert file.url.startswith("https://")
                assert file.url.endswith("/" + file.name)
                assert (file.sha256 is None) == (spec.name in unknown)
                assert file.sha256 is None or len(file.sha256) == 64

    @pytest.mark.parametrize(
        "name",
        [
            *("cosine", "sine", "sine-generation", "adding-10", "copy-10", "covariates", "vic-elec", *BUNDLED),
            *("states", "dyck-words", "reverse", "sort", "dates"),
        ],
    )
    def test_datasets_without_files_are_the_same_at_every_load(self, name: str) -> None:
        first, second = SPECS[name].panel(), SPECS[name].panel()

        assert first.fingerprint() == second.fingerprint()

    @pytest.mark.parametrize("name", BUNDLED)
    def test_what_statsmodels_brings_depends_on_its_version(self, name: str) -> None:
        assert SPECS[name].depends == ("statsmodels",)
        assert "public domain" in getattr(sources, name).COPYRIGHT


class TestAliases:
    """Names from the Monash archive, GIFT-Eval, fev-bench, Chronos and the papers, in their spelling."""

    @pytest.mark.parametrize(
        ("name", "datasets"),
        [
            ("M4", {f"m4-{each}" for each in ("yearly", "quarterly", "monthly", "weekly", "daily", "hourly")}),
            ("M4 Hourly", {"m4-hourly"}),
            ("m4_hourly_dataset", {"m4-hourly"}),
            ("monash_m4_hourly", {"m4-hourly"}),
            ("M4 (Weekly)", {"m4-weekly"}),
            ("ETTh1", {"etth1", "ettm1", "ett-1h"}),  # its rows are every fourth of ETTm1
            ("ETTm2", {"etth2", "ettm2", "ett-1h"}),
            ("ett_small_h1", {"etth1", "ettm1", "ett-1h"}),
            ("ETT (15 Min.)", {"ettm1", "ettm2"}),
            ("ETT_1H", {"etth1", "etth2", "ett-1h"}),
            ("ETT", {"etth1", "etth2", "ettm1", "ettm2", "ett-1h"}),
            ("Jena Weather", {"weather"}),
            ("sunspot_without_missing", {"sunspots"}),
            ("Nile", {"nile"}),
            ("ETTh3", set()),
        ],
    )
    def test_names_lead_to_the_datasets_with_that_data(self, name: str, datasets: set[str]) -> None:
        trained = ForecasterSpec("trained", "harness_models.naive:Naive", trained_on=(name,))
        catalog = load_catalog({"trained": SimpleNamespace(harness_forecasters=hookimpl(lambda: [trained]))})
        included = [spec.name for spec in harness_datasets.harness_datasets()]
        tasks = [Task(dataset, RollingOrigin(1, windows=1)) for dataset in included]

        found = training_overlaps([Entry("trained"), Entry("naive")], tasks, catalog)

        assert {title: set(overlap.tasks) for title, overlap in found.items()} == {"trained": datasets}


class TestCosine:
    def test_its_parts_follow_one_another(self, cosine: Panel) -> None:
        assert cosine.static["part"] == ("training",) * 1024 + ("validation",) * 128 + ("held-out",) * 1000
        assert [cosine.ids[i] for i in (0, 1023, 1024, 1151, 1152, 2151)] == [
            "training-0001",
            "training-1024",
            "validation-0001",
            "validation-0128",
            "held-out-0001",
            "held-out-1000",
        ]
        assert (cosine.lengths == 1000).all()

    def test_it_tells_nobody_its_period(self, cosine: Panel) -> None:
        assert cosine.season_length == 1
        assert cosine.freq is None

    def test_its_exact_recurrence_runs_free_without_error(self, held_out: Floats) -> None:
        run = held_out.copy()

        for t in range(100, 1000):
            run[:, t] = 2 * np.cos(10 / 99) * run[:, t - 1] - run[:, t - 2]

        assert ((run - held_out)[:, 100:] ** 2).mean() < 1e-26  # measured before: 6e-27

    def test_amplitudes_are_uniform_between_a_half_and_one_and_a_half(self, held_out: Floats) -> None:
        # x_t = a cos(w t) + b sin(w t), so A² = a² + b²
        t = np.arange(1000) * 10 / 99
        parts, *_ = np.linalg.lstsq(np.stack([np.cos(t), np.sin(t)], axis=1), held_out.T, rcond=None)

        amplitude = np.hypot(*parts)

        assert 0.5 <= amplitude.min() < 0.51
        assert 1.49 < amplitude.max() <= 1.5
        assert amplitude.mean() == pytest.approx(1, abs=4 / np.sqrt(12 * 1000))

    def test_phases_cover_the_circle(self, held_out: Floats) -> None:
        t = np.arange(1000) * 10 / 99
        (a, b), *_ = np.linalg.lstsq(np.stack([np.cos(t), np.sin(t)], axis=1), held_out.T, rcond=None)

        quarters = np.bincount((np.arctan2(-b, a) % (2 * np.pi) // (np.pi / 2)).astype(int), minlength=4)

        assert (np.abs(quarters - 250) < 4 * np.sqrt(1000 * 3 / 16)).all()

    def test_predicting_zero_has_the_published_error(self, held_out: Floats) -> None:
        # E[A²]/2 = 13/24 = 0.542, around which a thousand waves scatter by 0.009
        assert (held_out[:, 100:] ** 2).mean() == pytest.approx(0.532, abs=0.01)

    def test_persistence_has_the_published_error(self, held_out: Floats) -> None:
        # E[A²] = 13/12 = 1.083: twice that of zero, as the last value known is as large and unrelated
        assert ((held_out[:, 100:] - held_out[:, 99:100]) ** 2).mean() == pytest.approx(1.07, abs=0.02)

    def test_no_two_waves_are_alike(self, cosine: Panel) -> None:
        beginnings = cosine.values.reshape(-1, 1000)[:, :2]

        assert len(np.unique(beginnings, axis=0)) == len(cosine)


class TestSine:
    def test_its_parts_follow_one_another(self) -> None:
        panel = synthetic.sine()

        assert panel.static["part"] == ("training",) * 2048 + ("validation",) * 256 + ("held-out",) * 1000
        assert (panel.lengths == 100).all()
        assert panel.season_length == 1

    def test_every_wave_is_a_sine_of_amplitude_one(self) -> None:
        waves = synthetic.sine().values.reshape(-1, 100)
        w = 10 / 99

        # sin and cos of w t + φ from two neighbours: their squares add up to 1
        quadrature = (waves[:, 1:] - waves[:, :-1] * np.cos(w)) / np.sin(w)

        assert np.abs(waves[:, :-1] ** 2 + quadrature**2 - 1).max() < 1e-12

    def test_predicting_zero_has_the_published_error(self) -> None:
        waves = synthetic.sine()[2048 + 256 :].values

        assert (waves**2).mean() == pytest.approx(0.5, abs=0.01)


class TestSineGeneration:
    def test_its_test_waves_are_eleven_times_as_long_as_those_to_train_on(self) -> None:
        panel = synthetic.sine_generation()

        assert panel.static["part"] == ("training",) * 2048 + ("validation",) * 256 + ("held-out",) * 1000
        assert panel.lengths.tolist() == [100] * 2304 + [1100] * 1000

    def test_its_exact_recurrence_runs_free_without_error(self) -> None:
        waves = synthetic.sine_generation()[2304:].values.reshape(1000, 1100)
        run = waves.copy()

        for t in range(100, 1100):
            run[:, t] = 2 * np.cos(10 / 99) * run[:, t - 1] - run[:, t - 2]

        assert ((run - waves)[:, 100:] ** 2).mean() < 1e-26


class TestMemory:
    @pytest.mark.parametrize("rows", [10, 30, 60])
    def test_the_sum_is_that_of_the_marked_values(self, rows: int) -> None:
        panel = SPECS[f"adding-{rows}"].panel()
        target, values, markers = panel.values.reshape(6500, 61, 3).transpose(2, 0, 1)

        assert (markers[:, 60 - rows : 60 - rows // 2].sum(axis=1) == 1).all()  # one in each half
        assert (markers.sum(axis=1) == 2).all()
        assert (markers[:, -1 - rows // 2 :].sum(axis=1) == 1).all()
        np.testing.assert_allclose(target[:, -1], (values * markers).sum(axis=1) - 1, rtol=0, atol=1e-15)
        assert not target[:, :-1].any()
        assert not panel.values.reshape(6500, 61, 3)[:, -1, 1:].any()

    def test_predicting_the_mean_has_the_published_error(self) -> None:
        target = SPECS["adding-30"].panel().values.reshape(6500, 61, 3)[:, -1, 0]

        assert (target**2).mean() == pytest.approx(0.167, abs=0.01)  # Arjovsky, Shah & Bengio 2016

    @pytest.mark.parametrize("rows", [10, 30, 60])
    def test_four_values_are_repeated(self, rows: int) -> None:
        values = SPECS[f"copy-{rows}"].panel().values.reshape(6500, 64)

        first = 60 - rows
        np.testing.assert_array_equal(values[:, -4:], values[:, first : first + 4])
        assert not values[:, :first].any()
        assert not values[:, first + 4 : -4].any()
        assert (values[:, -4:] ** 2).mean() == pytest.approx(1 / 3, abs=0.01)
        assert len(np.unique(values[:, -1])) == 6500


class TestBundled:
    def test_sunspots_are_those_of_statsmodels(self) -> None:
        panel, frame = bundled.sunspots(), sources.sunspots.load_pandas().data

        np.testing.assert_array_equal(panel.values[:, 0], frame["SUNACTIVITY"])
        assert dates(panel).year.tolist() == frame["YEAR"].astype(int).tolist()
        assert panel.season_length == 11
        assert panel.values[1957 - 1700, 0] == 190.2  # the highest maximum on record

    def test_co2_keeps_its_missing_weeks(self) -> None:
        panel, frame = bundled.co2(), sources.co2.load_pandas().data

        np.testing.assert_array_equal(panel.values[:, 0], frame["co2"])
        assert dates(panel).equals(pd.DatetimeIndex(frame.index.to_numpy(dtype="datetime64[ns]")))
        assert np.isnan(panel.values).sum() == 2284 - 2225  # statsmodels' notes: 2225 observations
        assert panel.values[0, 0] == 316.1
        assert panel.values[-1, 0] == 371.5

    def test_elnino_is_unrolled_month_by_month(self) -> None:
        panel, frame = bundled.elnino(), sources.elnino.load_pandas().data
        long = frame.melt(id_vars="YEAR", var_name="month")
        long["date"] = pd.to_datetime(long["YEAR"].astype(int).astype(str) + long["month"], format="%Y%b")
        long = long.sort_values("date")

        np.testing.assert_array_equal(panel.values[:, 0], long["value"])
        assert dates(panel).tolist() == long["date"].tolist()
        assert panel.season_length == 12

    def test_nile_is_that_of_statsmodels(self) -> None:
        panel, frame = bundled.nile(), sources.nile.load_pandas().data

        np.testing.assert_array_equal(panel.values[:, 0], frame["volume"])
        assert dates(panel).year.tolist() == list(range(1871, 1971))
        assert panel.values.mean() == pytest.approx(919.35)  # published everywhere, first by Cobb

    def test_macrodata_is_one_series_of_twelve_channels(self) -> None:
        panel, frame = bundled.macrodata(), sources.macrodata.load_pandas().data

        assert len(panel) == 1
        for i, channel in enumerate(panel.channels):
            np.testing.assert_array_equal(panel.values[:, i], frame[channel.name])
        assert [panel.channels[i].name for i in panel.targets] == list(bundled.MACRO_TARGETS)
        assert len(panel.channels_of("past covariate")) == 7
        assert dates(panel).year.tolist() == frame["year"].astype(int).tolist()
        assert dates(panel).quarter.tolist() == frame["quarter"].astype(int).tolist()


class TestM4:
    @pytest.fixture
    def panel(self, real_file: RealFile) -> Panel:
        return files.m4_hourly(real_file("Hourly-train.csv"), real_file("Hourly-test.csv"))

    def test_it_holds_the_414_series_with_their_futures(self, panel: Panel) -> None:
        assert panel.ids == tuple(f"H{i}" for i in range(1, 415))
        assert set(panel.lengths.tolist()) == {700 + 48, 960 + 48}
        assert (panel.lengths == 748).sum() == 169  # M4: 169 series of 700 and 245 of 960 hours
        assert panel.season_length == 24
        assert panel.freq is None

    def test_values_are_those_of_the_files(self, panel: Panel, real_file: RealFile) -> None:
        train = pd.read_csv(real_file("Hourly-train.csv"), index_col=0)
        test = pd.read_csv(real_file("Hourly-test.csv"), index_col=0)

        for name, values in zip(panel.ids, panel, strict=True):
            np.testing.assert_array_equal(values[:-48, 0], train.loc[name].dropna())
            np.testing.assert_array_equal(values[-48:, 0], test.loc[name])

    def test_seasonal_naive_has_the_published_smape(self, panel: Panel) -> None:
        errors = []
        for values in panel:
            actual, forecast = values[-48:, 0], np.tile(values[-72:-48, 0], 2)
            errors.append(np.mean(200 * np.abs(actual - forecast) / (np.abs(actual) + np.abs(forecast))))

        assert np.mean(errors) == pytest.approx(13.912273, abs=5e-7)


@pytest.mark.parametrize(
    ("frequency", "horizon", "season_length", "count"),
    [
        ("yearly", 6, 1, "23,000"),
        ("quarterly", 8, 4, "24,000"),
        ("monthly", 18, 12, "48,000"),
        ("weekly", 13, 1, "359"),
        ("daily", 14, 1, "4,227"),
        ("hourly", 48, 24, "414"),
    ],
)
class TestM4Frequencies:
    """The six parts of the competition, in small files of its format."""

    def test_horizon_and_season_are_those_of_the_competition(
        self, tmp_path: Path, frequency: str, horizon: int, season_length: int, count: str
    ) -> None:
        spec = SPECS[f"m4-{frequency}"]
        initial, ahead = frequency[0].upper(), [str(100 + i) for i in range(horizon)]
        train, test = (tmp_path / file.name for file in spec.files)
        train.write_text(f'"V1","V2","V3","V4"\n"{initial}1","1","2.5","3"\n"{initial}2",4,,\n')
        test.write_text('"V1","V2"\n' + "".join(f'"{initial}{i}",{",".join(ahead)}\n' for i in (1, 2)))

        panel = spec.panel((train, test))

        assert panel.ids == (f"{initial}1", f"{initial}2")
        assert panel.lengths.tolist() == [3 + horizon, 1 + horizon]
        assert panel[1:].values.ravel().tolist() == [4, *range(100, 100 + horizon)]
        assert panel.season_length == season_length
        assert spec.description.startswith(f"the {count} {frequency} series")
        assert f"{horizon} test values" in spec.description

    def test_a_board_forecasts_just_that_horizon(
        self, frequency: str, horizon: int, season_length: int, count: str
    ) -> None:
        board = load_board(f"m4-{frequency}", load_catalog())

        (task,) = board.tasks
        assert task.dataset == f"m4-{frequency}"
        assert task.protocol == RollingOrigin(horizon, windows=1)
        assert board.baseline == ("naive" if season_length == 1 else "seasonal-naive")

    def test_files_are_those_of_the_organisers(
        self, frequency: str, horizon: int, season_length: int, count: str
    ) -> None:
        name = frequency.capitalize()
        folder = "https://raw.githubusercontent.com/Mcompetitions/M4-methods/master/Dataset"

        urls = [file.url for file in SPECS[f"m4-{frequency}"].files]

        assert urls == [f"{folder}/Train/{name}-train.csv", f"{folder}/Test/{name}-test.csv"]


class TestBrokenM4:
    @staticmethod
    def read(folder: Path, train: str, test: str | None = None) -> Panel:
        (folder / "train.csv").write_text(train)
        ahead = '"V1","V2"\n"H1",' + ",".join(["1"] * 48) + "\n"
        (folder / "test.csv").write_text(ahead if test is None else test)
        return files.m4_hourly(folder / "train.csv", folder / "test.csv")

    def test_ragged_rows_are_cut_at_their_empty_cells(self, tmp_path: Path) -> None:
        panel = self.read(tmp_path, '"V1","V2","V3","V4"\n"H1","5","6.5",\n\n')

        assert panel.values[:3, 0].tolist() == [5, 6.5, 1]
        assert panel.lengths.tolist() == [2 + 48]

    @pytest.mark.parametrize(
        ("train", "message"),
        [
            ("", "train.csv, line 1: the header must begin with V1, not ''"),
            ('"id","V2"\n"H1",5\n', "train.csv, line 1: the header must begin with V1, not 'id,V2'"),
            ('"V1","V2"\n', "train.csv holds no series"),
            ('"V1","V2"\n"H1",5\n"H2",,\n', "train.csv, line 3: series 'H2' is empty"),
            ('"V1","V2"\n"H1",5\n"H2"\n', "train.csv, line 3: series 'H2' is empty"),
            ('"V1","V2"\n"H1",5\n"H1",6\n', "train.csv, line 3: series 'H1' occurs twice"),
            ('"V1","V2"\n"H1",5,x,7\n', "train.csv, line 2: value 2 is 'x', not a number"),
            ('"V1","V2"\n"H1",5,,7\n', "train.csv, line 2: value 2 is '', not a number"),
            ('"V1","V2"\n"H1",inf\n', "train.csv, line 2: value 1 is 'inf', not a number"),
            ('"V1","V2"\n"H1",5\n"H2",5\n', "series 'H2' is in only one of"),
        ],
    )
    def test_a_broken_file_is_named_with_its_line(self, tmp_path: Path, train: str, message: str) -> None:
        with pytest.raises(BadData) as raised:
            self.read(tmp_path, train)

        assert message in str(raised.value)

    def test_a_future_of_another_length_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(BadData, match="series 'H1' has 2 values, but the horizon is 48"):
            self.read(tmp_path, '"V1","V2"\n"H1",5\n', '"V1","V2"\n"H1",5,6\n')


class TestETT:
    def test_the_seven_variables_are_those_of_the_file(self, real_file: RealFile) -> None:
        path = real_file("ETTh1.csv")
        frame = pd.read_csv(path, index_col="date", parse_dates=True)

        panel = files.ett_hourly(path)

        assert panel.ids == ("ETTh1",)
        assert [channel.name for channel in panel.channels] == frame.columns.tolist()
        assert len(panel.targets) == 7
        np.testing.assert_array_equal(panel.values, frame.to_numpy())
        assert dates(panel).tolist() == frame.index.tolist()
        assert panel.season_length == 24

    def test_a_task_may_forecast_the_oil_temperature_alone(self, real_file: RealFile) -> None:
        panel = files.ett_hourly(real_file("ETTh1.csv")).with_targets(("OT",))

        assert panel.targets == (6,)
        assert panel.target_values[0, 0] == 30.5310001373291

    def test_both_transformers_are_two_series(self, real_file: RealFile) -> None:
        panel = files.ett_hourly(real_file("ETTh1.csv"), real_file("ETTh2.csv"))

        assert panel.ids == ("ETTh1", "ETTh2")
        assert panel.lengths.tolist() == [17420, 17420]
        assert panel.values[17420, 0] == pd.read_csv(real_file("ETTh2.csv"))["HUFL"][0]

    def test_naive_has_the_published_long_horizon_error(self, real_file: RealFile) -> None:
        values = files.ett_hourly(real_file("ETTh1.csv")).values
        train = values[:8640]
        scaled = (values - train.mean(axis=0)) / train.std(axis=0)
        ahead = np.lib.stride_tricks.sliding_window_view(scaled, 96, axis=0)[11520 : 14400 - 96 + 1]

        mse = ((ahead - scaled[11519 : 14400 - 96, :, None]) ** 2).mean()

        assert len(ahead) == 2785
        assert mse == pytest.approx(1.294371, abs=5e-7)

    @pytest.mark.parametrize("name", ["m4-hourly", "etth1", "etth2", "ett-1h"])
    def test_the_specs_load_the_real_files(self, real_file: RealFile, name: str, tmp_path: Path) -> None:
        for file in SPECS[name].files:
            real_file(file.name)

        panel = data_files.load(SPECS[name], tmp_path)

        assert panel.complete

    HEADER = "date,HUFL,HULL,MUFL,MULL,LUFL,LULL,OT\n"
    ROW = "2016-07-01 00:00:00,1,2,3,4,5,6,7\n"

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "line 1: the header must be date,HUFL,HULL,MUFL,MULL,LUFL,LULL,OT, not ''"),
            ("date,OT\n", "line 1: the header must be date,HUFL,HULL,MUFL,MULL,LUFL,LULL,OT, not 'date,OT'"),
            (HEADER, "holds no rows"),
            (HEADER + ROW + "2016-07-01 01:00:00,1,2,3\n", "line 3: 3 values, not 7"),
            (HEADER + "2016-07-01 00:00:00,1,2,3,?,5,6,7\n", "line 2: value 4 is '?', not a number"),
            (HEADER + "2016-07-01 00:00:00,1,2,3,4,5,6,\n", "line 2: value 7 is '', not a number"),
            (HEADER + "yesterday,1,2,3,4,5,6,7\n", "line 2: 'yesterday' is not a date"),
            (HEADER + ",1,2,3,4,5,6,7\n", "line 2: '' is not a date"),
            (
                HEADER + ROW + "2016-07-01 02:00:00,1,2,3,4,5,6,7\n",
                "line 3: 2016-07-01 02:00:00 is not 60 minutes after",
            ),
            (HEADER + ROW + ROW, "line 3: 2016-07-01 00:00:00 is not 60 minutes after"),
        ],
    )
    def test_a_broken_file_is_named_with_its_line(self, tmp_path: Path, text: str, message: str) -> None:
        path = tmp_path / "ETTh1.csv"
        path.write_text(text)

        with pytest.raises(BadData) as raised:
            files.ett_hourly(path)

        assert str(raised.value).startswith(str(path))
        assert message in str(raised.value)


class TestQuarterHourlyETT:
    @staticmethod
    def written(folder: Path, name: str, *times: str) -> Path:
        path = folder / name
        path.write_text(TestETT.HEADER + "".join(f"{time},1,2,3,4,5,6,{i}\n" for i, time in enumerate(times)))
        return path

    @pytest.mark.parametrize("name", ["ettm1", "ettm2"])
    def test_rows_are_fifteen_minutes_apart_and_a_day_is_a_season(self, tmp_path: Path, name: str) -> None:
        (file,) = SPECS[name].files
        times = pd.date_range("2016-07-01", periods=100, freq="15min").strftime("%Y-%m-%d %H:%M:%S")

        panel = SPECS[name].panel((self.written(tmp_path, file.name, *times),))

        assert panel.ids == (file.name.removesuffix(".csv"),)
        assert panel.season_length == 96
        assert dates(panel).strftime("%Y-%m-%d %H:%M:%S").tolist() == times.tolist()
        assert panel.with_targets(("OT",)).target_values[:, 0].tolist() == list(range(100))

    def test_another_step_is_refused_with_file_and_line(self, tmp_path: Path) -> None:
        path = self.written(tmp_path, "ETTm1.csv", "2016-07-01 00:00:00", "2016-07-01 00:15:00", "2016-07-01 01:15:00")

        with pytest.raises(BadData) as raised:
            SPECS["ettm1"].panel((path,))

        assert str(raised.value) == f"{path}, line 4: 2016-07-01 01:15:00 is not 15 minutes after the line before"

    def test_hours_are_not_taken_for_quarters(self, tmp_path: Path) -> None:
        path = self.written(tmp_path, "ETTm1.csv", "2016-07-01 00:00:00", "2016-07-01 01:00:00")

        with pytest.raises(BadData, match="line 3: 2016-07-01 01:00:00 is not 15 minutes after"):
            SPECS["ettm1"].panel((path,))


def test_the_package_is_typed() -> None:
    assert (resources.files(harness_datasets) / "py.typed").is_file()
