"""The restatement sensor: asks for what is out of date, as `history.restatement` finds it.

Each tick looks at footers and at what is in progress, and asks for a bounded number of days. What it remembers between
ticks is in its cursor: what it has asked for that is still wanted, and where things stood when nothing was left to do.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any

import dagster as dg
from pydantic import BaseModel, ValidationError

from salted_assets.defs.asset_keys import RAW_EXPORT, account_key
from salted_assets.defs.partitions import range_tags
from salted_assets.defs.resources import WarehouseResource
from salted_assets.defs.restatement.observations import observe_outdated
from salted_assets.defs.restatement.score_layout import ScoreAssets, find_score_assets
from salted_assets.defs.restatement.unfinished_days import find_days_in_progress, find_landed_unparsed
from salted_assets.history import FooterCache
from salted_assets.history.restatement import (
    Attempts,
    InputIndex,
    Limits,
    Request,
    StaleDay,
    find_outdated_windows,
    find_stale_days,
    find_stale_windows,
    list_complete_days,
    plan_requests,
)
from salted_assets.settings import Settings
from salted_assets.warehouse import WarehouseDamaged

KIND_TAG = "salted/restatement"
DAILY, WINDOWED, REPARSED = "daily", "windowed", "reparsed"

_JOBS = {DAILY: "restate_scores", WINDOWED: "restate_scores", REPARSED: "reparse"}
_SECONDS_BETWEEN_TICKS = 60
_READING_SECONDS = 20.0
_DAYS_AT_ONCE = 28
_OBSERVATIONS_AT_ONCE = 200
_REASONS_SHOWN = 3
_LOOK_ANYWAY = timedelta(hours=1)

_DESCRIPTION = """\
Keeps scores true: asks for the days whose tables are newer than their scores, or whose scores were made by another \
formula or other settings, as ranges, and for nothing else.

