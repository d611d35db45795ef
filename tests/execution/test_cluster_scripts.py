"""Scripts for clusters: a shell, sbatch's options and YAML read them as they are meant."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from harness import BadInput
from harness.execution.scheduling.cluster import ClusterRun, ShardNeeds, expected_seconds, memory_line, shard_needs
from harness.execution.scheduling.groups import GB, CellGroup
from harness.execution.scheduling.kubernetes import kubernetes_manifest
from harness.execution.scheduling.run_plan import RunPlan
from harness.execution.scheduling.slurm import clock, slurm_script

CPU = CellGroup("cpu", 3, 2, "cpu", 2 * GB, 1.0, {f"{i:02}": 590.0 for i in range(6)})
GPU = CellGroup("cuda-8gb", 1, 1, "cuda", 8 * GB, 1.0, {"g": 100.0})
SBATCH = """#!/bin/sh
# a sbatch that keeps what it is given
n=$(ls "$SUBMITTED" | wc -l)
{ echo "$@"; cat; } > "$SUBMITTED/$n"
echo "10$n"
"""


def cluster_run(home: Path | str, *groups: CellGroup, **options: object) -> ClusterRun:
    program, command = ("harness", "--plugins", "run"), ("run", "a board", "--set", "f.x=\"$HOME 'q'\"")
    return ClusterRun(RunPlan(groups or (CPU, GPU)), program, command, str(home), **options)  # type: ignore[arg-type]


def submit(script: str, folder: Path, scontrol: str = "exit 1") -> subprocess.CompletedProcess[str]:
    """The script when it has ended, with a sbatch that keeps what it is given, and this scontrol."""
    (folder / "bin").mkdir(parents=True)
    (folder / "submitted").mkdir()
    for name, text in (("sbatch", SBATCH), ("scontrol", f"#!/bin/sh\n{scontrol}\n")):
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    environment = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "SUBMITTED": str(folder / "submitted")}
    return subprocess.run(["sh"], input=script, text=True, env=environment, capture_output=True)


def submitted(script: str, folder: Path, scontrol: str = "exit 1") -> list[str]:
    """What the script submits: the arguments and the standard input of each sbatch."""
    ended = submit(script, folder, scontrol)
    assert ended.returncode == 0, ended.stderr
    return [path.read_text() for path in sorted((folder / "submitted").iterdir())]


def options_of(job: str) -> dict[str, str]:
    return dict(re.findall(r'^#SBATCH --([\w-]+)="?([^"\n]+)"?$', job, re.M))


def test_a_script_submits_an_array_for_each_group(tmp_path: Path) -> None:
    jobs = submitted(slurm_script(cluster_run(tmp_path / "home"), tmp_path), tmp_path / "fake")

    assert [job.splitlines()[0] for job in jobs] == ["--parsable"] * 2
    cpu, gpu = map(options_of, jobs)
    assert (cpu["array"], cpu["cpus-per-task"], gpu["array"], gpu["gres"]) == ("1-3", "2", "1-1", "gpu:1")
    assert "gres" not in cpu
    assert int(gpu["mem"].rstrip("M")) * 2**20 >= 8 * GB
    assert cpu["time"] == "00:50:00"  # 600 s to start, and twice 1,180, rounded up
    assert cpu["output"] == f"{tmp_path}/home/logs/cpu-%a.log"
    assert (tmp_path / "home" / "logs").is_dir()


def test_the_command_of_a_shard_reaches_harness_as_it_is(tmp_path: Path) -> None:
    home = tmp_path / "my home"
    job = submitted(slurm_script(cluster_run(home, jobs=4), tmp_path), tmp_path / "fake")[1]
    command = job.splitlines()[-1]

    plan = str(home / "plans" / f"{RunPlan((CPU, GPU)).id}.json")
    assert shlex.split(command)[1:] == [
        *("harness", "--plugins", "run", "run", "a board", "--set", "f.x=\"$HOME 'q'\"", "--shard", "auto"),
        *("--plan", plan, "--group", "cuda-8gb", "--jobs", "1", "--home", str(home)),
    ]


def test_without_a_stored_plan_the_number_of_shards_is_stated(tmp_path: Path) -> None:
    script = slurm_script(cluster_run(tmp_path, CPU, is_stored=False), tmp_path)

    assert "--shard auto/3 " in script
    assert "--plan" not in script
    assert "--group" not in script


def test_shards_of_a_home_in_a_store_read_the_plan_there(tmp_path: Path) -> None:
    run = cluster_run("s3://bucket/run", CPU)

    (job,) = submitted(slurm_script(run, tmp_path), tmp_path / "fake")
    (kubernetes,) = yaml.safe_load_all(kubernetes_manifest(run, "registry/harness:1", "claim"))

    pod = kubernetes["spec"]["template"]["spec"]
    arguments = ["--plan", run.plan.id, "--jobs", "1", "--home", "s3://bucket/run"]
    assert shlex.split(job.splitlines()[-1])[-6:] == arguments
    assert shlex.split(pod["containers"][0]["command"][2])[-6:] == arguments
    (container,) = pod["containers"]
    assert container["env"] == [{"name": "HARNESS_CACHE_DIR", "value": "/var/cache/harness"}]
    assert container["volumeMounts"] == [{"name": "harness-cache", "mountPath": "/var/cache/harness"}]
    assert pod["volumes"] == [{"name": "harness-cache", "emptyDir": {}}]
    assert (options_of(job)["chdir"], options_of(job)["output"]) == ("/tmp", "/tmp/harness-%u-cpu-%A-%a.log")


@pytest.mark.parametrize("exists", [True, False])
def test_jobs_of_a_home_in_a_store_need_no_folder(tmp_path: Path, exists: bool) -> None:
    folder = tmp_path / "a 'folder'"
    if exists:
        folder.mkdir()

    (job,) = submitted(slurm_script(cluster_run("s3://bucket/run", CPU), folder), tmp_path / "fake")
    *lines, _ = job.splitlines()[1:]  # without the arguments of sbatch, and without harness itself
    assert sum('="/tmp/harness-' in line for line in lines) == 1
    lines = [line.replace('="/tmp', f'="{tmp_path}') for line in lines]
    script = "\n".join([*lines, 'pwd; echo "$HARNESS_CACHE_DIR"'])
    ended = subprocess.run(["sh", "-c", script], cwd="/tmp", env={"PATH": os.environ["PATH"]}, capture_output=True)

    *told, place, cache = ended.stdout.decode().splitlines()
    assert told == ([] if exists else [f"this node has no folder {folder}: name files in full"])
    assert (place, cache) == (str(folder) if exists else "/tmp", f"{tmp_path}/harness-{os.getuid()}")


def test_a_job_has_no_local_copy_in_a_folder_that_another_user_made(tmp_path: Path) -> None:
    (job,) = submitted(slurm_script(cluster_run("s3://bucket/run", CPU), tmp_path), tmp_path / "fake")
    *lines, _ = job.splitlines()[1:]
    other = Path("/proc/1") if os.getuid() else tmp_path / "other"
    if not os.getuid():
        other.mkdir()
        os.chown(other, 65534, 65534)

    def begun(folder: Path, **variables: str) -> tuple[int, str]:
        script = "\n".join([*lines, "echo begun"]).replace("/tmp/harness-$(id -u)", str(folder))
        variables["PATH"] = os.environ["PATH"]
        ended = subprocess.run(["sh", "-c", script], env=variables, capture_output=True, text=True)
        return ended.returncode, ended.stdout

    assert begun(tmp_path / "own") == (0, "begun\n")
    assert (tmp_path / "own").stat().st_mode & 0o777 == 0o700
    assert begun(other) == (1, f"{other} is not a folder of this user: set HARNESS_CACHE_DIR to one\n")
    assert begun(other, HARNESS_CACHE_DIR=str(other)) == (0, "begun\n")  # the user has chosen it


def test_logs_are_where_they_are_wanted(tmp_path: Path) -> None:
    run = cluster_run("s3://bucket/run", CPU, logs=str(tmp_path / "my logs"))

    (job,) = submitted(slurm_script(run, tmp_path), tmp_path / "fake")

    assert options_of(job)["output"] == f"{tmp_path}/my logs/cpu-%a.log"
    assert (tmp_path / "my logs").is_dir()


@pytest.mark.parametrize("home", ["s3://bucket/run", "/home/harness"])
def test_what_a_manifest_proposes_in_comments_is_valid(home: str) -> None:
    text = kubernetes_manifest(cluster_run(home, CPU), "registry/harness:1", "claim")
    names = "env:|  - name: H|    value: /|envFrom:|  - secretRef|      name: h|serviceA"
    proposed = re.sub(rf"^( *)# ((?:{names}).*)$", r"\1\2", text, flags=re.M)

    pod = yaml.safe_load(proposed)["spec"]["template"]["spec"]

    (container,) = pod["containers"]
    assert {"name": "HARNESS_DATA_DIR", "value": "/data"} in container["env"]
    in_store = home.startswith("s3")
    assert container.get("envFrom") == ([{"secretRef": {"name": "harness-store"}}] if in_store else None)
    assert pod.get("serviceAccountName") == ("harness" if in_store else None)


@pytest.mark.parametrize(("limit", "is_submitted"), [("", True), ("1001", True), ("4", True), ("3", False)])
def test_nothing_is_submitted_to_a_cluster_that_takes_no_array_so_large(
    tmp_path: Path, limit: str, is_submitted: bool
) -> None:
    script = slurm_script(cluster_run(tmp_path / "home", GPU, CPU), tmp_path)

    ended = submit(script, tmp_path, f"echo 'MaxArraySize            = {limit}'" if limit else "exit 1")

    assert len([*(tmp_path / "submitted").iterdir()]) == 2 * is_submitted
    assert ended.returncode == int(not is_submitted)
    told = "group cpu has 3 shards, and an array of this cluster has at most 2 tasks (MaxArraySize): plan fewer shards"
    assert ended.stderr == ("" if is_submitted else f"nothing was submitted: {told}\n")


def test_slurm_is_not_told_patterns_that_a_path_does_not_have(tmp_path: Path) -> None:
    (job,) = submitted(slurm_script(cluster_run(tmp_path / "a%A b", CPU), tmp_path), tmp_path / "fake")

    assert options_of(job)["output"] == f"{tmp_path}/a%%A b/logs/cpu-%a.log"
    assert (tmp_path / "a%A b" / "logs").is_dir()


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb"])
def test_a_folder_of_logs_that_slurm_cannot_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="name another folder with --logs"):
        slurm_script(cluster_run(tmp_path / name, CPU), tmp_path)

    assert slurm_script(cluster_run(tmp_path / name, CPU, logs="/logs"), tmp_path)


def test_scripts_tell_how_the_memory_comes_about(tmp_path: Path) -> None:
    group = CellGroup("cpu", 1, 1, "cpu", 2 * GB, 1.0, {"a": 1.0, "b": 1.0}, {}, 300_000_000)
    run = cluster_run(tmp_path / "home", group, jobs=2)

    texts = [slurm_script(run, tmp_path), kubernetes_manifest(run, "image", "claim")]

    told = (
        "memory of a shard of cpu, 6.0 GB: 1.0 GB for the command, and for each of 2 cells at a time 2.0 GB for its "
        "forecaster and 0.5 GB to evaluate it. The forecaster's memory is 1.5 times what it is expected to take, "
        "0.3 GB, or what its spec states, if more, rounded up to 2, 8, 32, ... GB"
    )
    assert all(told in text.replace("\n# ", " ") for text in texts)
    assert "time limit of a shard of cpu, 20 minutes: 10 minutes to start" in texts[0]


def test_a_manifest_says_what_the_image_and_the_volume_must_have() -> None:
    run = replace(cluster_run("/home/harness", CPU, separate_homes=True), files=("./board",), is_stored=True)

    run = replace(run, plugin_file="/own.py")

    notes = kubernetes_manifest(run, "image", "claim").split("---")[0].replace("\n# ", " ")

    assert "The image must have the plugin file /own.py at this path" in notes
    assert "The boards ./board are files: the image must have them at these paths" in notes
    assert f"The volume of the home must have the run plan, /home/harness/plans/{run.plan.id}.json" in notes
    assert (
        "merge the homes in a pod that has the volume: harness --plugins run merge /home/harness/shards/* /home/harness"
        in notes
    )
    assert "run plan" not in kubernetes_manifest(replace(run, home="s3://bucket/run"), "image", "claim")


def test_homes_of_shards_are_merged_at_the_end(tmp_path: Path) -> None:
    run = cluster_run(tmp_path / "my home", separate_homes=True)
    jobs = submitted(slurm_script(run, tmp_path), tmp_path / "fake")

    found = subprocess.run(
        ["sh", "-c", f'SLURM_ARRAY_TASK_ID=2; set -- {jobs[0].splitlines()[-1]}; eval echo \\"\\${{$#}}\\"'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == f"{tmp_path}/my home/shards/cpu-2"
    assert "--dependency=afterany:100:101" in jobs[2].splitlines()[0]
    assert (
        jobs[2].splitlines()[-1]
        == f"exec harness --plugins run merge '{tmp_path}/my home/shards'/* '{tmp_path}/my home'"
    )


def test_what_the_scripts_cannot_ask_for_is_named_in_them(tmp_path: Path) -> None:
    licensed = CellGroup("cpu-licence-1", 1, 1, "cpu", GB, 1.0, {"a": 1.0, "b": 1.0}, {"licence": 1.0, "tpu": 0.5})
    run = cluster_run(tmp_path / "home", CPU, licensed, jobs=2)

    jobs = submitted(slurm_script(run, tmp_path), tmp_path / "fake")
    manifest = kubernetes_manifest(run, "image", "claim")

    needs = "2 of licence, 1 of tpu"
    assert [needs in job for job in jobs] == [False, True]
    assert [needs in document for document in manifest.split("---\n")[1:]] == [False, True]
    assert len(list(yaml.safe_load_all(manifest))) == 2


def test_times_of_slurm() -> None:
    assert [clock(seconds) for seconds in (60, 3600, 86400, 100_000)] == [
        "00:01:00",
        "01:00:00",
        "1-00:00:00",
        "1-03:46:40",
    ]


def test_needs_grow_with_the_cells_at_a_time() -> None:
    one, two = shard_needs(CPU, 1), shard_needs(CPU, 2)

    assert one == ShardNeeds(2, 3_500_000_000, 3000, 0)
    assert (two.cores, two.memory, two.seconds) == (4, 6_000_000_000, 1800)
    assert shard_needs(CPU, 8) == two  # each shard has two cells
    assert shard_needs(GPU, 8).cores == 1


def test_a_shard_uses_as_many_processes_as_it_asks_for() -> None:
    run = cluster_run("/home", CPU, jobs=8)

    assert "--jobs 2 " in run.shard_command(CPU, "1")


def test_the_parts_of_a_cell_can_use_all_processes() -> None:
    whole = CellGroup("cpu", 2, 1, "cpu", GB, 1.0, {"a": 100.0, "b": 10.0})
    in_parts = replace(whole, parts={"a": 20})

    assert (shard_needs(whole, 4).cores, shard_needs(in_parts, 4).cores) == (1, 4)
    assert expected_seconds(whole, 4) == pytest.approx(100, rel=0.01)
    assert expected_seconds(in_parts, 4) == pytest.approx(25, rel=0.02)
    assert "--jobs 4 " in cluster_run("/home", in_parts, jobs=4).shard_command(in_parts, "1")
    assert "for each of 4 cells or parts of cells at a time" in memory_line(in_parts, 4)


@pytest.mark.parametrize(
    ("share", "jobs", "gpus"),
    [(1.0, 4, 4), (0.5, 4, 2), (0.6, 4, 4), (0.4, 5, 3), (0.3, 10, 4), (0.1, 10, 1), (1 / 3, 3, 1), (0.7 / 7, 20, 2)],
)
def test_the_share_of_a_cell_is_of_one_gpu(share: float, jobs: int, gpus: int) -> None:
    group = CellGroup("cuda", 1, 1, "cuda", GB, share, {f"{i}": 1.0 for i in range(20)})

    assert shard_needs(group, jobs).gpus == gpus


def test_the_expected_time_is_that_of_the_longest_shard() -> None:
    uneven = CellGroup("cpu", 2, 1, "cpu", GB, 1.0, {"a": 50.0, "b": 10.0, "c": 10.0})

    assert expected_seconds(uneven, 1) == pytest.approx(50, rel=0.01)
    assert expected_seconds(uneven, 1, shards=1) == pytest.approx(70, rel=0.01)


@pytest.mark.parametrize("separate", [True, False])
def test_a_manifest_is_one_indexed_job_a_group(tmp_path: Path, separate: bool) -> None:
    home = tmp_path / 'home: yes # "q"'
    text = kubernetes_manifest(cluster_run(home, separate_homes=separate), "registry/harness:1", "claim")

    cpu, gpu = yaml.safe_load_all(text)

    assert (cpu["kind"], cpu["spec"]["completionMode"]) == ("Job", "Indexed")
    assert (cpu["spec"]["completions"], gpu["spec"]["completions"]) == (3, 1)
    assert all(re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", job["metadata"]["name"]) for job in (cpu, gpu))
    pod = gpu["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"] == "registry/harness:1"
    assert container["resources"]["limits"] == {"cpu": "1", "memory": "9060Mi", "nvidia.com/gpu": "1"}
    assert container["volumeMounts"] == [{"name": "harness-home", "mountPath": str(home)}]
    assert pod["volumes"] == [{"name": "harness-home", "persistentVolumeClaim": {"claimName": "claim"}}]
    arguments = shlex.split(container["command"][2])
    assert arguments[:6] == ["exec", "harness", "--plugins", "run", "run", "a board"]
    assert arguments[-1] == str(home) + ("/shards/cuda-8gb-$JOB_COMPLETION_INDEX" if separate else "")
    assert [rule["action"] for rule in cpu["spec"]["podFailurePolicy"]["rules"]] == ["Ignore"]
    assert cpu["spec"]["backoffLimitPerIndex"] == 3  # also of a command that ends with 2, as where a store is away
