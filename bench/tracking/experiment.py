"""An open experiment of an MLflow store: what can be done with its runs and models."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import BenchError, one_line
from bench.tracking.export import RunContent, cut

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


class TrackingError(BenchError):
    """MLflow could not be reached or refused; the records are untouched and can be sent later."""


class Experiment:
    """An open experiment of one store."""

    def __init__(self, client: MlflowClient, experiment: str):
        self.client = client
        self._id = experiment

    def search(self, condition: str) -> list[Run]:
        """The runs that meet a condition in MLflow's language, newest first."""
        runs: list[Run] = []
        token: str | None = None
        while token is None or token:
            page = self.client.search_runs([self._id], condition, page_token=token)
            runs += page
            token = page.token or ""
        return runs

    def artifacts(self, run_id: str) -> set[str]:
        """Names of a run's files."""
        return {item.path for item in self.client.list_artifacts(run_id)}

    def models(self, run_id: str) -> set[str]:
        """Names of the models that a run has made."""
        outputs = self.client.get_run(run_id).outputs
        made = outputs.model_outputs if outputs is not None else ()
        return {str(self.client.get_logged_model(one.model_id).name) for one in made}

    def is_active(self, run_id: str | None) -> bool:
        """Whether there is such a run, and it is not deleted."""
        from mlflow.exceptions import MlflowException

        try:
            return bool(run_id and self.client.get_run(run_id).info.lifecycle_stage == "active")
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return False

    def move_nested(self, old: str, new: str) -> None:
        """Nest what is nested in a run in another one."""
        for nested in self.search(f"tags.`mlflow.parentRunId` = '{old}'"):
            self.client.set_tag(nested.info.run_id, "mlflow.parentRunId", new)

    def delete(self, run_id: str) -> None:
        """Delete a run, which may stay in MLflow's bin."""
        self.client.delete_run(run_id)

    def create(self, content: RunContent, parent: str | None = None) -> str:
        """Begin a run, nested in another one if there is a `parent`; its id.

        One that goes on has its parameters at once.
        """
        from mlflow.entities import Param

        tags = {key: cut(value, 8000) for key, value in content.tags.items()}
        if parent is not None:
            tags["mlflow.parentRunId"] = parent
        run = self.client.create_run(
            self._id, start_time=content.start, tags=tags, run_name=content.name
        )
        run_id = str(run.info.run_id)
        if content.end is None and content.parameters:
            params = [Param(name, text) for name, text in content.parameters.items()]
            self.client.log_batch(run_id, params=params)
        return run_id

    def complete(self, run_id: str, content: RunContent) -> None:
        """Write everything that a run has besides nested runs and files, and end it."""
        from mlflow.entities import Dataset, DatasetInput, Metric, Param

        if (data := content.data) is not None:
            profile = data.model_dump(include={"train", "validation", "test", "classes"})
            used = Dataset(
                data.name[-500:],
                data.digest[:12],
                "local",
                json.dumps({"name": data.name, "sha256": data.digest}),
                profile=json.dumps(profile),
            )
            self.client.log_inputs(run_id, [DatasetInput(used)])
        metrics = [Metric(v.name, v.value, v.moment, v.step) for v in content.values]
        params = [Param(name, text) for name, text in content.parameters.items()]
        self.client.log_batch(run_id, metrics=metrics, params=params)
        self.client.set_terminated(run_id, "FAILED" if content.failed else "FINISHED", content.end)

    def attach(self, run_id: str, files: Mapping[str, Path], texts: Mapping[str, str]) -> None:
        """Give a run files, by name, and texts that become files."""
        with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
            for name, path in files.items():
                (Path(scratch) / name).write_bytes(path.read_bytes())
            for name, text in texts.items():
                (Path(scratch) / name).write_text(text, encoding="utf-8")
            self.client.log_artifacts(run_id, scratch)

    def log_model(self, run_id: str, name: str, program: Path, content: RunContent) -> None:
        """Give a run a model: an exported network, as MLflow's PyTorch flavour loads it.

        program: a file of `bench.training.export.save_network`, whose example images become the
        model's; content: the run's, for the model's parameters. Raises TrackingError where the file
        is no such program.
        """
        import torch
        from mlflow import pytorch
        from mlflow.entities import LoggedModelOutput
        from mlflow.models import Model, infer_signature

        try:
            exported = torch.export.load(program)
            (images,), _ = exported.example_inputs
            module = exported.module()
            with torch.no_grad():
                signature = infer_signature(images.numpy(), module(images).numpy())
        except Exception as error:  # torch has no one error for a file that is damaged or old
            raise TrackingError(f"{program} is no exported network: {one_line(error)}") from error
        model = self.client.create_logged_model(
            self._id, name, run_id, params=dict(content.parameters), model_type="classifier"
        )
        with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
            try:
                pytorch.save_model(
                    module,
                    f"{scratch}/model",
                    mlflow_model=Model(run_id=run_id, model_id=model.model_id),
                    signature=signature,
                    input_example=images.numpy(),
                    serialization_format="pt2",
                    pip_requirements=[f"torch=={torch.__version__.partition('+')[0]}", "numpy"],
                )
            except Exception as error:
                self.client.delete_logged_model(model.model_id)
                raise TrackingError(f"{program} is no model: {one_line(error)}") from error
            self.client.log_model_artifacts(model.model_id, f"{scratch}/model")
        self.client.finalize_logged_model(model.model_id, "READY")
        self.client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
