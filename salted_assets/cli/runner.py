"""Runs of our assets in this process. They are ordinary runs of the instance, so the UI shows them."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from importlib import import_module
from typing import Any
from uuid import uuid4

import click
import dagster as dg

from salted_assets.cli.interrupts import is_interrupted, raise_if_interrupted, when_interrupted
from salted_assets.defs.asset_keys import local_path
from salted_assets.defs.instance.cancellation import Cancellation
from salted_assets.defs.instance.command_runs import command_tags, find_code_location, shown_in_location
from salted_assets.defs.instance.home import HomeUnusable
from salted_assets.defs.instance.orphaned_runs import marked_as_live
from salted_assets.defs.instance.own_records import open_own_instance
from salted_assets.defs.partitions import range_tags
from salted_assets.defs.retries import KNOWN_ERRORS
from salted_assets.defs.step_days import listening_to_days
from salted_assets.settings import Settings

FATAL_ERRORS = {"ApiUrlRefused", "ApiKeyUnusable", "ApiKeyRejected", "ApiKeyForbidden", "WarehouseUnusable"}
"""Errors that every other day would end with as well."""

_QUIET = {"console": {"config": {"log_level": "CRITICAL"}}}


@dataclass(frozen=True)
class Problem:
    """Why one step of a run failed: the days of the run, the asset or step, and its error."""

    first: date
    last: date
    step: str
    message: str
    is_fatal: bool

    def __str__(self) -> str:
        days = f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"
        return f"{days} {self.step}: {self.message}"


@dataclass(frozen=True)
class Runner:
    """Runs days through the definitions. `on_day` is called for each day of an asset as soon as it is made.

    `run_ids` are those of the runs so far, in their order.
    """

    defs: dg.Definitions
    instance: dg.DagsterInstance
    command: str
    on_day: Callable[[dg.AssetKey, date], None] = lambda *_: None
    run_ids: list[str] = field(default_factory=list)

    def run(
        self, assets: Collection[dg.AssetKey], days: Sequence[date], config: Mapping[str, Any] | None = None
    ) -> tuple[str, list[Problem]]:
        """One run of the assets over consecutive days; gives its id and what failed in it.

        Raises Interrupted where a signal has ended the run, which is then canceled.
        """
        raise_if_interrupted()
        run_id, first, last = str(uuid4()), days[0], days[-1]
        self.run_ids.append(run_id)
        location = _location_of(assets)
        with (
            marked_as_live(self.instance, run_id),
            shown_in_location(self.instance, run_id, location),
            self._canceled_by_signals(run_id),
            listening_to_days(self.on_day),
        ):
            result = self.defs.resolve_implicit_global_asset_job_def().execute_in_process(
                instance=self.instance,
                asset_selection=sorted(assets),
                tags={**range_tags(first, last), **command_tags(self.command, location)},
                run_config={"loggers": _QUIET, **(config or {})},
                run_id=run_id,
                raise_on_error=False,
            )
        raise_if_interrupted()
        if result.success:
            return run_id, []
        problems = [_problem_of(event, first, last) for event in result.filter_events(lambda e: e.is_step_failure)]
        unexplained = Problem(first, last, "run", f"run {run_id} did not succeed; see it in the UI", is_fatal=False)
        return run_id, problems or [unexplained]

    def list_made(self, run_id: str) -> set[tuple[dg.AssetKey, date]]:
        """The days that the run has made, with their assets."""
        entries = self.instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
        made = [entry.get_dagster_event().step_materialization_data.materialization for entry in entries]
        return {(each.asset_key, date.fromisoformat(each.partition)) for each in made if each.partition}

    @contextmanager
    def _canceled_by_signals(self, run_id: str) -> Iterator[None]:
        """See to it that a run that a signal ends is canceled and not failed: then its days are missing."""
        cancellation = Cancellation(self.instance, run_id)
        # a signal that came before the run had begun is asked for again at its first event
        self.instance.add_event_listener(run_id, lambda _: cancellation.request() if is_interrupted() else None)
        try:
            with when_interrupted(cancellation.begin):
                yield
        finally:
            cancellation.finish(was_interrupted=is_interrupted())


@contextmanager
def open_home(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The Dagster instance of `DAGSTER_HOME`, which holds no records of another vendor.

    Raises click.ClickException where its folder cannot be used, and for our own errors within the context.
    """
    try:
        with open_own_instance(simulated=settings.simulated, account=settings.account) as instance:
            yield instance
    except (HomeUnusable, *KNOWN_ERRORS) as error:
        raise click.ClickException(str(error)) from None


def load_definitions(settings: Settings) -> dg.Definitions:
    """The definitions for these settings.

    Their module is loaded here, not above: for Dagster it loads the settings of the environment, and would fail before
    a command can say what is wrong with them.
    """
    definitions: dg.Definitions = import_module("salted_assets.definitions").build_defs(settings)
    return definitions


def are_fatal(problems: Sequence[Problem]) -> bool:
    """Whether every other day would end the same way."""
    return any(problem.is_fatal for problem in problems)


def _location_of(assets: Collection[dg.AssetKey]) -> str:
    """The code location of the assets' account, whose name comes before their paths."""
    key = next(iter(assets))
    return find_code_location("/".join(key.path[: -len(local_path(key))]))


def _problem_of(event: dg.DagsterEvent, first: date, last: date) -> Problem:
    failure = event.step_failure_data
    described = failure.user_failure_data.description if failure.user_failure_data else None
    names, error = set(), failure.error
    while error is not None:
        names.add(str(error.cls_name))
        message, error = str(error.message), error.cause
    text = described or message
    return Problem(first, last, str(event.step_key).replace("__", "/"), text.strip(), bool(names & FATAL_ERRORS))
