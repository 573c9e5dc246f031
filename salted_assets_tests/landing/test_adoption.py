"""A request whose response was lost: the export that is adopted for it is that of the window, or it is given up."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from salted_assets.landing import EngagementStarts, Manifest
from salted_assets.landing.records import Records
from salted_assets.landing.window_fit import assess_fit
from salted_assets.salted_cx import ExportClient
from salted_assets.settings import DATASETS
from salted_assets.simulator import Faults, Refusal
from salted_assets_tests.support.engagement_starts import count_engagement_starts
from salted_assets_tests.support.killed_landings import die_after_request
from salted_assets_tests.support.landing_env import DAY, LandingEnv, landing_env

pytestmark = pytest.mark.slow

START = datetime(2024, 1, 31, tzinfo=UTC)


@pytest.fixture
def env(tmp_path: Path) -> Iterator[LandingEnv]:
    with landing_env(tmp_path) as built:
        yield built


def land_while_another_program_requests(
    env: LandingEnv, other_days: Sequence[int], datasets: Sequence[str] = DATASETS
) -> Manifest:
    """Land the day; while each of the first requests is refused unheard, another program requests so many days off."""
    coming = list(other_days)

    class CrossedClient(ExportClient):
        def start(self, start: datetime, end: datetime, datasets: Sequence[str], contact: str | None = None) -> str:
            if coming:
                off = timedelta(days=coming.pop(0))
                with env.build_client() as client:
                    client.start(start + off, end + off, datasets)
                env.simulator.set_faults(Faults(refusals=(Refusal("post", 502),)))
            return super().start(start, end, datasets, contact)

    landing = env.landing(connect=lambda: env.build_client(CrossedClient), count_starts=count_engagement_starts)
    return landing.land(DAY, datasets)


@pytest.mark.parametrize("off", [-1, 1, 30])
def test_an_export_of_another_window_is_given_up_and_ours_is_requested_again(env: LandingEnv, off: int) -> None:
    [delivery] = land_while_another_program_requests(env, [off]).deliveries

    foreign = env.history()[1]
    assert (delivery.export_id, delivery.replaces, delivery.is_adopted) == (env.history()[0], foreign, False)
    starts = delivery.engagement_starts
    assert starts is not None
    assert (starts.within_count > 0, starts.after_count, delivery.window_fit.outcome) == (True, 0, "fits")
    env.check(delivery)
    assert delivery.retry_count >= 1
    assert env.landing().read_pending_exports(DAY).open == ()
    assert foreign not in env.landing().list_known_exports()


def test_the_second_one_is_kept_though_it_does_not_fit_and_the_day_is_not_to_be_trusted(env: LandingEnv) -> None:
    [delivery] = land_while_another_program_requests(env, [1, 2]).deliveries

    second, first = env.history()
    assert (delivery.export_id, delivery.replaces, delivery.is_adopted) == (second, first, True)
    fit = delivery.window_fit
    assert fit.outcome == "misfits"
    assert fit.late_count > 0
    assert f"{fit.late_count} engagements of export {second}" in fit.message
    assert first in fit.message
    assert env.export_count == 2


def test_an_export_of_ours_that_was_requested_again_and_does_not_fit_is_not_to_be_trusted_either(
    env: LandingEnv,
) -> None:
    class MisplacingClient(ExportClient):
        def start(self, start: datetime, end: datetime, datasets: Sequence[str], contact: str | None = None) -> str:
            if not env.history():
                with env.build_client() as client:
                    client.start(start + timedelta(days=1), end + timedelta(days=1), datasets)
                env.simulator.set_faults(Faults(misplaced_windows=1, refusals=(Refusal("post", 502),)))
            return super().start(start, end, datasets, contact)

    landing = env.landing(connect=lambda: env.build_client(MisplacingClient), count_starts=count_engagement_starts)
    [delivery] = landing.land(DAY, DATASETS).deliveries

    assert (delivery.is_adopted, delivery.replaces, delivery.window_fit.outcome) == (False, env.history()[1], "misfits")


def test_an_export_of_ours_with_later_engagements_is_doubtful(env: LandingEnv) -> None:
    env.simulator.set_faults(Faults(misplaced_windows=1))

    [delivery] = env.landing(count_starts=count_engagement_starts).land(DAY, DATASETS).deliveries

    starts = delivery.engagement_starts
    assert starts is not None
    assert starts.after_count > 0
    assert (delivery.window_fit.outcome, delivery.window_fit.late_count) == ("doubtful", starts.after_count)
    assert env.export_count == 1


def test_an_export_that_is_ours_is_adopted_and_fits(env: LandingEnv) -> None:
    env.simulator.set_faults(Faults(lost_posts=1))

    [delivery] = env.landing(count_starts=count_engagement_starts).land(DAY, DATASETS).deliveries

    assert (delivery.is_adopted, delivery.replaces, delivery.window_fit.outcome) == (True, None, "fits")
    assert env.export_count == 1


def test_an_adopted_export_without_engagements_is_kept_and_the_doubt_is_said(env: LandingEnv) -> None:
    [delivery] = land_while_another_program_requests(env, [1], ["turn"]).deliveries

    assert (delivery.is_adopted, delivery.engagement_starts) == (True, None)
    assert delivery.window_fit.outcome == "doubtful"
    assert "no engagements tell" in delivery.window_fit.message
    assert env.export_count == 1


def test_what_a_killed_run_had_adopted_is_looked_at_by_the_next_one(env: LandingEnv) -> None:
    with env.build_client() as client:
        foreign = client.start(START + timedelta(days=1), START + timedelta(days=2), DATASETS)
    die_after_request(env)
    [pending] = env.landing().read_pending_exports(DAY).open
    adopted = replace(pending, export_id=foreign, is_adopted=True, known_ids=())
    Records(env.warehouse).keep_pending(DAY, adopted)

    [delivery] = env.landing(count_starts=count_engagement_starts).land(DAY, DATASETS).deliveries

    assert (delivery.replaces, delivery.window_fit.outcome) == (foreign, "fits")
    env.check(delivery)


def test_the_manifest_keeps_what_was_found(env: LandingEnv) -> None:
    manifest = land_while_another_program_requests(env, [1])

    assert env.landing().find_manifest(DAY) == manifest


@pytest.mark.parametrize(
    ("starts", "is_adopted", "replaces", "outcome"),
    [
        (None, False, None, "fits"),
        (None, True, None, "doubtful"),
        (EngagementStarts(0, 0, 0, 0), False, None, "fits"),
        (EngagementStarts(0, 0, 0, 0), True, None, "doubtful"),
        (EngagementStarts(5, 0, 0, 0), False, None, "fits"),  # a quiet day, on which older engagements changed
        (EngagementStarts(5, 0, 0, 0), False, "a", "fits"),
        (EngagementStarts(5, 0, 0, 0), True, "a", "misfits"),
        (EngagementStarts(5, 9, 0, 3), True, None, "fits"),
        (EngagementStarts(0, 9, 1, 0), False, None, "doubtful"),
        (EngagementStarts(0, 9, 1, 0), False, "a", "misfits"),
        (EngagementStarts(0, 9, 1, 0), True, "a", "misfits"),
        (EngagementStarts(0, 0, 0, 4), True, "a", "misfits"),
        (EngagementStarts(0, 0, 0, 4), False, None, "fits"),
    ],
)
def test_an_export_is_judged_by_its_engagements_and_by_how_it_came(
    starts: EngagementStarts | None, is_adopted: bool, replaces: str | None, outcome: str
) -> None:
    fit = assess_fit("b", starts, is_adopted=is_adopted, replaces=replaces)

    assert fit.outcome == outcome
    assert (fit.message == "") == (outcome == "fits")
