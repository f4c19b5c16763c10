"""The verb `claims`, and the check of the sentences that it writes into other pages."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from click import option

from bench.cli import options
from bench.cli.options import DONE, PATH, StudyArguments, thresholds, verb
from bench.errors import ConfigurationError, ResultsError

PAGE = "README.md"
"""What `bench verify` looks for sentences in: here, and in the folder of all results."""


@verb("claims", "collapse", "collapse fashion-mnist --into README.md")
@options.studies
@option("--into", type=PATH, metavar="FILE", help="Write sentences into this file's blocks, too.")
@options.collapse
@options.output
def claims(
    arguments: StudyArguments, into: Path | None, output: Path | None, **shares: float | None
) -> int:
    """Say which claims the records support.

    Writes claims.md, claims.csv and claims.png: the papers' claims about the studies' methods and
    the studies' own, each supported, refuted, equivalent or undecided. A block is what stands
    between the lines <!-- claims: STUDY... --> and <!-- end -->; in one that begins with
    <!-- claims in short: STUDY... --> each verdict has a line.
    """
    import analysis
    from bench.claims import blocks
    from bench.records.gather import join_folder

    studies = arguments.gather_each()
    folder = output or join_folder(studies, arguments.results)
    if into is not None:
        blocks.check(into, arguments.references)
    paths = analysis.write_claims(folder, studies, thresholds=thresholds(shares))
    if paths:
        print(paths[0].read_text(encoding="utf-8"))
    else:
        print("no claim is about these studies' methods")
    if into is not None:
        bodies = analysis.format_claims(studies, thresholds=thresholds(shares))
        paths.append(blocks.fill(into, arguments.references, bodies))
    print("\n".join(map(str, paths)))
    return DONE


def find_wrong_blocks(
    arguments: StudyArguments, studies: Collection[str], shares: Mapping[str, float | None]
) -> Iterator[str]:
    """A line for each block of sentences about one of the studies that is not what records say.

    Raises as `format_claims` and `StudyArguments.gather_each`, naming the page.
    """
    import analysis
    from bench.claims import blocks

    ledgers: dict[tuple[str, ...], Mapping[str, str]] = {}
    for page in dict.fromkeys((Path(PAGE), arguments.results / PAGE)):
        for block in blocks.find(page):
            paths = list(map(Path, block.studies))
            if not {part for path in paths for part in (path.name, path.stem)} & set(studies):
                continue
            if block.studies not in ledgers:
                own = StudyArguments(block.studies, arguments.overrides, arguments.results)
                try:
                    known = own.gather_each()
                    ledgers[block.studies] = analysis.format_claims(
                        known, thresholds=thresholds(shares)
                    )
                except (ConfigurationError, ResultsError) as error:
                    raise type(error)(f"{page}, a block of claims: {error}") from error
            if ledgers[block.studies][block.kind] != block.body:
                names = " ".join(block.studies)
                yield f"differs: {page}, claims: `bench claims {names} --into {page}` writes them"
