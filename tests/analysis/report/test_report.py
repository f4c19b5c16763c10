"""The report: in a real browser, without a network; each trial's section; the checklist."""

from __future__ import annotations

import base64
import html
import json
import re
import resource
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
import yaml
from support import known, synthetic
from support import records as support
from support.pages import assert_well_formed

from analysis import cells, write_report
from analysis.common import plots
from analysis.common.intervals import FEWEST_SEEDS
from analysis.common.plots import Looks
from analysis.common.trials import average_accuracy
from analysis.report import checklist, trials
from bench.records.schema import FailedRecord, FinishedRecord

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), "")
FACTS = synthetic.facts(
    ["random", "vinnas", "vinnas-no-kl"], notes="<b>notes</b>", failed=1, description="what for"
)


LOOKS = Looks(("darts", "random", "vinnas", "vinnas-no-kl"))


def records(seeds: int = 3) -> list[FinishedRecord]:
    labels = {"random": 0.0, "vinnas": 0.4, "vinnas-no-kl": 0.0}
    return synthetic.records(labels, seeds=seeds, epochs=2)


def failure() -> FailedRecord:
    error = {"stage": "search", "type": "E", "message": "<i>why</i>"}
    record = support.failed("search", "vinnas", 9, study="synthetic")
    return synthetic.change(record, {"error": error})


def write(folder: Path, given: list[FinishedRecord]) -> Path:
    return write_report(folder, given, [failure()], FACTS)


