"""Energy: counters that rise, wrap, are not there, or cannot be read by this user."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.efficiency.energy import energy_meter


@pytest.fixture
def powercap(tmp_path: Path) -> Path:
    """A machine with two processors, one of whose cores are counted on their own too."""
    for name, title in (("intel-rapl:0", "package-0"), ("intel-rapl:1", "package-1"), ("intel-rapl:0:0", "core")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "name").write_text(f"{title}\n")
        (folder / "energy_uj").write_text("1000000\n")
        (folder / "max_energy_range_uj").write_text("5000000\n")
    return tmp_path


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)


def test_joules_of_all_processors_are_added(powercap) -> None:
    meter = energy_meter(powercap)
    before = meter.read()
    for name, value in (("intel-rapl:0", 3_000_000), ("intel-rapl:1", 1_500_000), ("intel-rapl:0:0", 9_000_000)):
        (powercap / name / "energy_uj").write_text(str(value))

    assert meter.since(before) == pytest.approx(2.0 + 0.5)
    assert [counter.name for counter in meter.counters] == ["intel-rapl:0 (package-0)", "intel-rapl:1 (package-1)"]
    assert meter.problem == ""


def test_a_counter_that_began_again_is_understood(powercap) -> None:
    meter = energy_meter(powercap)
    before = meter.read()

    (powercap / "intel-rapl:0" / "energy_uj").write_text("500000")

    assert meter.since(before) == pytest.approx(4.5)


def test_without_counters_energy_is_unknown(tmp_path) -> None:
    meter = energy_meter(tmp_path)

    assert meter.since(meter.read()) is None
    assert meter.problem == f"no RAPL counters under {tmp_path}; no NVML: pynvml is not installed"


def test_counters_that_may_not_be_read_are_told(powercap, monkeypatch) -> None:
    read = Path.read_text

    def refused(path: Path, *arguments: object, **named: object) -> str:
        if path.name == "energy_uj":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path, *arguments, **named)

    monkeypatch.setattr(Path, "read_text", refused)
    meter = energy_meter(powercap)

    assert meter.counters == ()
    assert f"{powercap / 'intel-rapl:0' / 'energy_uj'} cannot be read by this user" in meter.problem


def test_the_counters_of_gpus_are_read_too(tmp_path, monkeypatch) -> None:
    told = iter([10_000, 10_000, 12_500])
    nvml = SimpleNamespace(
        nvmlInit=lambda: None,
        nvmlDeviceGetCount=lambda: 1,
        nvmlDeviceGetHandleByIndex=lambda i: i,
        nvmlDeviceGetTotalEnergyConsumption=lambda handle: next(told),
    )
    monkeypatch.setitem(sys.modules, "pynvml", nvml)

    meter = energy_meter(tmp_path)

    assert meter.since(meter.read()) == pytest.approx(2.5)
    assert [counter.name for counter in meter.counters] == ["GPU 0"]
