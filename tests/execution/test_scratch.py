"""Scratch folders are removed with all that is in them, and those of dead runs by the next one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.execution.workers.scratch import claim_scratch, make_scratch, remove_abandoned, remove_scratch

CLAIM = """
from harness.execution.workers.scratch import claim_scratch, make_scratch

folder = make_scratch()
(folder / "left").touch()
descriptor = claim_scratch(folder)
print(folder, flush=True)
input()
"""

DEEP = """
import os

for _ in range(3000):  # more than calls in each other, and longer as a path than the system takes
    os.mkdir("a")
    os.chdir("a")
    open("file", "w").close()
    os.chmod("..", 0)
"""


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of temporary files of its own, with a path that is short enough for sockets."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def test_the_folder_of_a_killed_process_is_removed_that_of_a_living_one_is_not(temporary: Path) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", CLAIM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ}
    )
    assert other.stdout is not None
    folder = Path(other.stdout.readline().strip())

    remove_abandoned()
    assert (folder / "left").exists()

    other.kill()
    other.communicate()
    remove_abandoned()
    assert not folder.exists()


def test_a_folder_that_nobody_claimed_is_left(temporary: Path) -> None:
    mine, foreign = make_scratch(), temporary / "harness-notes"
    foreign.mkdir()

    remove_abandoned()

    assert mine.is_dir()
    assert foreign.is_dir()


def test_a_claimed_folder_of_this_process_stays_until_it_is_given_up(temporary: Path) -> None:
    folder = make_scratch()
    descriptor = claim_scratch(folder)

    remove_abandoned()
    assert folder.is_dir()

    os.close(descriptor)
    remove_abandoned()
    assert not folder.exists()


def test_a_folder_whose_removal_was_interrupted_is_removed_by_the_next_run(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_scratch()
    descriptor = claim_scratch(folder)
    (folder / "a" / "b").mkdir(parents=True)

    def interrupt(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, "rmdir", interrupt)
        with pytest.raises(KeyboardInterrupt):
            remove_scratch(folder)
    os.close(descriptor)

    remove_abandoned()

    assert not folder.exists()


def test_folders_without_rights_are_removed_and_what_links_point_to_is_not(temporary: Path) -> None:
    kept = temporary / "kept"
    kept.mkdir()
    (kept / "file").touch()
    kept.chmod(0o500)
    folder = make_scratch()
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "file").touch()
    (folder / "a" / "link").symlink_to(kept)
    for path in (folder / "a" / "b", folder / "a", folder):
        path.chmod(0)

    remove_scratch(folder)

    assert not folder.exists()
    assert (kept / "file").exists()
    assert kept.stat().st_mode & 0o777 == 0o500


def test_folders_in_each_other_are_removed_however_deep_they_are(temporary: Path) -> None:
    folder = make_scratch()
    descriptor = claim_scratch(folder)
    subprocess.run([sys.executable, "-c", DEEP], cwd=folder, check=True)
    os.close(descriptor)

    remove_abandoned()

    assert not folder.exists()
