"""Landings that were cut off or refused: what was requested is found again, and a new request is the last resort."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from salted_assets.salted_cx import (
    ApiKeyRejected,
    ExportClient,
    ExportFailed,
    ExportNotFound,
    ExportNotReady,
    ExportStartUnknown,
)
from salted_assets.settings import DATASETS
from salted_assets.simulator import Faults, Refusal
from salted_assets_tests.support.killed_landings import die_after_request
from salted_assets_tests.support.landing_env import DAY, LandingEnv, landing_env

pytestmark = pytest.mark.slow


@pytest.fixture
def env(tmp_path: Path) -> Iterator[LandingEnv]:
    with landing_env(tmp_path) as built:
        yield built


def forget_ids(env: LandingEnv, **changes: object) -> None:
    """Leave pending exports as a run does that is killed before the vendor's response came; `changes` for more."""
    path = Path(env.warehouse.uri, "raw/export/date=2024-01-31/tickets.json")
    pending_exports = json.loads(path.read_text())["open"]
    path.write_text(json.dumps({"open": [{**pending, "export_id": None, **changes} for pending in pending_exports]}))


def test_a_killed_run_is_gone_on_with(env: LandingEnv) -> None:
    die_after_request(env)
    [requested] = env.history()
    [pending] = env.landing().read_pending_exports(DAY).open
    assert (pending.export_id, pending.datasets, pending.requested_at) == (requested, DATASETS, "2024-06-01T00:00:00Z")

    [delivery] = env.land().deliveries

    assert delivery.export_id == requested
    assert env.simulator.log()["post"] == 1
    assert env.landing().read_pending_exports(DAY).open == ()


def test_a_run_killed_after_its_manifest_leaves_nothing_pending_for_long(env: LandingEnv) -> None:
    die_after_request(env)
    record = Path(env.warehouse.uri, "raw/export/date=2024-01-31/tickets.json")
    pending = record.read_bytes()
    env.land()
    record.write_bytes(pending)

    env.land()

    assert not record.exists()
    assert env.export_count == 1


def test_a_pending_refresh_of_a_landed_day_waits_for_the_next_refresh(env: LandingEnv) -> None:
    env.land()
    die_after_request(env, refresh=True)

    env.land()

    assert len(env.landing().read_pending_exports(DAY).open) == 1
    assert env.export_count == 2


def test_a_plain_run_takes_up_a_refresh_that_died(env: LandingEnv) -> None:
    die_after_request(env, refresh=True)

    env.land()

    assert env.export_count == 1


def test_a_refresh_wants_more_than_what_a_plain_run_had_requested(env: LandingEnv) -> None:
    die_after_request(env)

    env.land(refresh=True)

    assert env.export_count == 2


def test_a_run_killed_before_the_answer_came_finds_its_export(env: LandingEnv) -> None:
    die_after_request(env)
    forget_ids(env)

    [delivery] = env.land().deliveries

    assert [delivery.export_id] == env.history()
    assert env.export_count == 1


def test_a_run_killed_before_the_request_went_out_requests(env: LandingEnv) -> None:
    die_after_request(env)
    forget_ids(env, known_ids=env.history())

    assert env.land().deliveries[0].export_id == env.history()[0]
    assert env.export_count == 2


def test_a_lost_request_that_cannot_be_looked_for_is_made_again(env: LandingEnv) -> None:
    die_after_request(env)
    forget_ids(env, known_ids=None)

    env.check(env.land().deliveries[0])

    assert env.export_count == 2


def test_an_export_of_others_is_not_taken_for_ours(env: LandingEnv) -> None:
    die_after_request(env)
    forget_ids(env)
    with env.connect() as client:
        client.start(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC), ["turn"])

    env.check(env.land().deliveries[0])

    assert env.export_count == 2


def test_two_that_could_be_ours_are_not_guessed_between(env: LandingEnv) -> None:
    die_after_request(env)
    forget_ids(env)
    with env.connect() as client:
        client.start(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC), DATASETS)
    others = env.history()

    assert env.land().deliveries[0].export_id not in others


def test_a_running_export_of_others_is_given_up_when_it_delivers_something_else(env: LandingEnv) -> None:
    die_after_request(env, "turn")
    forget_ids(env, known_ids=env.history())
    env.simulator.set_faults(Faults(slow_export_seconds=50))
    with env.connect() as client:
        client.start(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC), ["agent"])

    [delivery] = env.land("turn").deliveries

    env.check(delivery)
    assert [file.dataset for file in delivery.files] == ["turn"]


def test_a_lost_answer_is_found_in_the_history(env: LandingEnv) -> None:
    env.simulator.set_faults(Faults(lost_posts=1))

    [delivery] = env.land().deliveries

    assert [delivery.export_id] == env.history()
    assert env.simulator.log()["post"] == 1


def test_a_request_that_never_began_is_made_again(env: LandingEnv) -> None:
    env.simulator.set_faults(Faults(refusals=(Refusal("post", 502, times=2),)))

    env.check(env.land().deliveries[0])

    assert (env.simulator.log()["post"], env.export_count) == (3, 1)


def test_requests_that_never_begin_end(env: LandingEnv) -> None:
    env.simulator.set_faults(Faults(refusals=(Refusal("post", 502, times=99),)))

    with pytest.raises(ExportStartUnknown):
        env.land()

    assert (env.simulator.log()["post"], env.export_count) == (3, 0)


