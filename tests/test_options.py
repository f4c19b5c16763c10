"""Options as plain data: what a record says of them."""

from __future__ import annotations

from typing import Annotated

from bench.options import Formerly, Mark, from_resolved, options, resolved


def test_a_later_option_is_told_only_where_it_is_used() -> None:
    @options
    class Config:
        old: int = 1
        new: Annotated[int, Mark.LATER] = 2

    assert resolved(Config()) == {"old": 1}
    assert resolved(Config(new=3)) == {"old": 1, "new": 3}
    assert Config(**resolved(Config())) == Config()


def test_an_option_with_another_default_than_before_is_recorded_unless_it_is_what_it_was() -> None:
    @options
    class Config:
        rule: Annotated[str, Formerly("old")] = "new"

    assert resolved(Config()) == {"rule": "new"}
    assert resolved(Config(rule="old")) == {}, "a trial as before is the trial that it was"
    for config in (Config(), Config(rule="old")):
        assert from_resolved(Config, resolved(config)) == config
