"""What the UI shows of windows that would be made of something else now, or another way."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any

import dagster as dg

from salted_assets.defs.restatement.score_layout import ScoreAssets
from salted_assets.history import Key
from salted_assets.history.restatement import InputIndex, OutdatedWindow

_ADVICE = "`salted restate {day} {day}` makes it again, as the job `restate_scores` does for this partition."
_RESTATED_AT = "inputs_restated_at"
_BECAUSE = "out_of_date_because_of"
_REASONS_SHOWN = 5
_DAYS_ASKED_AT_ONCE = 500


def observe_outdated(
    instance: dg.DagsterInstance,
    index: InputIndex,
    scores: ScoreAssets,
    outdated: Mapping[Key, Mapping[date, OutdatedWindow]],
) -> Iterator[dg.AssetObservation]:
    """An observation that says why it is out of date, for each partition that has had none since it was made."""
    for path, days in outdated.items():
        key = scores.key_at(path)
        reported = _find_reported(instance, key, sorted(days))
        for day, window in days.items():
            score = index.footers.partition(path, day)
            made_at = score.footer.scored_at if score else None
            if made_at and day in reported and reported[day] > made_at:
                continue
            metadata: dict[str, Any] = {
                _BECAUSE: ", ".join(islice(window.because, _REASONS_SHOWN)),
                "what_to_do": _ADVICE.format(day=day),
            }
            if window.restated_at:
                metadata[_RESTATED_AT] = dg.MetadataValue.timestamp(window.restated_at)
            yield dg.AssetObservation(key, partition=day.isoformat(), metadata=metadata)


def _find_reported(instance: dg.DagsterInstance, key: dg.AssetKey, days: list[date]) -> dict[date, datetime]:
    """When each day's newest observation was recorded."""
    found: dict[date, datetime] = {}
    for start in range(0, len(days), _DAYS_ASKED_AT_ONCE):
        asked = [day.isoformat() for day in days[start : start + _DAYS_ASKED_AT_ONCE]]
        filters = dg.AssetRecordsFilter(asset_key=key, asset_partitions=asked)
        for record in instance.fetch_observations(filters, limit=2 * _DAYS_ASKED_AT_ONCE).records:
            if record.asset_observation is not None and record.asset_observation.metadata.keys() & {
                _BECAUSE,
                _RESTATED_AT,
            }:
                day, at = (
                    date.fromisoformat(str(record.partition_key)),
                    datetime.fromtimestamp(record.timestamp, tz=UTC),
                )
                found[day] = max(at, found.get(day, at))
    return found
