"""Which claims more seeds could decide, for `bench run --until-decided`."""

from __future__ import annotations

from analysis.claims.evidence import Setting, collect
from analysis.claims.ledger import apply_rule
from analysis.claims.outcome import ClaimVerdict
from bench.claims.model import Claim
from bench.records.sequential import Question


def ask(claim: Claim, setting: Setting) -> Question:
    """A claim on a setting: what its rule says of the seeds so far, and whether more may say more.

    They do not where a gate has failed, and where the rule has found nothing to measure.
    """
    evidence = collect(claim, setting)
    labels = sorted(set(evidence.labels.values()))
    verdict, seeds, why = str(ClaimVerdict.UNDECIDED), 0, ""
    if evidence.missing:
        why = f"no finished trial of {' and '.join(evidence.missing)}"
    else:
        outcome, seeds = apply_rule(claim, evidence, setting.facts)
        verdict = str(outcome.verdict)
        failed = [
            name
            for name, state in (
                ("setting", evidence.setting_gate),
                ("search", evidence.search_gate),
            )
            if state == "failed"
        ]
        if failed:
            why = f"gate {' and '.join(failed)} failed, so that seeds do not decide it"
        elif outcome.estimate is None:
            why = f"seeds do not decide it: {outcome.basis}"
    is_open = not why and verdict == ClaimVerdict.UNDECIDED
    return Question(
        kind="claim", dataset=setting.dataset, name=claim.name, labels=labels,
        verdict=verdict, seeds=seeds, is_open=is_open, why=why,
    )  # fmt: skip
