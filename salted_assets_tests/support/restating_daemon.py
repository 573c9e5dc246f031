"""What the daemon does with the restatement sensor: ticks, and runs of what they ask for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
from dagster._core.definitions.sensor_definition import SensorExecutionData  # what evaluating a tick gives

from salted_assets.defs.jobs.asset_jobs import build_jobs
from salted_assets.defs.partitions import RANGE_END, RANGE_START, build_backfill_policy, build_partitions
from salted_assets.defs.restatement.score_layout import RESTATED_TAG, WINDOWED, find_score_assets
from salted_assets.defs.restatement.sensor import build_restatement_sensor
from salted_assets.history import FooterCache
from salted_assets.history.restatement import InputIndex
from salted_assets.settings import Settings
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.platform import QUIET, build_defs
from salted_assets_tests.support.restatement_sandbox import affected_dates_json, put

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)
TOY = dg.AssetKey(["scores", "toy_rolling"])


@dataclass
class Daemon:
    """Ticks one after the other, each with the cursor that the last one left, at a time that a test sets."""

    settings: Settings
    defs: dg.Definitions
    instance: dg.DagsterInstance
    now: datetime = NOON
    cursor: str | None = None
    launched: set[str] = field(default_factory=set)
    said: str | None = None
    observed: list[dg.AssetObservation] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Build the sensor once, as a code location does: it keeps what it has read."""
        jobs = build_jobs(has_scores=True)
        self._sensor = build_restatement_sensor(self.settings, jobs, lambda: self.now)
        self._repository = self.defs.get_repository_def()

    def tick(self, after: timedelta = timedelta(minutes=1)) -> list[dg.RunRequest]:
        """What one tick asks for, without what was launched before under the same key."""
        self.now += after
        data = self._evaluate()
        self.cursor, self.said = data.cursor, data.skip_message
        for event in data.asset_events:
            self.instance.report_runless_asset_event(event)
        self.observed = [event for event in data.asset_events if isinstance(event, dg.AssetObservation)]
        asked = [request for request in data.run_requests or [] if request.run_key not in self.launched]
        self.launched |= {str(request.run_key) for request in asked}
        return asked

    def run(self, requests: Sequence[dg.RunRequest]) -> list[bool]:
        """Execute the requests, one run after the other."""
        return [self._execute(request).success for request in requests]

    def settle(self, ticks: int = 20) -> list[str]:
        """Tick and run until nothing is asked for; gives what was. Fails if that takes too many ticks."""
        asked: list[str] = []
        for _ in range(ticks):
            requests = self.tick()
            if not requests:
                return asked
            asked += map(describe, requests)
            self.run(requests)
        raise AssertionError(f"still asking after {ticks} ticks: {asked}")

    def _evaluate(self) -> SensorExecutionData:
        resources = {"warehouse": (self.defs.resources or {})["warehouse"]}
        with dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor, repository_def=self._repository, resources=resources
        ) as context:
            return self._sensor.evaluate_tick(context)

    def _execute(self, request: dg.RunRequest) -> Any:
        return self.defs.resolve_job_def(str(request.job_name)).execute_in_process(
            instance=self.instance,
            asset_selection=request.asset_selection,
            tags=dict(request.tags),
            run_config=QUIET,
            raise_on_error=False,
        )


def describe(request: dg.RunRequest) -> str:
    """`daily 2024-01-09..2024-01-10`, say."""
    tags = request.tags
    return f"{tags['salted/restatement']} {tags[RANGE_START]}..{tags[RANGE_END]}"


@dataclass
class Files:
    """Files of footers alone in the places of a platform's tables and scores, as if runs had made them."""

    defs: dg.Definitions
    warehouse: Warehouse
    count: int = 0

    def __post_init__(self) -> None:
        """Read the layout from the definitions, as the sensor does."""
        self.scores = find_score_assets(self.defs.resolve_all_asset_specs())

    def write_tables(self, *days: date, touching: Iterable[date] = ()) -> None:
        """All tables of these days, whose rows also touch the given ones."""
        for each in days:
            for key in self.scores.layout.needed:
                self.count += 1
                put(self.warehouse, key, each, file_id=str(self.count), touches=affected_dates_json([each, *touching]))

    def write_scores(self, *days: date) -> None:
        """All daily scores of these days, made of the tables as they are."""
        for each in days:
            for key in self.scores.layout.daily:
                self._write_score(key, each, 1, ("tables", "engagement"), ("tables", "review"))

    def write_windows(self, *days: date) -> None:
        """The windows of seven days that end on these days, made of the scores as they are."""
        for each in days:
            self._write_score(tuple(TOY.path), each, 7, ("scores", "agent_daily"))

    def _write_score(self, key: tuple[str, ...], of: date, window_days: int, *upstream: tuple[str, ...]) -> None:
        self.count += 1
        inputs = InputIndex(FooterCache(self.warehouse, "UTC"), ("engagement", "review")).of(upstream, of, window_days)
        scored_at = datetime(2024, 2, 1, tzinfo=UTC) + timedelta(seconds=self.count)
        notes = {"inputs": inputs.to_json(), "scored_at": scored_at.isoformat()}
        if recipe := self.scores.layout.recipes.get(key):
            notes |= {"formula_version": str(recipe.formula_version), "settings": recipe.settings_json}
        put(self.warehouse, key, of, file_id=str(self.count), **notes)


def build_sleeping_defs(settings: Settings) -> dg.Definitions:
    """The definitions with one window over their scores in place of all windows, for a test that executes nothing."""

    @dg.asset(
        key=TOY,
        deps=[dg.AssetKey(["scores", "agent_daily"])],
        group_name="scores",
        tags={RESTATED_TAG: WINDOWED},
        partitions_def=build_partitions(settings),
        backfill_policy=build_backfill_policy(settings),
    )
    def toy_rolling() -> None: ...

    ours = build_defs(settings)
    assets = [each for each in ours.assets or [] if isinstance(each, dg.AssetsDefinition) and not _is_windowed(each)]
    jobs = build_jobs(has_scores=True).values()
    return dg.Definitions(assets=[*assets, toy_rolling], jobs=list(jobs), resources=ours.resources)


def _is_windowed(assets: dg.AssetsDefinition) -> bool:
    return any(spec.tags.get(RESTATED_TAG) == WINDOWED or spec.group_name == "report" for spec in assets.specs)
