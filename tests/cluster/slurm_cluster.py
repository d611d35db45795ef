"""A cluster of Slurm on this machine alone: one node with two cores, started for tests and ended with them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

PROGRAMS = ("slurmctld", "slurmd", "sbatch", "scancel", "squeue", "munged", "munge")
SETTINGS = """ClusterName=harness
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ReturnToService=2
SchedulerParameters=sched_interval=1,batch_sched_delay=1
MpiDefault=none
MaxArraySize=8
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory={memory} State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing_programs() -> list[str]:
    """The programs of Slurm and MUNGE that are not installed."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    return [program for program in PROGRAMS if shutil.which(program, path=path) is None]


@contextmanager
def slurm_cluster(folder: Path) -> Iterator[dict[str, str]]:
    """The environment variables with which commands use the cluster, while the block lasts. It needs root."""
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    key, settings = folder / "munge.key", folder / "slurm.conf"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    memory = psutil.virtual_memory().total // 2**20 - 512
    names = {"host": socket.gethostname(), "folder": folder, "memory": memory, "ports": _free_ports()}
    settings.write_text(SETTINGS.format(**names))
    variables = {"SLURM_CONF": str(settings), "PATH": f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin"}
    munge = [f"--key-file={key}", f"--socket={folder}/munge.socket", f"--pid-file={folder}/munge.pid"]
    commands = [
        ["munged", "--foreground", "--force", *munge, f"--seed-file={folder}/seed", f"--log-file={folder}/munge.log"],
        ["slurmctld", "-D", "-f", str(settings)],
        ["slurmd", "-D", "-f", str(settings)],
    ]
    environment = {**os.environ, **variables}
    processes = []
    try:
        for command in commands:
            with (folder / f"{command[0]}.out").open("wb") as out:
                processes.append(subprocess.Popen(command, env=environment, stdout=out, stderr=out))
            time.sleep(1)
        _wait_for_node(environment)
        yield variables
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait(30)


def _wait_for_node(environment: dict[str, str]) -> None:
    end = time.monotonic() + 60
    while True:
        found = subprocess.run(["sinfo", "-h", "-o", "%t"], env=environment, capture_output=True, text=True)
        if found.stdout.strip() == "idle":
            return
        assert time.monotonic() < end, (found.stdout, found.stderr)
        time.sleep(0.5)


def _free_ports() -> list[int]:
    sockets = [socket.socket() for _ in range(2)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
