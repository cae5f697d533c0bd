"""What outlives a cloud that was killed in the middle of an operation."""

from __future__ import annotations

import threading
from datetime import datetime
from pathlib import Path

import pytest
from cfn_fakes import Cfn, thing

from gluonship.local.cloudformation.journal import FileJournal, Operation, clear, interrupted, unreadable


def test_what_was_under_way_when_the_cloud_ended(tmp_path: Path) -> None:
    folder = tmp_path / "operations"
    assert interrupted(folder) == []
    cfn = Cfn(FileJournal(folder))
    cfn.create("done", {"A": thing()})
    assert interrupted(folder) == []  # what has ended is not told
    cfn.world.block["create", "C"] = threading.Event()
    cfn.create("s", {"A": thing(), "B": thing(R={"Ref": "A"}), "C": thing(R={"Ref": "B"})}, wait=False)
    cfn.until(lambda: "C CREATE_IN_PROGRESS" in cfn.trail("s"))

    (left,) = interrupted(folder)  # as the next cloud reads it: nothing was closed
    assert (left.operation.kind, left.operation.stack_name) == ("CREATE_STACK", "s")
    assert left.operation.scope.region == "us-east-1"
    assert left.operation.stack_id == cfn.stack("s")["StackId"]
    assert [(row.logical_id, row.status) for row in left.made] == [
        ("A", "CREATE_COMPLETE"),
        ("B", "CREATE_COMPLETE"),
    ]
    assert left.made[0].physical_id == cfn.resources("s")["A"]
    assert [row.logical_id for row in left.in_progress] == ["C"]
    assert left.started <= left.last
    sentences = left.sentences()
    assert "CREATE_STACK of stack s (us-east-1, account 123456789012)" in sentences[0]
    assert "  CREATE_IN_PROGRESS: C (Test::Thing::One)" in sentences

    (path,) = folder.glob("*.jsonl")
    path.write_bytes(path.read_bytes()[:-20])  # torn in its last line
    (torn,) = interrupted(folder)
    assert [row.logical_id for row in torn.resources] == ["A", "B"]
    clear(folder)
    assert interrupted(folder) == []
    cfn.service.close()


def test_a_large_stack_is_told_in_a_screenful(tmp_path: Path) -> None:
    cfn = Cfn(FileJournal(tmp_path))
    cfn.world.block["create", "Last"] = threading.Event()
    many = {f"R{number}": thing() for number in range(60)}
    cfn.create("s", {**many, "Last": {**thing(), "DependsOn": list(many)}}, wait=False)
    cfn.until(lambda: "Last CREATE_IN_PROGRESS" in cfn.trail("s"))
    (left,) = interrupted(tmp_path)
    sentences = left.sentences()
    assert "CREATE_IN_PROGRESS: Last" in sentences[1]
    assert sentences[-1] == "  and 41 more, done before those"
    assert len(sentences) == 22
    cfn.service.close()


def test_a_cloud_that_is_closed_keeps_what_it_interrupted(tmp_path: Path) -> None:
    cfn = Cfn(FileJournal(tmp_path))
    cfn.world.block["create", "A"] = threading.Event()
    cfn.create("s", {"A": thing()}, wait=False)
    cfn.until(lambda: ("create", "A") in cfn.world.calls)
    cfn.service.close()
    assert [left.operation.stack_name for left in interrupted(tmp_path)] == ["s"]


def test_a_journal_that_cannot_be_written_stops_no_stack(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    journal = FileJournal(tmp_path / "file")
    cfn = Cfn(journal)
    assert cfn.create("s", {"A": thing()}) == "CREATE_COMPLETE"
    assert journal.failure is not None


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"a note to myself\n", "does not begin with the operation"),
        (b'{"event": "started"}\n', "lacks 'account'"),
        (b'{"event": "resource"}\n', "does not begin with the operation"),
        (
            b'{"event": "started", "account": "1", "region": "r", "id": "i", "kind": "k", "stack": "s", '
            b'"stack_id": "x", "at": "2026-01-01T00:00:00"}\n',
            "without its zone",
        ),
    ],
)
def test_a_foreign_file_is_told_and_kept(tmp_path: Path, content: bytes, why: str) -> None:
    cfn = Cfn(FileJournal(tmp_path))
    cfn.world.block["create", "A"] = threading.Event()
    cfn.create("s", {"A": thing()}, wait=False)
    cfn.until(lambda: ("create", "A") in cfn.world.calls)
    foreign = tmp_path / "notes.jsonl"
    foreign.write_bytes(content)
    (tmp_path / "folder.jsonl").mkdir()
    (tmp_path / "torn.jsonl").write_bytes(b'{"event": "star')
    assert [left.operation.stack_name for left in interrupted(tmp_path)] == ["s"]
    in_a_folder, sentence = unreadable(tmp_path)
    assert "folder.jsonl" in in_a_folder
    assert str(foreign) in sentence
    assert why in sentence
    clear(tmp_path)
    assert interrupted(tmp_path) == []
    assert {path.name for path in tmp_path.iterdir()} == {"folder.jsonl", "notes.jsonl"}
    cfn.service.close()


def test_a_slow_disk_holds_up_no_request(tmp_path: Path) -> None:
    class Slow(FileJournal):
        written = threading.Event()

        def started(self, operation: Operation, at: datetime) -> None:
            assert self.written.wait(10)
            super().started(operation, at)

    journal = Slow(tmp_path)
    cfn = Cfn(journal)
    cfn.create("s", {"A": thing()}, wait=False)
    assert cfn.stack("s")["StackStatus"] == "CREATE_IN_PROGRESS"
    assert cfn.world.calls == []  # nothing is done that is not recorded
    journal.written.set()
    assert cfn.wait("s") == "CREATE_COMPLETE"