def browse(
    page: Path,
    folder: Path,
    script: str = "",
    width: int = 1280,
    flag: str = "preferredColorScheme=1",
) -> tuple[str, str]:
    """(the document after it has run, what was said on the console), of the page and a script."""
    copy = folder / "copy.html"
    text = page.read_text().replace("</body>", f"<script>{script}</script></body>")
    copy.write_text(text)
    done = subprocess.run(
        [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom",
         "--virtual-time-budget=3000",
         "--disable-background-networking", "--disable-component-update", "--no-first-run",
         "--enable-logging=stderr", f"--blink-settings={flag}", f"--window-size={width},900",
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
def test_the_filter_and_the_columns_on_demand(tmp_path: Path) -> None:
    page = write(tmp_path, records())
    script = """
      const input = document.querySelector("input[data-filter=method]");
      input.value = "NO-KL"; input.dispatchEvent(new Event("input"));
      const tables = [...document.querySelectorAll("table.sortable")];
      const seen = tables.map((t) => [...t.tBodies[0].rows].filter((r) => !r.hidden).length);
      const count = () => [...tables[0].tHead.rows[0].cells]
        .filter((cell) => getComputedStyle(cell).display !== "none").length;
      const few = count(); document.querySelector(".columns input").click();
      document.title = JSON.stringify([seen, few, count()]);
    """
    document, console = browse(page, tmp_path, script)
    assert console == ""
    title = re.search(r"<title>(.*)</title>", document)
    assert title is not None
    seen, few, every = json.loads(html.unescape(title[1]))
    assert seen == [1, 1, 3]  # of the two tables of the leaderboard, and of the trials
    assert few == 6 and every == 13


@needs_browser
def test_dark_pages_are_dark_and_their_figures_too(tmp_path: Path) -> None:
    page = write(tmp_path, records()[:3])
    script = """
      const of = (each) => getComputedStyle(each);
      document.title = JSON.stringify([matchMedia("(prefers-color-scheme: dark)").matches,
        of(document.body).backgroundColor, of(document.querySelector("figure img")).filter]);
    """
    shown = {}
    for number in (0, 1):
        document, _ = browse(page, tmp_path, script, flag=f"preferredColorScheme={number}")
        title = re.search(r"<title>(.*)</title>", document)
        assert title is not None
        is_dark, paper, image = json.loads(html.unescape(title[1]))
        shown[is_dark] = paper, image
    assert shown[False] == ("rgb(255, 255, 255)", "none")
    assert shown[True][0] == "rgb(18, 22, 27)" and shown[True][1].startswith("invert(")


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
    assert_well_formed(text)
    assert "&lt;b&gt;notes" in text and "<b>notes" not in text
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", text)
    for one in given:
        assert f'id="trial-{one.trial.label}-{one.trial.id[:8]}"' in text


def test_every_part_and_every_figure_is_there(tmp_path: Path) -> None:
    page = write(tmp_path, records()[:3])
    text = page.read_text()
    for part in ("findings", "leaderboard", "figures", "trials", "checklist"):
        assert f'<a href="#{part}">' in text and f'<section id="{part}">' in text
    figures = sorted(tmp_path.glob("*.png"))
    assert text.count('<img src="data:image/webp;base64,') == len(figures) == 4
    assert text.count('<img src="data:image/svg+xml;base64,') == 3 + 1  # cells, and the best one
    assert "Collapse: which operations each method selects, and how uniform they are" in text
    assert "(Lindauer and Hutter 2019, arXiv 1909.02453)" in text


def test_a_failed_trial_says_why_and_how_to_run_it_again(tmp_path: Path) -> None:
    text = write(tmp_path, records()[:1]).read_text()
    assert "vinnas, digits, seed 9: failed" in text
    assert "search: E: &lt;i&gt;why" in text and "<i>why" not in text
    assert f"bench run {failure().trial.study}</pre>" in text


def test_a_trials_section_has_its_results_history_and_provenance() -> None:
    changes = {"evaluation.test.ece": 0.0123, "tuning": {"seconds": 5.0}, "selection.forced": 2}
    record = synthetic.record(accuracy=0.9, epochs=2, changes=changes)
    posterior = pd.DataFrame(
        {"method": ["darts", "other"], "trial": record.trial.id[:8], "cell": "normal", "mean": 0.5}
        | {"dataset": "digits", "seed": 0, "epoch": 2, "std": None}
    )
    section = trials.describe(record, posterior, LOOKS, is_whole=True)
    assert section["title"] == "darts (tuned), digits, seed 0: 90.00 %"
    results = section["results"]
    assert results["Test accuracy"] == "90.00 % of 360 images"
    assert results["Calibration error"] == "0.0123 (15 bins)"
    assert results["Selection"] == "forced 2, rule top2"
    history = section["tables"]["History of the search"]
    assert [name for name, _ in history.headings] == [
        "epoch", "seconds", "train_accuracy", "weights.cross_entropy",
    ]  # fmt: skip
    assert history.texts == [["1", "1.0", "0.5", "2"], ["2", "1.0", "0.66667", "1"]]
    assert "History of the evaluation" not in section["tables"]  # it has no epochs
    rows = section["tables"]["Posterior at the end of the search"]
    assert rows.texts == [["normal", "0.5"]] and rows.headings == [("cell", False), ("mean", True)]
    assert section["run"].startswith(f"commit {record.provenance.git_commit}, version ")
    kind, _, coded = section["picture"].partition("base64,")
    assert kind == "data:image/svg+xml;"
    drawn = plots.render(cells.picture(record, LOOKS), "svg")
    shown = base64.b64decode(coded)
    assert b"\n" not in shown
    texts = [
        [
            (element.tag, *(element.text or "").split())
            for element in ElementTree.fromstring(svg).iter()
        ]
        for svg in (shown, drawn)
    ]
    assert texts[0] == texts[1]
    short = trials.describe(record, posterior, LOOKS, is_whole=False)
    assert short["picture"] == "" and short["tables"] == {}


def test_a_looked_up_accuracy_is_not_called_a_test_accuracy() -> None:
    record = known.record(accuracies=(0.9,))
    empty = pd.DataFrame(columns=["method", "trial", "dataset", "seed", "epoch"])
    results = trials.describe(record, empty, LOOKS, is_whole=True)["results"]
    assert results["Known validation accuracy (cifar10)"] == "90.00 % of 360 images"
    assert trials.tabulate([record]).headings[4][0] == "known validation accuracy (cifar10), %"


def test_a_trial_is_run_again_from_its_record_and_its_page_has_all_of_its_options() -> None:
    """Those of the evaluation alone, too, which no study file of this trial could say."""
    own = {"configuration.method_in_evaluation": {"evaluation": "deterministic"}}
    record = synthetic.change(support.finished(), own)
    empty = pd.DataFrame(columns=["method", "trial", "dataset", "seed", "epoch"])
    section = trials.describe(record, empty, LOOKS, is_whole=False)
    assert yaml.safe_load(section["configuration"]) == record.configuration
    path = f"results/{record.trial.study}/records/{record.trial.stem}.json"
    assert section["commands"].splitlines()[-1] == f"bench rerun {path}"


def test_what_trials_have_in_common_stands_with_the_first() -> None:
    empty = pd.DataFrame(columns=["method", "trial", "dataset", "seed", "epoch"])
    records = [support.finished(seed=seed) for seed in range(3)]
    sections = [trials.describe(one, empty, LOOKS, is_whole=False) for one in records]
    trials.say_once(sections)
    first, *others = sections
    assert first["configuration"] and first["run"] and "earlier" not in first
    for other in others:
        assert (other["configuration"], other["run"]) == ("", "")
        assert other["earlier"] == {"configuration": first, "run": first}


def test_a_trial_of_several_trainings_shows_their_mean_as_the_leaderboard_does() -> None:
    record = support.finished()
    again = {"evaluation.repeats": [record.evaluation.model_dump(exclude_unset=True)]}
    record = synthetic.change(record, again | {"evaluation.test.accuracy": 0.5})
    mean = average_accuracy(record)
    assert mean > 50.0
    assert trials.tabulate([record]).texts[0][4] == f"{mean:.2f}"
    empty = pd.DataFrame(columns=["method", "trial", "dataset", "seed", "epoch"])
    results = trials.describe(record, empty, LOOKS, is_whole=False)["results"]
    assert results["Test accuracy"].endswith(" images, mean of 2 trainings")


def verdicts(given: list[FinishedRecord]) -> dict[str, bool]:
    return {item.practice.split(":")[0]: item.met for item in checklist.check(given)}


def test_checklist_follows_the_records() -> None:
    given = records(seeds=FEWEST_SEEDS)
    first = verdicts(given)
    assert first["Code of the search space"] and first["Comparison with random search"]
    assert first["Several runs with different seeds"]
    assert first["Ablation studies"]  # vinnas with and without KL
    assert not first["How hyper-parameters were tuned, and at what budget"]
    assert not first["Performance over time compared"]
    given = [record for record in given if record.trial.label != "vinnas-no-kl"]
    given[0] = synthetic.change(given[0], {"provenance.git_dirty": True})
    given[1] = synthetic.change(given[1], {"environment.hardware": "another"})
    del given[2]
    then = verdicts(given)
    assert not then["Ablation studies"] and not then["Code of the search space"]
    assert not then["Confounding factors controlled"]
    assert not then["Several runs with different seeds"]


def test_checklist_of_looked_up_accuracies_and_tuned_trials() -> None:
    met = verdicts([known.record(), synthetic.record(changes={"tuning": {"seconds": 1.0}})])
    assert met["Performance over time compared"]
    assert met["Tabular or surrogate benchmark for in-depth evaluation"]
    assert met["How hyper-parameters were tuned, and at what budget"]
