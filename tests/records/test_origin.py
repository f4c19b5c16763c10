"""Two studies of one name: the second does not overwrite the first one's tables."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from support import studies

from bench.cli.main import main
from bench.errors import ConfigurationError
from bench.records import origin
from bench.records.gather import gather
from bench.study.file import load


@pytest.fixture(autouse=True)
def plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(studies.PLUGIN))


def write(folder: Path, text: str = studies.TEXT) -> str:
    folder.mkdir(exist_ok=True)
    return studies.write(folder, text)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Results that the study in one/small.yaml has made."""
    folder = tmp_path / "results" / "small"
    origin.keep(load(write(tmp_path / "one")), folder)
    return folder


MORE = studies.TEXT.replace("seeds: [0]", "seeds: [0, 1]")


def test_the_same_file_goes_on_however_it_is_changed(tmp_path: Path, results: Path) -> None:
    study = load(write(tmp_path / "one", MORE), ["search.epochs=7"])
    origin.keep(study, results)
    assert study.origin is not None
    kept = json.loads((results / origin.FILE).read_text())
    assert kept == {"source": "../../one/small.yaml", "digest": study.origin.digest}


def test_another_file_of_the_same_name_is_refused(tmp_path: Path, results: Path) -> None:
    before = (results / origin.FILE).read_text()
    path = write(tmp_path / "two", MORE)
    with pytest.raises(ConfigurationError) as caught:
        origin.keep(load(path), results)
    message = str(caught.value)
    assert "two studies have the name small" in message and "\n" not in message
    assert str(tmp_path / "one/small.yaml") in message and path in message
    assert (results / origin.FILE).read_text() == before
    with pytest.raises(ConfigurationError, match="two studies have the name small"):
        gather([path], results.parent)
    other = load(path, ["name=small-2"])
    origin.keep(other, results.parent / other.name)


@pytest.mark.parametrize("verb", ["run", "status", "leaderboard", "analyze", "report", "tune"])
def test_every_verb_refuses_it_in_one_line(
    tmp_path: Path, results: Path, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "two", MORE)
    assert main([verb, path, "--results", str(results.parent)]) == 2
    out, err = capsys.readouterr()
    assert not out and err.startswith("bench: two studies have the name small: ")
    assert err.count("\n") == 1


def test_a_file_that_was_moved_copied_or_renamed_goes_on(tmp_path: Path, results: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    origin.check(load(write(two)), results)  # the same text
    path = write(two, MORE)
    write(one, studies.TEXT.replace("name: small", "name: old"))
    origin.check(load(path), results)  # the first has another name by now
    shutil.rmtree(one)
    origin.check(load(path), results)  # it is gone
    whole = tmp_path / "elsewhere"
    whole.mkdir()
    write(one)
    origin.keep(load(str(one / "small.yaml")), results)
    for part in ("one", "results"):
        (tmp_path / part).rename(whole / part)
    write(one, MORE)
    moved = load(write(whole / "one", MORE))
    origin.check(moved, whole / "results" / "small")  # study and results, moved together


def test_a_shipped_study_and_a_changed_copy_of_it(tmp_path: Path) -> None:
    results = tmp_path / "results" / "quickstart"
    shipped = load("quickstart")
    origin.keep(shipped, results)
    origin.keep(load("quickstart", ["seeds=[5]"]), results)
    assert json.loads((results / origin.FILE).read_text())["source"] == "shipped:quickstart"
    copy = write(tmp_path / "mine", studies.TEXT.replace("name: small", "name: quickstart"))
    with pytest.raises(ConfigurationError, match="the shipped study quickstart made the results"):
        origin.keep(load(copy), results)


@pytest.mark.parametrize("content", [None, "", "[]", "{", '{"source": 3}'])
def test_results_of_nobody_known_are_taken_over(tmp_path: Path, content: str | None) -> None:
    results = tmp_path / "results" / "small"
    results.mkdir(parents=True)
    if content is not None:
        (results / origin.FILE).write_text(content)
    study = load(write(tmp_path / "one"))
    origin.keep(study, results)
    origin.check(study, results)
