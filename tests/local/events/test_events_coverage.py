"""The rows of the coverage page say what the code has."""

from __future__ import annotations

from gluonship.local.events import coverage, state_changes, targets


def test_every_target_and_source_of_the_code_has_a_row_of_its_own() -> None:
    rows = coverage.rows()
    keys = [(row.part, row.name) for row in rows]
    assert len(keys) == len(set(keys))
    executed = {row.name for row in rows if row.coverage == "executed"}
    assert {each.title for each in targets.TARGETS} <= executed
    assert {f"{each.source}: {each.detail_type}" for each in state_changes.SOURCES.values()} <= executed


def test_what_is_not_executed_says_why() -> None:
    assert all(row.note for row in coverage.rows() if row.coverage != "executed")
