"""Verbs to find out with: what there is to compare, what this machine has, what a step costs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from click import argument, option

from bench.cli import options
from bench.cli.completion import complete_study
from bench.cli.options import COUNT, DONE, SOME_FAILED, OneOf, verb

if TYPE_CHECKING:
    from bench.cluster.file import Cluster

_KINDS = ("methods", "spaces", "datasets", "studies")


@verb("list", "studies", "methods")
@argument("kind", type=OneOf(_KINDS), metavar="KIND", help=f"One of {', '.join(_KINDS)}.")
def list_available(kind: str) -> int:
    """List the methods, spaces, data sets or studies there are.

    A study names methods, a space and data sets. STUDY of the other verbs is one of the studies.
    """
    from bench.cli import catalogue

    for name, description in catalogue.describe(kind).items():
        print(f"{name:20} {description}".rstrip())
    return DONE


@verb("doctor", "", "--data-root ~/data --results /tmp/results", "--cluster slurm.yaml")
@options.results
@options.data_root
@options.tracking_uri
@options.cluster
def examine(
    results: Path, data_root: Path | None, tracking_uri: str | None, cluster: Cluster | None
) -> int:
    """Say what this machine has, what it lacks and what to do.

    Looks at Python, packages, devices, data sets, the disk and the MLflow server; with --cluster at
    what the cluster offers, and sends an empty job there. Exit status 1 where `bench run` cannot
    work.
    """
    from bench.cli import doctor

    hindered = False
    for finding in doctor.examine(results, data_root, tracking_uri, cluster):
        print(finding, flush=True)
        hindered |= finding.hinders
    return SOME_FAILED if hindered else DONE


@verb("speed", "--quick", "--only W2,methods --repeats 10")
@option("--only", metavar="PARTS", show_default="all", help="These alone, several with commas.")
@option(
    "--scale",
    type=OneOf(("W1", "W2", "collapse")),
    default="W2",
    help="Super-network of the parts that have none of their own.",
)
@option("--repeats", type=COUNT, default=5, help="Rounds to measure.")
@option("--threads", type=COUNT, show_default="all cores", help="CPU threads.")
@option("--study", metavar="STUDY", shell_complete=complete_study, help="For the part variance.")
@option("--quick", is_flag=True, help="Tiny sizes: shows that it works, the times mean nothing.")
@options.device
@options.data_root
@options.results
def measure_speed(**settings: Any) -> int:
    """Measure what a training step costs on this machine.

    Prints tables and writes them to speed/ in the results. Parts are W1 and W2 (super-networks of
    two sizes, fused against plain), estimators, methods, collapse (methods in the super-network of
    the study of that name), variance, data, candidates and growth; variance is measured in the
    first search by VINNAS of --study, on its data, or else in a small one on synthetic images.
    """
    from bench.speed import session

    for path in session.run(session.Settings(**settings)):
        print(path)
    return DONE
