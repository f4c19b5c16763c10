"""Optuna in a SQLite file that several processes share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Engine


def lock_transactions(engine: Engine) -> None:
    """Make transactions hold SQLite's lock from their begin.

    Optuna looks whether a trial is waiting and then takes it, with a row's lock in between. SQLite
    has no such lock, and two processes could both find it waiting.
    """
    from sqlalchemy import event

    @event.listens_for(engine, "connect")
    def connected(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # sqlite3 is not to begin transactions by itself

    @event.listens_for(engine, "begin")
    def begun(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    engine.dispose()  # the connections from before
