"""What `harness status` reads from a store, as commands on S3 write it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import Machines
from s3_server import S3Server, needs_s3

from harness.results.remote.opening import open_store


@pytest.fixture
def machines(tmp_path: Path, s3: str, s3_server: S3Server) -> Iterator[Machines]:
    made = Machines(tmp_path, s3, s3_server.variables)
    yield made
    made.faulty.kill_all()


@needs_s3
def test_a_command_tells_what_it_does_with_the_second_write_of_its_lease(machines: Machines, s3: str) -> None:
    store, told = open_store(s3), dict[int, bool]()
    process = machines.start("a", "run", "./board", "--only", "mean 2", "--jobs", "1")
    while process.poll() is None:
        for content in store.read(store.names("leases")).values():
            lease = json.loads(content)
            told[lease["counter"]] = lease["activity"] is not None
    assert machines.end(process)[0] == 0

    text = machines.run("b", "status")

    assert told[2]
    assert "2 of 2 selected cells done (--only mean 2); the board has 10 cells." in text


@needs_s3
def test_a_url_without_a_home_is_named_as_it_was_given(machines: Machines, s3: str) -> None:
    ended = [machines.end(machines.start("a", *command, "--home", f"{s3}-typo")) for command in (["status"], ["runs"])]

    assert {code for code, _ in ended} == {2}
    assert all(f"there is no home {s3}-typo; name another one by --home" in text for _, text in ended)