A day is left alone while a run or a backfill that will write it is queued or in progress, and while one of its own \
tables is missing. What failed is asked for again after 10 minutes, 2 hours and a day, then no more until something \
new arrives. Windows and reports are made again for the newest {windowed_days} days (SALTED_RESTATE_WINDOWED_DAYS); \
older ones get an observation with out_of_date_because_of and wait for the command salted restate. Days that landed in \
a run that failed before their tables were made are parsed.
"""


class Cursor(BaseModel):
    """What the sensor remembers: what it has asked for, and where things stood when nothing was left to do."""

    asked: dict[str, dict[date, Attempts]] = {}
    settled_event: int | None = None
    settled_at: datetime | None = None

    @classmethod
    def read(cls, text: str | None) -> "Cursor":
        """Read what was kept; what cannot be read, as of another version, is begun again."""
        try:
            return cls.model_validate_json(text) if text else cls()
        except ValidationError:
            return cls()

    def is_settled(self, event: int | None, now: datetime) -> bool:
        """Whether nothing can have come up since; now and then it is looked at all the same."""
        return self.settled_at is not None and event == self.settled_event and now < self.settled_at + _LOOK_ANYWAY


def build_restatement_sensor(
    settings: Settings, jobs: Mapping[str, Any], now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> dg.SensorDefinition:
    """The sensor: on by itself wherever the daily schedule is. `now` gives the time, by which pauses end."""
    # what was read of footers stays known for as long as this code location lives
    known: dict[str, FooterCache] = {}

    @dg.sensor(
        name="restatement_sensor",
        jobs=[jobs["restate_scores"], jobs["reparse"]],
        minimum_interval_seconds=_SECONDS_BETWEEN_TICKS,
        description=_DESCRIPTION.format(windowed_days=settings.restate_windowed_days),
        default_status=dg.DefaultSensorStatus.STOPPED if settings.simulated else dg.DefaultSensorStatus.RUNNING,
    )
    def restatement_sensor(context: dg.SensorEvaluationContext, warehouse: WarehouseResource) -> dg.SensorResult:
        opened = warehouse.open()
        index = InputIndex(known.setdefault(opened.uri, FooterCache(opened, warehouse.timezone)), settings.datasets)
        return _Tick(context, settings, index, now()).run()

    return restatement_sensor


@dataclass
class _Tick:
    """One look at everything, and what it leads to."""

    context: dg.SensorEvaluationContext
    settings: Settings
    index: InputIndex
    now: datetime
    requests: list[dg.RunRequest] = field(default_factory=list)
    waiting: int = 0
    given_up: int = 0
    without_tables: int = 0
    damage: list[str] = field(default_factory=list)
    """What of the warehouse cannot be read, in sentences; what does not need it goes on."""

    def run(self) -> dg.SensorResult:
        scores, cursor = self._find_scores(), Cursor.read(self.context.cursor)
        event = self._find_newest_event(scores)
        if cursor.is_settled(event, self.now):
            return dg.SensorResult(skip_reason="Nothing was written since everything was up to date.")
        self.index.refresh()
        files = [*self.index.tables, *scores.layout.daily, *scores.layout.windowed]
        unread = self.index.footers.read_within([*filter(self._can_be_listed, files)], _READING_SECONDS)
        if unread:
            return dg.SensorResult(skip_reason=f"Getting to know the files: {unread} are left for the next ticks.")
        self._ask(scores, cursor)
        observations: list[dg.AssetObservation] = []
        with self._naming_damage():
            observations += islice(self._observe(scores), _OBSERVATIONS_AT_ONCE)
        with self._naming_damage():
            self.damage += self.index.footers.list_damage()
        for each in self.damage:
            self.context.log.error(each)
        if not (self.requests or self.waiting or self.damage or len(observations) == _OBSERVATIONS_AT_ONCE):
            cursor.settled_event, cursor.settled_at = event, self.now
        return dg.SensorResult(
            run_requests=self.requests,
            skip_reason=None if self.requests else self._explain_silence(),
            cursor=cursor.model_dump_json(),
            asset_events=observations,
        )

    @contextmanager
    def _naming_damage(self) -> Iterator[None]:
        """Go on after the context where something damaged ended it."""
        try:
            yield
        except WarehouseDamaged as error:
            if str(error) not in self.damage:
                self.damage.append(str(error))

    def _can_be_listed(self, key: tuple[str, ...]) -> bool:
        with self._naming_damage():
            self.index.footers.days(key)
            return True
        return False

    def _ask(self, scores: ScoreAssets, cursor: Cursor) -> None:
        """Plan all requests."""
        tables = [account_key(path, self.settings.account) for path in scores.layout.needed]
        in_progress = find_days_in_progress(self.context.instance, self._repository, {*scores.all, *tables}, self.now)

        def busy_with(*keys: dg.AssetKey) -> set[date]:
            return {day for key in keys for day in in_progress.get(key, ())}

        cursor.settled_event = cursor.settled_at = None
        with self._naming_damage():
            unparsed = find_landed_unparsed(self.context.instance, self.index.footers, tables, scores.layout.first_day)
            self._plan(REPARSED, unparsed, cursor, busy_with(*tables), None)
        with self._naming_damage():
            found = find_stale_days(self.index, scores.layout)
            self.without_tables = len(found.days_without_tables)
            busy = busy_with(*scores.daily, *tables)
            self._plan(DAILY, found.stale, cursor, busy, scores.daily)
            if not self.requests and busy.isdisjoint(found.stale):
                newest = list_complete_days(self.index, scores.layout, self.settings.restate_windowed_days)
                windows = find_stale_windows(self.index, scores.layout, newest)
                self._plan(WINDOWED, windows, cursor, busy_with(*scores.windowed), scores.windowed)

    def _plan(
        self,
        kind: str,
        wanted: Mapping[date, StaleDay],
        cursor: Cursor,
        busy: set[date],
        keys: tuple[dg.AssetKey, ...] | None,
    ) -> None:
        longest = len(wanted) or 1 if kind == WINDOWED else self.settings.partitions_per_run
        limits = Limits(longest, _DAYS_AT_ONCE - len(busy & wanted.keys()))
        asked = cursor.asked.get(kind, {})
        requests, cursor.asked[kind] = plan_requests(kind, wanted, asked, busy=busy, now=self.now, limits=limits)
        given_up = sum(each.is_last for day, each in asked.items() if each == cursor.asked[kind].get(day))
        self.given_up += given_up
        self.waiting += len(wanted) - given_up - sum(len(request.days) for request in requests)
        for request in requests:
            self.context.log.info(_explain(request))
            self.requests.append(
                dg.RunRequest(
                    run_key=request.run_key,
                    job_name=_JOBS[kind],
                    asset_selection=keys,
                    tags={**range_tags(request.days[0], request.days[-1]), KIND_TAG: kind},
                )
            )

    def _observe(self, scores: ScoreAssets) -> Iterator[dg.AssetObservation]:
        """Report the windows that stay out of date; those of the newest days are made again."""
        newest = set(list_complete_days(self.index, scores.layout, self.settings.restate_windowed_days))
        outdated = find_outdated_windows(self.index, scores.layout)
        kept = {key: {day: at for day, at in days.items() if day not in newest} for key, days in outdated.items()}
        return observe_outdated(self.context.instance, self.index, scores, kept)

    def _explain_silence(self) -> str:
        silence = (
            f"Nothing to ask for. {self.waiting} days wait for a run that is in progress or for a pause to end; "
            f"{self.given_up} failed too often and wait for something new, or for `salted restate`; "
            f"{self.without_tables} start days that newer rows concern have no tables of their own and are not scored."
        )
        if not self.damage:
            return silence
        found = f"{len(self.damage)} files or folders are damaged, and what needs them is not asked for"
        return f"{silence} {found}: {self.damage[0]}"

    def _find_scores(self) -> ScoreAssets:
        specs = [spec for assets in self._repository.assets_defs_by_key.values() for spec in assets.specs]
        return find_score_assets(specs)

    def _find_newest_event(self, scores: ScoreAssets) -> int | None:
        account = self.settings.account
        keys = [
            account_key(RAW_EXPORT.path, account),
            *scores.all,
            *(account_key(path, account) for path in self.index.tables),
        ]
        entries = [record.asset_entry for record in self.context.instance.get_asset_records(keys)]
        return max((entry.last_materialization_storage_id or 0 for entry in entries), default=None)

    @property
    def _repository(self) -> dg.RepositoryDefinition:
        if self.context.repository_def is None:
            raise dg.DagsterInvariantViolationError("the sensor is evaluated without the definitions it belongs to")
        return self.context.repository_def


def _explain(request: Request) -> str:
    reasons = list(dict.fromkeys(reason for day in request.days for reason in request.because[day]))
    more = f" and {len(reasons) - _REASONS_SHOWN} more" if len(reasons) > _REASONS_SHOWN else ""
    return f"{request.kind} {request.days[0]} to {request.days[-1]}: {', '.join(reasons[:_REASONS_SHOWN])}{more}"
