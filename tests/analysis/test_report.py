"""The report: in a real browser, without a network; each trial's own study file; the checklist."""

from __future__ import annotations

import html
import json
import re
import resource
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support import synthetic

from analysis.common import comparable, trials
from analysis.report import checklist, report, rerun
from analysis.report import trials as report_trials
from bench.study.file import load

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), "")
STUDY = synthetic.study(["random", "vinnas", "vinnas-no-kl"]) | {
    "notes": "<b>notes</b>",
    "failed": 1,
}


def records() -> list[dict[str, Any]]:
    return synthetic.records({"random": 0.0, "vinnas": 0.4, "vinnas-no-kl": 0.0}, epochs=2)


def write(folder: Path, given: list[dict[str, Any]]) -> Path:
    rows, facts = comparable.ordered(given, STUDY), trials.facts(STUDY)
    broken = synthetic.record("vinnas", seed=9) | {
        "status": "failed", "error": {"stage": "search", "type": "E", "message": "<i>why</i>"},
    }  # fmt: skip
    return report.write(folder, rows, [broken], facts, STUDY, [], folder / "records")


def browse(page: Path, folder: Path, script: str = "", width: int = 1280) -> tuple[str, str]:
    """(the document after it has run, what was said on the console), of the page and a script."""
    copy = folder / "copy.html"
    text = page.read_text().replace("</body>", f"<script>{script}</script></body>")
    copy.write_text(text)
    done = subprocess.run(
        [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom",
         "--virtual-time-budget=3000",
         "--disable-background-networking", "--disable-component-update", "--no-first-run",
         "--enable-logging=stderr", f"--window-size={width},900",
         f"--user-data-dir={folder / 'profile'}", copy.as_uri()],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    said = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout, "\n".join(said)


def hindrance() -> str:
    """Why there is no browser to test with; empty where there is one."""
    if not CHROMIUM:
        return "no Chromium is installed here"
    if resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY:
        return "Chromium does not start where the address space is limited (ulimit -v)"
    return ""


needs_browser = pytest.mark.skipif(bool(hindrance()), reason=hindrance())


@needs_browser
def test_columns_sort_up_and_down_and_nothing_is_on_the_console(tmp_path: Path) -> None:
    page = write(tmp_path, records())
    script = """
      const table = document.querySelector("table.sortable");
      const button = [...table.querySelectorAll("th button")]
        .find((each) => each.textContent === "parameters");
      const column = button.parentElement.cellIndex;
      const seen = () => [...table.tBodies[0].rows].map((row) => row.cells[column].textContent);
      button.click(); const up = seen(); button.click(); const down = seen();
      location.hash = document.querySelector("details.trial").id;
      setTimeout(() => {
        document.title = JSON.stringify([up, down, button.parentElement.getAttribute("aria-sort"),
          document.querySelector("details.trial").open]);
      }, 50);
    """
    document, console = browse(page, tmp_path, script)
    assert console == ""
    title = re.search(r"<title>(.*)</title>", document)
    assert title is not None
    up, down, sort, opened = json.loads(html.unescape(title[1]))
    sizes = [float(text.replace(",", "")) for text in up]
    assert sizes == sorted(sizes) and len(set(sizes)) == 3
    assert down == up[::-1] and sort == "descending" and opened is True


@needs_browser
def test_a_request_would_have_been_seen(tmp_path: Path) -> None:
    """The page forbids requests by its policy, and a forbidden one is an error on the console."""
    page = write(tmp_path, records()[:3])
    _, console = browse(page, tmp_path, "new Image().src = 'http://127.0.0.1:9/x.png';")
    assert "Content Security Policy" in console


@needs_browser
def test_a_narrow_window_does_not_scroll_sideways(tmp_path: Path) -> None:
    page = write(tmp_path, records())
    script = """
      document.querySelectorAll("details").forEach((each) => { each.open = true; });
      document.title = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    """
    document, console = browse(page, tmp_path, script, width=500)
    assert "<title>0</title>" in document and console == ""


def test_the_page_is_whole_and_a_function_of_the_records(tmp_path: Path) -> None:
    given = records()
    text = write(tmp_path / "one", given).read_text()
    assert write(tmp_path / "two", given[::-1]).read_text() == text
    assert "&lt;b&gt;notes" in text and "&lt;i&gt;why" in text and "<b>notes" not in text
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", text)
    for one in given:
        assert f'id="trial-{one["trial"]["label"]}-{one["trial"]["id"][:8]}"' in text


@pytest.mark.parametrize("number", [0, 5, 11])
def test_the_study_file_of_a_trial_is_that_trial(number: int, tmp_path: Path) -> None:
    trial = load("quickstart").trials[number]
    record = {"trial": trial.identity(), "configuration": trial.configuration()}
    path = tmp_path / "alone.yaml"
    path.write_text(rerun.study_file(record))
    alone = load(str(path))
    assert [one.id for one in alone.trials] == [trial.id]
    assert alone.trials[0].stem == trial.stem and alone.name == "quickstart"


def test_checklist_follows_the_records() -> None:
    given = records()
    facts = trials.facts(STUDY)

    def verdicts(given: list[dict[str, Any]]) -> dict[str, bool]:
        return {item.practice.split(":")[0]: item.met for item in checklist.items(given, facts)}

    first = verdicts(given)
    assert first["Code of the search space"] and first["Comparison with random search"]
    assert first["Several runs with different seeds"]
    assert first["Ablation studies"]  # vinnas with and without KL
    assert not first["How hyper-parameters were tuned, and at what budget"]
    given = [record for record in given if record["trial"]["label"] != "vinnas-no-kl"]
    given[0]["provenance"]["git_dirty"] = True
    given[1]["environment"]["hardware"] = "another"
    del given[2]
    then = verdicts(given)
    assert not then["Ablation studies"] and not then["Code of the search space"]
    assert not then["Confounding factors controlled"]
    assert not then["Several runs with different seeds"]


def test_a_picture_that_is_not_there_is_left_out(tmp_path: Path) -> None:
    assert report_trials.image(tmp_path / "no.png", "none") == ""
