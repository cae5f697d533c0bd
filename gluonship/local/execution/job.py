"""One job on its thread: from a plan to a result."""

from __future__ import annotations

import logging
import secrets
import shutil
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from gluonship.local.contracts import (
    Clock,
    Container,
    ContainerSpec,
    Exit,
    Failure,
    ImageUnknown,
    JobListener,
    JobOutcome,
    JobPhase,
    JobPlan,
    JobResult,
    Logs,
    LogStream,
    Metrics,
    Runtime,
    Scope,
    StartFailed,
    Storage,
    StorageError,
)
from gluonship.local.execution import disk, failures, inputs, outputs
from gluonship.local.execution.failures import JobFailed
from gluonship.local.execution.folder_sync import FolderSync
from gluonship.local.execution.metric_lines import MetricReader

_log = logging.getLogger(__name__)


class _Called(Exception):
    """stop() or interrupt() came before the container ran."""


class Job:
    """contracts.RunningJob. stop() and interrupt() have no effect once the container has ended."""

    def __init__(
        self,
        plan: JobPlan,
        listener: JobListener,
        *,
        runtime: Runtime,
        storage_for: Callable[[Scope], Storage],
        logs: Logs,
        metrics: Metrics,
        clock: Clock,
        home: Path,
        checkpoint_seconds: float,
    ) -> None:
        self._plan = plan
        self._listener = listener
        self._runtime = runtime
        self._storage_for = storage_for
        self._logs = logs
        self._metrics = metrics
        self._clock = clock
        self._checkpoint_seconds = checkpoint_seconds
        # Job names are unique in one account and region only, and a job may be started again.
        self._container_name = f"{plan.name}-{secrets.token_hex(3)}"
        self._folder = home / "containers" / self._container_name
        self._root = self._folder / "ml"
        self._lock = threading.Lock()
        self._ending: JobOutcome | None = None  # STOPPED or INTERRUPTED, when asked for
        self._end_action: Callable[[Container], Exit] | None = None
        self._container: Container | None = None
        self._stream: LogStream | None = None
        self._values: dict[str, tuple[float, datetime]] = {}
        self._exit_message: str | None = None

    # --- what others ask of it ---------------------------------------------------------------------------

    def start(self) -> None:
        threading.Thread(target=self._run, name=f"job-{self._plan.name}", daemon=True).start()

    def stop(self, grace_seconds: float) -> None:
        self._end(JobOutcome.STOPPED, lambda container: container.stop(grace_seconds))

    def interrupt(self) -> None:
        self._end(JobOutcome.INTERRUPTED, lambda container: container.kill())

    def _end(self, outcome: JobOutcome, action: Callable[[Container], Exit]) -> None:
        with self._lock:
            self._ending = self._ending or outcome
            self._end_action = action
            container = self._container
        if container is not None:
            threading.Thread(target=action, args=(container,), name="job-end", daemon=True).start()

    # --- its thread --------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            result = self._attempt()
        except JobFailed as error:
            result = self._result(JobOutcome.FAILED, error.failure)
        except _Called:
            result = self._result(self._ending or JobOutcome.STOPPED)
        except OSError as error:
            result = self._result(JobOutcome.FAILED, self._of_machine(error))
        except Exception as error:  # noqa: BLE001 - every failure reaches the listener
            _log.exception("job %s", self._plan.name)
            message = f"{type(error).__name__}: {error}"
            result = self._result(JobOutcome.FAILED, failures.internal_error(message).failure)
        self._clean_up()
        self._listener.finished(result)

    def _attempt(self) -> JobResult:
        plan = self._plan
        self._listener.entered(JobPhase.STARTING)
        try:
            metrics = MetricReader(plan.metric_definitions)
        except ValueError as error:
            raise failures.client_error(str(error)) from error
        storage = self._storage_for(plan.scope)
        self._stream = self._logs.open(plan.scope, plan.log_group, plan.log_stream)
        inputs.lay_out(plan, self._root)

        self._check()
        self._listener.entered(JobPhase.DOWNLOADING)
        syncs = [*self._restored_checkpoints(storage), *self._continuous_outputs(storage)]
        inputs.download(plan, self._root, storage, self._check)

        self._check()
        self._listener.entered(JobPhase.RUNNING)
        ended = self._run_container(syncs, metrics)
        outcome, failure = self._judge(ended)

        if outcome is not JobOutcome.INTERRUPTED:
            self._listener.entered(JobPhase.UPLOADING)
        problem = self._upload(outcome, storage, syncs)
        if problem is not None and outcome in (JobOutcome.COMPLETED, JobOutcome.STOPPED):
            outcome, failure = JobOutcome.FAILED, problem
        return self._result(outcome, failure)

    def _check(self) -> None:
        with self._lock:
            if self._ending is not None:
                raise _Called

    def _restored_checkpoints(self, storage: Storage) -> list[FolderSync]:
        if self._plan.checkpoints is None:
            return []
        folder = inputs.checkpoint_folder(self._plan.checkpoints, self._root)
        try:
            sync = FolderSync(
                storage,
                self._plan.checkpoints.uri,
                folder,
                "checkpoints",
                self._tell,
                self._checkpoint_seconds,
            )
            sync.restore()
        except StorageError as error:
            raise failures.client_error(f"Checkpoint download failed: {error}") from error
        return [sync]

    def _continuous_outputs(self, storage: Storage) -> list[FolderSync]:
        return [
            FolderSync(
                storage,
                output.uri,
                inputs.inside(self._root, output.folder),
                f"the files of {output.folder}",
                self._tell,
                self._checkpoint_seconds,
            )
            for output in self._plan.outputs
            if output.continuous
        ]

    def _run_container(self, syncs: Sequence[FolderSync], metrics: MetricReader) -> Exit:
        plan = self._plan

        def on_line(line: str) -> None:
            self._tell(line)
            for name, value in metrics.read(line):
                now = self._clock.now()
                self._values[name] = (value, now)
                if plan.metric_namespace:
                    self._metrics.put(
                        plan.scope, plan.metric_namespace, name, value, now, plan.metric_dimensions
                    )

        spec = ContainerSpec(
            name=self._container_name,
            image=plan.image,
            command=plan.command,
            root=self._root,
            environment=plan.environment,
            arguments=plan.arguments,
            entrypoint=plan.entrypoint,
            memory_limit_bytes=plan.memory_limit_bytes,
            account_id=plan.scope.account_id,
            role_arn=plan.role_arn,
        )
        try:
            container = self._runtime.start(spec, on_line)
        except ImageUnknown as error:
            raise failures.client_error(str(error)) from error
        except StartFailed as error:
            raise failures.internal_error(str(error)) from error
        for sync in syncs:
            sync.start()
        with self._lock:  # from here on, who ends the job ends the container
            self._container = container
            called_meanwhile = self._end_action
        ended = called_meanwhile(container) if called_meanwhile else container.wait()
        assert ended is not None
        return ended

    def _judge(self, ended: Exit) -> tuple[JobOutcome, Failure | None]:
        """What the end of the container, and what it left to say, are for the job."""
        outcome, failure = self._judged_by_its_end(ended)
        if self._plan.message_file:
            try:
                self._exit_message = failures.read_message_file(self._root, self._plan.message_file)
            except JobFailed as error:
                if outcome is JobOutcome.COMPLETED:
                    return JobOutcome.FAILED, error.failure
        return outcome, failure

    def _judged_by_its_end(self, ended: Exit) -> tuple[JobOutcome, Failure | None]:
        with self._lock:
            ending = self._ending
            self._container = None  # nobody can end it any more
        if ending is not None:
            return ending, None
        plan = self._plan
        if ended.code != 0:
            said = failures.read_failure_file(self._root / plan.failure_file)
            advice = disk.advice(self._root)
            return JobOutcome.FAILED, failures.of_container(ended, said, advice, plan.failure_lead)
        if ended.needs_success_file and not (self._root / failures.SUCCESS_FILE).exists():
            return JobOutcome.FAILED, failures.without_success(failures.last_words(ended.last_lines))
        return JobOutcome.COMPLETED, None

    def _upload(self, outcome: JobOutcome, storage: Storage, syncs: Sequence[FolderSync]) -> Failure | None:
        """Returns what went wrong; it is also in the log, because a job may have failed for more than one
        reason."""
        wanted = {
            JobOutcome.INTERRUPTED: [],
            JobOutcome.FAILED: [each for each in self._plan.outputs if each.even_if_failed],
        }.get(outcome, list(self._plan.outputs))
        try:
            for output in self._plan.outputs:
                if output.continuous:
                    outputs.follow_the_container(inputs.inside(self._root, output.folder), self._root)
            for sync in syncs:
                sync.finish()
            for output in wanted:
                if not output.continuous:
                    outputs.upload(output, self._root, self._folder, storage, self._tell)
        except StorageError as error:
            failure = failures.client_error(f"Artifact upload failed: {error}").failure
        except OSError as error:
            failure = self._of_machine(error)
        except JobFailed as error:
            failure = error.failure
        else:
            return None
        self._tell(f"gluonship: {failure.message}")
        return failure

    def _of_machine(self, error: OSError) -> Failure:
        if disk.is_full(error):
            return failures.client_error(disk.explain(error, self._folder)).failure
        place = f" '{error.filename}'" if error.filename else ""
        return failures.internal_error(
            f"this machine refused the job's folder{place}: {error.strerror or error}"
        ).failure

    def _result(self, outcome: JobOutcome, failure: Failure | None = None) -> JobResult:
        return JobResult(outcome, failure, dict(self._values), self._exit_message)

    def _tell(self, line: str) -> None:
        if self._stream is not None:
            self._stream.write(line)

    def _clean_up(self) -> None:
        """Before the result is told: then nothing of the job is left, and all its log can be read."""
        steps = [lambda: _remove(self._folder), self._metrics.flush]
        if self._stream is not None:
            steps.append(self._stream.close)
        for step in steps:
            try:
                step()
            except Exception:  # noqa: BLE001 - the result is told whatever happens here
                _log.exception("cleaning up after job %s", self._plan.name)


def _remove(folder: Path) -> None:
    """Also what a script made read-only."""

    def make_writable(_function: object, path: str, _error: object) -> None:
        target = Path(path)
        for each in (target.parent, target):
            if each.is_dir() and not each.is_symlink():
                each.chmod(0o700)
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target, ignore_errors=True)
        else:
            target.unlink(missing_ok=True)

    if folder.exists():
        shutil.rmtree(folder, onerror=make_writable)
