"""What the settings say of pages: alike for those that a run stores and those that are made when they are asked for."""

from salted_assets.output.scorecard.scorecard import PageOptions
from salted_assets.output.scorecard.targets import Targets
from salted_assets.settings import Settings


def build_page_options(settings: Settings) -> PageOptions:
    """The options of the scorecard and of agents' pages of one deployment."""
    return PageOptions(
        low_threshold=settings.low_score_threshold,
        docs_url=settings.docs_url,
        account=settings.account,
        zone=settings.timezone,
        targets=Targets(
            pass_score=settings.pass_score,
            pass_rate=settings.pass_rate_target,
            auto_fail_rate=settings.auto_fail_rate_target,
            weekly_evaluations=settings.weekly_evaluations_target,
        ),
        name_reviewers=settings.name_reviewers,
        shows_agents=settings.shows_agents,
        settlement_horizon_days=settings.settlement_horizon_days,
    )
