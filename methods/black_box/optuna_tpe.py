"""Bayesian optimisation by Optuna's tree-structured Parzen estimator (Bergstra et al. 2011)."""

from __future__ import annotations

from bench.seeds import derive
from methods.black_box.method import BlackBox


class OptunaTpe(BlackBox):
    """Bayesian optimisation by Optuna's TPE: one categorical variable per edge.

        max over cells of the validation accuracy of one training

    The estimator models p(operation | good) and p(operation | bad) of every edge from what has been
    trained, and asks next for what has the largest ratio of the two (Bergstra et al. 2011). The
    settings are Optuna's defaults, the seed is the method's.
    """

    def explore(self) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.CRITICAL)
        sampler = optuna.samplers.TPESampler(seed=derive(self.task.seed, "tpe") % 2**32)
        study = optuna.create_study(direction="maximize", sampler=sampler)
        names = [f"{kind} {edge}" for kind, edge in self.encoding.places]
        while not self.budget.is_spent:
            trial = study.ask()
            choices = tuple(
                trial.suggest_categorical(name, self.encoding.operations) for name in names
            )
            accuracy = self.budget.train(choices)
            if accuracy is None:
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
            else:
                study.tell(trial, accuracy)
