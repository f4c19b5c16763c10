"""Ray Core runs the jobs: `pool`; `link` alone imports ray, `resources` is what nodes offer."""
