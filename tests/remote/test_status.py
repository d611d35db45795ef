"""What `harness status` reads from a store, as commands on a server write it."""

from __future__ import annotations

import json

from commands import Machines

from harness.results.remote.opening import open_store


def test_a_command_tells_what_it_does_with_the_second_write_of_its_lease(machines: Machines, bucket: str) -> None:
    store, told = open_store(bucket), dict[int, bool]()
    process = machines.start("a", "run", "./board", "--only", "mean 2", "--jobs", "1")
    while process.poll() is None:
        for content in store.read(store.names("leases")).values():
            lease = json.loads(content)
            told[lease["counter"]] = lease["activity"] is not None
    assert machines.end(process)[0] == 0

    text = machines.run("b", "status")

    assert told[min(counter for counter in told if counter > 1)]
    assert "2 of 2 selected cells done (--only mean 2); the board has 10 cells." in text


def test_a_url_without_a_home_is_named_as_it_was_given(machines: Machines, bucket: str) -> None:
    ended = [
        machines.end(machines.start("a", *command, "--home", f"{bucket}-typo")) for command in (["status"], ["runs"])
    ]

    assert {code for code, _ in ended} == {2}
    assert all(f"there is no home {bucket}-typo; name another one by --home" in text for _, text in ended)
