"""Records that no trial has left: one line says what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import records

from bench.errors import ResultsError
from bench.records.store import Store, parse


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"schema": 1, "a":' * 3000, b"[]", b"\xff"])
def test_what_is_no_record_is_damaged(content: bytes) -> None:
    with pytest.raises(ResultsError, match=r"^record x"):
        parse(content, "x")


def test_a_posterior_table_that_cannot_be_deleted_is_named(tmp_path: Path) -> None:
    store, record = Store(tmp_path), records.finished()
    store.posterior_path(record.trial).mkdir(parents=True)
    with pytest.raises(ResultsError, match=r"cannot delete .*\.posterior\.csv"):
        store.write(record, [])
