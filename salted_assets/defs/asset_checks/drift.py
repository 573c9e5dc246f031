"""The check `drift`: whether an alarm stands that the auto reviewer scores a question otherwise beside people."""

import dagster as dg

from salted_assets.defs.asset_checks.outcome import NEW, CheckOutcome, build_record, explain, table_metadata
from salted_assets.explain.auto_drift import AutoDrift, join_alarms

CHECK = "drift"

_ASKS = (
    "The auto reviewer scores no question otherwise beside people than before. Thresholds give at most one false alarm "
    "a year for each question, and one more for its languages and queues together; an alarm stays to the end of the "
    "calendar quarter. It warns, and nothing waits for it."
)

_WHAT_TO_DO = (
    "Look at engagements of the question since that day which both reviewed (`salted sql`, docs/querying.md). If the "
    "auto reviewer is off, tell the vendor, and compare its scores from before that day with later ones no more. If "
    "people answer otherwise since (new instructions, a calibration), it needs nothing."
)


def build_drift_check_spec(key: dg.AssetKey, partitions: dg.PartitionsDefinition[str]) -> dg.AssetCheckSpec:
    """The spec, one evaluation a day."""
    return dg.AssetCheckSpec(CHECK, asset=key, description=_ASKS, partitions_def=partitions)


def check_drift(drift: AutoDrift) -> CheckOutcome:
    """Whether no alarm stands on the day; it passes where it cannot be known yet, and says why."""
    alarms = drift.alarms
    records = [
        build_record(
            question=alarm.question,
            language=alarm.language or "",
            queue=alarm.queue or "",
            direction=alarm.direction,
            since=str(alarm.since),
            shift=f"{alarm.shift:.3f}",
        )
        for alarm in alarms
    ]
    return CheckOutcome(
        CHECK,
        passed=not alarms,
        metadata={
            "alarms_standing": len(alarms),
            NEW: sum(alarm.first_alarm == drift.day for alarm in alarms),
            "questions_known": drift.known_count,
            "said": drift.sentence or "people and the auto reviewer answer no question in common",
            **table_metadata("alarms", records),
            **explain(bool(alarms), join_alarms(alarms), _WHAT_TO_DO),
        },
    )