def test_responses_without_a_body_use_up_no_attempt(env: LandingEnv) -> None:
    refusals = (Refusal("post", 202, times=4, body="empty"), Refusal("post", 502, times=2))
    env.simulator.set_faults(Faults(refusals=refusals))

    env.check(env.land().deliveries[0])

    assert (env.simulator.log()["post"], env.export_count) == (7, 1)


def test_responses_without_a_body_end(env: LandingEnv) -> None:
    env.simulator.set_faults(Faults(refusals=(Refusal("post", 204, times=99, body="empty"),)))

    with pytest.raises(ExportStartUnknown, match="a response without a body"):
        env.land()

    assert (env.simulator.log()["post"], env.export_count) == (5, 0)


def test_a_lost_answer_is_not_repeated_while_the_history_is_down(env: LandingEnv) -> None:
    class LosingClient(ExportClient):
        """Its history breaks down as soon as a request is lost."""

        def start(self, start: datetime, end: datetime, datasets: object, contact: str | None = None) -> str:  # noqa: ARG002 - the client's signature
            env.simulator.set_faults(Faults(lost_posts=1, refusals=(Refusal("history", 500, times=99),)))
            return super().start(start, end, DATASETS)

    landing = env.landing(connect=lambda: env.build_client(LosingClient))
    with pytest.raises(ExportStartUnknown):
        landing.land(DAY, DATASETS)
    with pytest.raises(Exception, match="history was answered with HTTP 500"):
        env.land()
    assert env.export_count == 1

    env.simulator.set_faults(Faults())
    env.check(env.land().deliveries[0])
    assert env.export_count == 1


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_history_that_cannot_be_read_keeps_no_export_back(env: LandingEnv, status: int) -> None:
    env.simulator.set_faults(Faults(refusals=(Refusal("history", status, times=99),)))

    env.check(env.land().deliveries[0])

    assert env.export_count == 1


def test_a_wrong_key_is_tried_once_and_leaves_no_pending_export(env: LandingEnv) -> None:
    env.simulator.set_faults(Faults(refusals=(Refusal("post", 401, times=99), Refusal("history", 401, times=99))))

    with pytest.raises(ApiKeyRejected):
        env.land()

    assert env.request_count == 1
    assert env.landing().read_pending_exports(DAY).open == ()


def test_a_refused_request_leaves_no_pending_export(env: LandingEnv) -> None:
    env.simulator.set_faults(Faults(refusals=(Refusal("post", 400, code="INVALID_DATE_RANGE"),)))
    with pytest.raises(Exception, match="INVALID_DATE_RANGE"):
        env.land()

    assert env.landing().read_pending_exports(DAY).open == ()


@pytest.mark.parametrize("failed", [1, 2])
def test_a_failed_export_is_requested_again(env: LandingEnv, failed: int) -> None:
    env.simulator.set_faults(Faults(failed_exports=failed))

    env.check(env.land().deliveries[0])

    assert env.export_count == 1 + failed


@pytest.mark.parametrize("max_export_retries", [0, 1, 2])
def test_new_requests_after_failed_are_bounded(env: LandingEnv, max_export_retries: int) -> None:
    env.simulator.set_faults(Faults(failed_exports=99))

    with pytest.raises(ExportFailed, match=env.simulator.url[-1:] + "|FAILED"):
        env.landing(max_export_retries=max_export_retries).land(DAY, DATASETS)

    assert env.export_count == 1 + max_export_retries
    env.simulator.set_faults(Faults())
    env.landing(max_export_retries=max_export_retries).land(DAY, DATASETS)
    assert env.export_count == 2 + max_export_retries


@pytest.mark.parametrize("max_export_retries", [0, 2])
def test_a_remembered_export_that_is_unknown_is_requested_again(env: LandingEnv, max_export_retries: int) -> None:
    die_after_request(env)
    env.time.sleep(3600)
    env.simulator.set_faults(Faults(refusals=(Refusal("status", 404),)))

    env.landing(max_export_retries=max_export_retries).land(DAY, DATASETS)

    assert env.export_count == 2


def test_a_run_killed_just_after_its_request_gives_the_vendor_its_minute(env: LandingEnv) -> None:
    die_after_request(env)
    env.simulator.set_faults(Faults(refusals=(Refusal("status", 404, times=3),)))

    env.check(env.land().deliveries[0])

    assert env.export_count == 1


def test_an_export_that_is_listed_before_its_status_is_known_is_adopted(env: LandingEnv) -> None:
    env.simulator.set_faults(Faults(lost_posts=1, refusals=(Refusal("status", 404, times=4),)))

    env.check(env.land().deliveries[0])

    assert env.export_count == 1


def test_a_vendor_that_knows_no_export_is_left_alone(env: LandingEnv) -> None:
    env.simulator.set_faults(Faults(refusals=(Refusal("status", 404, times=99),)))

    with pytest.raises(ExportNotFound):
        env.land()

    assert env.export_count == 2


def test_our_waiting_limit_is_not_the_vendors_failure(env: LandingEnv) -> None:
    env.simulator.set_faults(Faults(slow_export_seconds=1000))
    with pytest.raises(ExportNotReady):
        env.land()

    env.check(env.land().deliveries[0])

    assert env.export_count == 1
