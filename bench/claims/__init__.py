"""Claims: sentences that papers state, each with the rule that decides it from records.

`model` is what a claim is, `file` reads them (a study's section `claims` and papers.yaml, which
comes with the package), `blocks` keeps the sentences about them in Markdown files. What the records
say of a claim is `analysis.claims`.
"""
