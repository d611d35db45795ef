"""`harness ui`: the server of MLflow, and the boards that harness shows itself."""

from __future__ import annotations

import json
import os
import socket
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from harness import BadInput
from harness_mlflow import server
from harness_mlflow.index import Index, mirrored_board
from harness_mlflow.place import Place

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # MLflow leaves its engines to the collector


class TestUi:
    def test_a_home_without_boards_says_what_to_run(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match="`harness run BOARD` fills it"):
            server.show(tmp_path, None, None, name="s3://bucket/run", browser=False, say=print)

    def test_a_board_that_is_not_there_is_named(self, home: Path) -> None:
        with pytest.raises(BadInput, match=r"no board called 'hils'.*did you mean 'hills'"):
            server.show(home, "hils", None, name=str(home), browser=False, say=print)

    def test_a_port_that_was_asked_for_must_be_free(self, home: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]

            with pytest.raises(BadInput, match=f"port {port} of 127.0.0.1 is taken"):
                server.free_port(port)

    @pytest.mark.slow
    def test_boards_are_shown_without_the_server_that_holds_the_store(
        self, mirrored: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        index = Index(Place(mirrored))
        index.save()  # what the own store holds, as if the server held it
        stored = json.loads(index.path.read_text(encoding="utf-8"))["stores"]["own"]
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:secret@mlflow.example.org/")
        remote = Index(Place(mirrored))
        remote.boards = {name: mirrored_board(sent) for name, sent in stored.items()}
        remote.save()

        with server.serve(Place(mirrored), None) as address:
            with urllib.request.urlopen(address) as answer:
                page = answer.read().decode()
            with urllib.request.urlopen(f"{address}/boards/hills") as answer:
                board = answer.read().decode()
            evil = urllib.request.Request(address, headers={"Host": "evil.example"})
            with pytest.raises(urllib.error.HTTPError, match="400") as refused:
                urllib.request.urlopen(evil)
            refused.value.close()

        link = 'href="https://mlflow.example.org/#/experiments/1/runs?workflowType=machine_learning'
        assert link in page
        assert link in board
        assert "secret" not in page + board

    @pytest.mark.slow
    def test_two_servers_that_start_at_once_have_a_port_each(
        self, mirrored: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Both find the same port free; the one that loses it takes the next, and never answers for the other."""
        place, free_port = Place(mirrored), server.free_port
        with server.serve(place, None) as first:
            port = int(first.rpartition(":")[2])
            found = iter([port])  # as if the first server had not listened yet
            monkeypatch.setattr(server, "free_port", lambda asked: next(found, None) or free_port(asked))

            with server.serve(place, None) as second:
                assert second != first
                with urllib.request.urlopen(f"{second}/health") as answer:
                    assert answer.status == 200

    @pytest.mark.slow
    def test_the_server_answers_takes_few_processes_and_leaves_none(self, mirrored: Path) -> None:
        place, others = Place(mirrored), family_below()  # a mirror of an earlier test may still end
        with server.serve(place, None) as address:
            family = [process for process in family_below() if process not in others]
            with urllib.request.urlopen(f"{address}/health") as answer:
                assert answer.status == 200
            with urllib.request.urlopen(f"{address}/boards/hills") as answer:
                assert answer.status == 200
            memory = sum(process.memory_info().rss for process in family)

        assert memory < 700e6  # as counted for each process: pages that both share count twice
        assert len(family) == 2
        assert not any(process.is_running() for process in family)


def family_below() -> list[psutil.Process]:
    """The servers that this process has started."""
    return [
        child for child in psutil.Process(os.getpid()).children(recursive=True) if "mlflow" in " ".join(child.cmdline())
    ]
