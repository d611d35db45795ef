"""GPUs: which cells get which, with a stand-in of nvidia-smi, and forecasters that tell what their process sees."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest
from model_board import ModelBoard

from harness import BadInput, Resources
from harness.execution.devices import DevicePool, listed_devices, visible_devices
from harness.execution.workers.sandbox import _gpu_files
from harness.forecasters.described import DescribedFactory, FactoryDescription
from harness.forecasters.devices import CPU, Device
from harness.forecasters.spec import ForecasterSpec, spec_problem
from harness.forecasters.spec_fields import dump_spec, load_spec

FIRST, SECOND = "GPU-11111111-aaaa-0000-0000-000000000001", "GPU-22222222-bbbb-0000-0000-000000000002"
PART = "MIG-33333333-cccc-0000-0000-000000000003"
TWO = f"GPU 0: NVIDIA H200 (UUID: {FIRST})\nGPU 1: NVIDIA A10 (UUID: {SECOND})\n"
DIVIDED = f"GPU 0: NVIDIA H200 (UUID: {FIRST})\n  MIG 1g.18gb     Device  0: (UUID: {PART})\n" + TWO.splitlines()[1]


def make_nvidia_smi(folder: Path, listing: str = TWO, code: int = 0) -> str:
    """A program called nvidia-smi; returns the PATH on which it is found first."""
    folder.mkdir(exist_ok=True)
    program = folder / "nvidia-smi"
    program.write_text(
        f'#!/bin/sh\nif [ "$1" = -L ]; then cat <<END\n{listing}\nEND\nelse echo 550.54.15; fi\nexit {code}\n'
    )
    program.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture
def board(tmp_path: Path) -> ModelBoard:
    """A board on a machine with two GPUs."""
    return ModelBoard(tmp_path, {"PATH": make_nvidia_smi(tmp_path / "bin")})


@pytest.fixture
def on_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """A function that installs a nvidia-smi for this process."""

    def install(listing: str = TWO, code: int = 0) -> None:
        monkeypatch.setenv("PATH", make_nvidia_smi(tmp_path / "bin", listing, code))
        listed_devices.cache_clear()

    yield install
    listed_devices.cache_clear()


def seen(board: ModelBoard) -> list[str]:
    return [fit["gpu"] for fit in board.logged("fit")]


def most_at_once(board: ModelBoard, gpu: str) -> int:
    """How many fits ran at the same time on a GPU."""
    changes = [(line["begin"], 1) for line in board.logged("fit") if line["gpu"] == gpu]
    changes += [(line["end"], -1) for line in board.logged("end") if line["gpu"] == gpu]
    running, most = 0, 0
    for _, change in sorted(changes):
        running += change
        most = max(most, running)
    return most


class TestVisibleDevices:
    def test_all_are_named_by_their_uuids(self, on_path) -> None:
        on_path()

        assert visible_devices(variables={}) == (
            Device(FIRST, "NVIDIA H200", "550.54.15"),
            Device(SECOND, "NVIDIA A10", "550.54.15"),
        )

    @pytest.mark.parametrize(
        ("chosen", "shown", "names"),
        [
            (None, "1", ["1"]),
            (None, "1,0", ["1", "0"]),
            (None, "", []),
            (None, "-1", []),
            (None, "0,7,1", ["0"]),  # as for CUDA
            (None, f" {SECOND[:12]} ", [SECOND[:12]]),
            ("1", None, [SECOND]),
            (f"{FIRST},1", None, [FIRST, SECOND]),
            ("1", "1,0", ["1"]),
            ("none", None, []),
            ("", None, []),
        ],
    )
    def test_they_are_those_that_this_process_sees_and_of_them_the_chosen_ones(
        self, on_path, chosen: str | None, shown: str | None, names: list[str]
    ) -> None:
        on_path()

        found = visible_devices(chosen, {} if shown is None else {"CUDA_VISIBLE_DEVICES": shown})

        assert [device.visible for device in found] == names

    def test_those_of_the_variable_are_chosen_without_an_option(self, on_path) -> None:
        on_path()

        assert [device.visible for device in visible_devices(None, {"HARNESS_DEVICES": "1"})] == [SECOND]
        assert [device.visible for device in visible_devices("0", {"HARNESS_DEVICES": "1"})] == [FIRST]

    def test_the_parts_of_a_divided_gpu_take_its_place(self, on_path) -> None:
        on_path(DIVIDED)

        assert [(device.visible, device.name) for device in visible_devices(variables={})] == [
            (PART, "NVIDIA H200 MIG 1g.18gb"),
            (SECOND, "NVIDIA A10"),
        ]
        assert [device.visible for device in visible_devices(PART, {})] == [PART]
        (part,) = visible_devices(variables={"CUDA_VISIBLE_DEVICES": "MIG-GPU-11111111/1/0"})
        assert (part.visible, part.name) == ("MIG-GPU-11111111/1/0", "MIG device")

    @pytest.mark.parametrize(
        ("chosen", "shown", "words"),
        [
            ("5", None, r"no visible device '5'; visible are 0 \(NVIDIA H200\), 1 \(NVIDIA A10\)"),
            ("0", "1", r"no visible device '0'; visible are 1 \(NVIDIA A10\)"),
            ("GPU", None, "no visible device 'GPU'"),
        ],
    )
    def test_another_one_is_refused(self, on_path, chosen: str, shown: str | None, words: str) -> None:
        on_path()

        with pytest.raises(BadInput, match=words):
            visible_devices(chosen, {} if shown is None else {"CUDA_VISIBLE_DEVICES": shown})

    def test_there_are_none_where_the_program_fails(self, on_path) -> None:
        on_path("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.", 9)

        assert visible_devices(variables={}) == visible_devices(variables={"CUDA_VISIBLE_DEVICES": "0"}) == ()


class TestDevicePool:
    DEVICES = (Device("a"), Device("b"))

    def test_a_share_of_a_half_has_room_for_two(self) -> None:
        pool, half = DevicePool(self.DEVICES), Resources(device="cuda", device_share=0.5)

        taken = [pool.take(half).visible for _ in range(4)]

        assert sorted(taken) == ["a", "a", "b", "b"]
        assert taken[:2] in (["a", "b"], ["b", "a"])  # spread
        assert not pool.has_room(half)
        pool.give_back(self.DEVICES[1], half)
        assert pool.take(half) == self.DEVICES[1]

    def test_three_thirds_fit(self) -> None:
        pool, third = DevicePool(self.DEVICES[:1]), Resources(device="auto", device_share=1 / 3)

        assert [pool.take(third).visible for _ in range(3)] == ["a"] * 3
        assert not pool.has_room(third)

    def test_a_whole_one_waits_for_a_part_that_is_taken(self) -> None:
        pool = DevicePool(self.DEVICES[:1])
        pool.take(Resources(device="cuda", device_share=0.1))

        assert not pool.has_room(Resources(device="cuda"))
        assert pool.has_room(Resources())
        assert pool.take(Resources()) == CPU

    def test_the_preferred_one_is_taken_where_it_has_room(self) -> None:
        pool = DevicePool(self.DEVICES)

        assert pool.take(Resources(device="auto"), "b").visible == "b"
        assert pool.take(Resources(device="auto"), "b").visible == "a"

    def test_without_a_gpu_auto_is_the_cpu_and_cuda_is_refused(self) -> None:
        pool = DevicePool(())

        assert pool.take(Resources(device="auto")) == CPU
        with pytest.raises(BadInput, match="it needs a GPU"):
            pool.take(Resources(device="cuda"))


@pytest.mark.parametrize(
    ("resources", "words"),
    [
        (Resources(device="gpu"), "device must be 'cpu' or 'auto' or 'cuda', not 'gpu'"),  # type: ignore[arg-type]
        (Resources(device_share=0), "device_share must be a number above 0 and at most 1, not 0"),
        (Resources(device_share=1.5), "device_share must be a number above 0 and at most 1, not 1.5"),
        (Resources(custom=["licence"]), "custom must be a table of amounts by name"),  # type: ignore[arg-type]
        (Resources(custom={"": 1}), "custom has '', which must be the name of a resource"),
        (Resources(custom={"GPU": 1}), "custom has 'GPU', which is stated by device and device_share"),
        (Resources(custom={"cpu": 1}), "custom has 'cpu', which is stated by threads"),
        (Resources(custom={"licence": 0}), "custom['licence'] must be a number of at least 0.0001, not 0"),
        (Resources(custom={"licence": math.inf}), "custom['licence'] must be a number of at least 0.0001, not inf"),
        (Resources(custom={"licence": "1"}), "custom['licence'] must be a number"),  # type: ignore[dict-item]
    ],
)
def test_wrong_resources_of_a_spec_are_named(resources: Resources, words: str) -> None:
    assert words in spec_problem(ForecasterSpec("model", "package.module:Model", resources=resources))


def test_each_device_has_one_cell_at_a_time_and_others_none(board: ModelBoard) -> None:
    board.write({"cuda": {"seconds": 0.7}, "loads-each-time": {"seconds": 0.7}}, tasks=4)

    board.run("--jobs", "4")

    gpus = [fit["gpu"] for fit in board.logged("fit")]
    assert sorted(set(gpus)) == ["", FIRST, SECOND]
    assert gpus.count("") == 4
    assert most_at_once(board, FIRST) == most_at_once(board, SECOND) == 1


def test_resources_survive_the_way_through_a_process_of_an_environment() -> None:
    resources = Resources(threads=2, device="auto", device_share=0.5, custom={"licence": 1, "TPU": 0.5})
    spec = ForecasterSpec("model", "package.module:Model", resources=resources)

    told = json.loads(json.dumps(dump_spec(spec)))

    assert load_spec(told, DescribedFactory("env", FactoryDescription(), {})).resources == resources


def test_two_cells_with_half_a_device_share_one(board: ModelBoard) -> None:
    board.variables["CUDA_VISIBLE_DEVICES"] = "1"
    board.write({"half": {"seconds": 1.5}}, tasks=4)

    board.run("--jobs", "4")

    assert seen(board) == ["1"] * 4
    assert most_at_once(board, "1") == 2


def test_cells_without_a_gpu_do_not_wait_for_those_with_one(board: ModelBoard) -> None:
    board.write({"cuda": {"seconds": 3.0}, "loads-each-time": {}}, tasks=3)

    board.run("--jobs", "2", "--devices", "0")

    ends = {line["process"]: line["end"] for line in board.logged("end")}
    on_gpu = [ends[fit["process"]] for fit in board.logged("fit") if fit["gpu"]]
    on_cpu = [ends[fit["process"]] for fit in board.logged("fit") if not fit["gpu"]]
    assert len(on_gpu) == len(on_cpu) == 3
    assert max(on_cpu) < sorted(on_gpu)[1]


def test_a_reusable_forecaster_keeps_its_worker_on_its_gpu(board: ModelBoard) -> None:
    board.write({"auto": {}, "cuda": {}}, tasks=4)

    board.run("--jobs", "1")

    loads = [load for load in board.logged("load") if load["gpu"]]
    fits = [fit for fit in board.logged("fit") if fit["process"] in {load["process"] for load in loads[:1]}]
    assert [fit["fits"] for fit in fits] == [1, 2, 3, 4]
    assert len({fit["gpu"] for fit in fits}) == 1


def test_the_device_is_in_the_provenance_and_shown(board: ModelBoard) -> None:
    board.write({"auto": {}}, tasks=1)
    board.run("--jobs", "1", "--devices", "1")

    (record,) = board.records("auto")
    shown = board.run("--forecaster", "auto", command="show").stdout

    expected = {"requested": "auto", "kind": "cpu", "name": "NVIDIA A10", "driver": "550.54.15"}
    assert record["provenance"]["device"] == expected
    assert "device\n  task0: CPU (the forecaster did not use NVIDIA A10)" in shown


def test_without_a_gpu_auto_computes_on_the_cpu_and_cuda_stays_pending(board: ModelBoard) -> None:
    board.variables["HARNESS_DEVICES"] = "none"
    board.write({"auto": {}, "cuda": {}, "loads-each-time": {}}, tasks=2)

    done = board.run("--jobs", "2", code=2)

    assert set(seen(board)) == {""}
    assert [record["status"] for record in board.records("auto")] == ["completed"] * 2
    assert board.records("auto")[0]["provenance"]["device"]["reason"] == "no GPU was found"
    assert board.records("cuda") == []
    assert len(board.records("loads-each-time")) == 2
    assert "it needs a GPU (its spec states device='cuda'), and none is visible to this command" in " ".join(
        (done.stdout + done.stderr).split()
    )


def test_a_device_that_is_not_there_ends_the_command(board: ModelBoard) -> None:
    board.write({"auto": {}}, tasks=1)

    done = board.run("--devices", "3", code=2)

    assert "there is no visible device '3'; visible are 0 (NVIDIA H200), 1 (NVIDIA A10)" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_replay_and_a_check_see_one_gpu_as_well(board: ModelBoard) -> None:
    board.write({"cuda": {}}, tasks=1)
    board.run("--jobs", "1")
    (board.folder / "log").unlink()

    board.run("cuda", "task0", command="replay")

    assert set(seen(board)) == {FIRST}


def test_a_sandbox_shows_the_files_of_gpus_to_a_worker_that_has_one(tmp_path: Path) -> None:
    for name in ("nvidia0", "nvidiactl", "null"):
        (tmp_path / name).touch()

    shown = _gpu_files({"CUDA_VISIBLE_DEVICES": FIRST}, tmp_path)

    assert shown[::3] == ["--dev-bind"] * 2
    assert shown[1::3] == shown[2::3] == [str(tmp_path / "nvidia0"), str(tmp_path / "nvidiactl")]
    assert _gpu_files({"CUDA_VISIBLE_DEVICES": ""}, tmp_path) == []


class TestMemory:
    @pytest.mark.parametrize("method", ["fit", "predict"])
    def test_a_call_without_enough_memory_is_repeated_with_half_of_the_batch(
        self, board: ModelBoard, method: str
    ) -> None:
        board.write({"pretrained": {"act": f"too much in {method}", "most": 32}}, tasks=1)

        board.run("--jobs", "1")

        (record,) = board.records("pretrained")
        assert record["status"] == "completed"
        assert f"{method} ran out of memory with batch_size 64, and was repeated with 32" in record["notes"]
        assert record["hyperparameters"]["batch_size"] == 32

    def test_it_is_repeated_once(self, board: ModelBoard) -> None:
        board.write({"pretrained": {"act": "too much in predict", "most": 16}}, tasks=1)

        board.run("--jobs", "1")

        (record,) = board.records("pretrained")
        assert record["status"] == "out_of_memory"
        assert "CUDA out of memory with batches of 32" in record["reason"]

    def test_it_is_repeated_in_this_process_too(self, board: ModelBoard) -> None:
        board.write({"pretrained": {"act": "too much in predict", "most": 32}}, tasks=1)

        board.run("--jobs", "0")

        (record,) = board.records("pretrained")
        assert record["status"] == "completed"
        assert "predict ran out of memory with batch_size 64, and was repeated with 32" in record["notes"]
