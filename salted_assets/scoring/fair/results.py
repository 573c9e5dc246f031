"""What the fair score says of agents and reviewers: arrays with an element for each of them."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import IntEnum

from salted_assets.scoring.stats import Floats, Indices


class Reason(IntEnum):
    """Why an agent is not compared with the others, or that there is none; the first that holds."""

    COMPARED = 0
    NO_VALUE = 1
    ONLY_CHOSEN = 2
    TOO_FEW = 3
    FEW_PEOPLE = 4
    NO_SPREAD = 5

    def describe(self, units: str, min_count: int, enough: str | None = None) -> str | None:
        """The reason in words; `units` are what is counted, as evaluations. None where the agent is compared.

        `enough` are those that `min_count` counts, where not all units do.

        >>> Reason.TOO_FEW.describe("evaluations", 5), Reason.COMPARED.describe("evaluations", 5)
        ('fewer than 5 evaluations', None)
        """
        counted = f"{min_count} {enough or units}"
        return {
            Reason.COMPARED: None,
            Reason.NO_VALUE: f"no {units} in the window",
            Reason.ONLY_CHOSEN: f"only chosen {units}",
            Reason.TOO_FEW: f"fewer than {counted}",
            Reason.FEW_PEOPLE: f"fewer than 6 people with {counted} whom common questions or work connect",
            Reason.NO_SPREAD: f"{units} of one agent never differ",
        }[self]


@dataclass(frozen=True)
class FairMeasure:
    """One measure in one window: an element for each agent of the list that was given, NaN where it is not known.

    Values are on the measure's scale: 0..1 for human answers, the vendor's for AI scores, ms for the geometric handle
    time. `shrink_weight` is the weight of the agent's own mean in the shrunk one. `effective_count` is the number of
    independent units (engagements) that the fair mean is worth, no more than there are. `group_mean` is the prior's
    mean, towards which agents are shrunk, NaN where nobody is. `component` is the index of the agents who can be
    compared with each other, -1 for none. `reason` has values of `Reason`: who has too few is shrunk and ranked among
    the others all the same; for the other reasons shrunk mean, weight, reliability and ranks are NaN. Differences and
    ratios are to what the peers' usual level gives on the agent's own work; they are NaN for human answers, and ratios
    for all but the geometric handle time.
    """

    fair_mean: Floats
    fair_low: Floats
    fair_high: Floats
    shrunk_mean: Floats
    shrunk_low: Floats
    shrunk_high: Floats
    shrink_weight: Floats
    reliability_ratio: Floats
    percentile: Floats
    percentile_low: Floats
    percentile_high: Floats
    above_median_probability: Floats
    difference_to_expected: Floats
    difference_to_expected_low: Floats
    difference_to_expected_high: Floats
    ratio_to_expected: Floats
    ratio_to_expected_low: Floats
    ratio_to_expected_high: Floats
    effective_count: Floats
    group_mean: Floats
    component: Indices
    reason: Indices

    def at(self, agents: Indices | slice) -> "FairMeasure":
        """What is said of these agents alone."""
        return FairMeasure(*(getattr(self, each.name)[agents] for each in fields(self)))


@dataclass(frozen=True)
class ReviewerEffects:
    """How much more than the component's reviewers do on average each one gives (leniency), on 0..1, with 95 % limits.

    An element for each of `pids`, sorted; NaN where nothing tells, as of a reviewer without others. A reviewer of
    several components has the mean of the effects in them, weighted by inverse variances, and the component where most
    of the reviewer's answers are.
    """

    pids: list[str]
    effect: Floats
    low: Floats
    high: Floats
    component: Indices


@dataclass(frozen=True)
class FairAnswers:
    """What human reviewers' answers say: by the days of each window, and of the reviewers themselves.

    Reviewers are those of the longest window.
    """

    windows: Mapping[int, FairMeasure]
    reviewers: ReviewerEffects
