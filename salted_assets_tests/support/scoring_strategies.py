"""Small nasty data for the scores: every odd value that the rules speak of, in few rows."""

from datetime import timedelta

from hypothesis import strategies as st

from salted_assets.scoring import ScoringChoices
from salted_assets_tests.support import scoring_oracle as oracle
from salted_assets_tests.support.scoring_rows import Row, agent, at, engagement, review, turn

PIDS = tuple(f"e{number}" for number in range(9))
TYPES = ("Agent", "Agent", "Agent", "AGENT", " agent", "Queue", "Technical", None)
SOURCES = ("Reviewer", "reviewer", "AUTO", "Auto", "Customer", "Agent", "Somebody", None)
VERIFICATIONS = ("Acknowledged", "Correct", "INCORRECT", "Incorrect", "Unclear", "disputed", None)
STATUSES = ("Completed", "Completed", "Completed", "COMPLETED", "Deleted", "Pending", "Ignore", None)
QUESTIONS = ("q0", "q1", "q2", None)
POINTS = st.sampled_from([None, 0.0, 1.0, 2.5, 5.0, 10.0, -3.0, float("nan"), float("inf")])
MS = st.one_of(st.none(), st.just(0), st.integers(0, 10_000_000), st.just(-2_147_483_648))
NUMBER = st.one_of(st.none(), st.just(float("nan")), st.floats(-5, 5).map(lambda value: round(value, 3)))
TEXT = st.sampled_from([None, "", "North", "South"])
TIME = st.integers(0, 86_399_999).map(lambda ms: at(0) + timedelta(milliseconds=ms))


def without_refused(draw: st.DrawFn, row: Row, *names: str) -> Row:
    """The row as ingestion leaves it where some of these cells could not be read."""
    refused = [name for name in names if draw(st.integers(0, 9)) == 0]
    return row | dict.fromkeys(refused) | {"refused_columns": refused or None}


@st.composite
def engagements(draw: st.DrawFn) -> list[Row]:
    return [
        without_refused(
            draw,
            engagement(
                pid,
                type=draw(st.sampled_from(TYPES)),
                status=draw(st.sampled_from(["Completed", "Completed", "COMPLETED", "In Progress", None])),
                agent_pid=draw(st.sampled_from(["a0", "a0", "a1", "a2", "", None])),
                agent_name=draw(st.sampled_from(["Ada", "Bea", "", None])),
                start_time=draw(st.sampled_from([at(8), at(9), at(9, 1)])),
                service_level=draw(st.sampled_from(["Met", "MET", "Missed", "Ignore", "ignore", 'od"d', "", None])),
                resolution=draw(st.sampled_from(["Resolved", " RESOLVED", "Escalated", 'un"known', " ", "", None])),
                end_time=draw(st.sampled_from([None, at(10), at(8, 30)])),
                channel_type=draw(st.sampled_from(["VOICE", "Chat", None])),
                language=draw(st.sampled_from(["cs", None])),
                **{name: draw(TEXT) for name in ("team", "department", "queue", "channel", "conversation_id", "link")},
                **{name: draw(MS) for name in oracle.TIMES},
                **{name: draw(NUMBER) for name in ("cost", *oracle.AI)},
            ),
            "preparation_time",
            "engagement_time",
            "wrap_up_time",
            "wait_time",
        )
        for pid in PIDS[: draw(st.integers(0, 9))]
    ]


@st.composite
def turns(draw: st.DrawFn) -> list[Row]:
    return [
        without_refused(
            draw,
            turn(
                f"t{index}",
                engagement_pid=draw(st.sampled_from(PIDS)),
                participant=draw(st.sampled_from(["AGENT", "agent", " Customer", "CUSTOMER", "SYSTEM", "", None])),
                turn_time=draw(st.one_of(st.none(), TIME)),
                sentiment=draw(NUMBER),
            ),
            "participant",
            "turn_time",
            "sentiment",
        )
        for index in range(draw(st.integers(0, 12)))
    ]


@st.composite
def reviews(draw: st.DrawFn) -> list[Row]:
    return [
        without_refused(
            draw,
            review(
                f"r{index}",
                engagement_pid=draw(st.sampled_from(PIDS)),
                turn_pid=draw(st.sampled_from([None, None, "", "t0", "t1", "t2", "t99"])),
                type=draw(st.sampled_from(SOURCES)),
                status=draw(st.sampled_from(STATUSES)),
                sampling=draw(st.sampled_from(["Focused", "random", "Selected", "ALL", None])),
                verified=draw(st.sampled_from(VERIFICATIONS)),
                review_session_id=draw(st.sampled_from([None, "", "s0", "s1"])),
                question_pid=draw(st.sampled_from(QUESTIONS)),
                answer_score=draw(POINTS),
                worst_score=draw(st.sampled_from([0.0, 0.0, 10.0, 5.0, None])),
                best_score=draw(st.sampled_from([10.0, 10.0, 0.0, 5.0, None])),
                review_time=draw(st.one_of(st.none(), TIME)),
                reviewer_pid=draw(st.sampled_from([None, "p0"])),
                answer_reason=draw(st.sampled_from([None, "", "late", "rude"])),
                question_name=draw(st.sampled_from([None, "Was it so?", "Was it so, really?"])),
            ),
            "answer_score",
            "worst_score",
            "best_score",
        )
        for index in range(draw(st.integers(0, 30)))
    ]


AGENTS = st.lists(st.sampled_from(["User", "BOT", "Menu", "External", "", None]), max_size=3).map(
    lambda types: [agent(f"a{index}", type=kind) for index, kind in enumerate(types)]
)

CHOICES = st.builds(
    ScoringChoices,
    exclude_unclear=st.booleans(),
    exclude_disputed=st.booleans(),
    exclude_unknown_turns=st.booleans(),
    found_only_questions=st.sampled_from([(), ("q2",)]),
    critical_questions=st.sampled_from([(), ("q0",), ("q0", "q1")]),
    question_weights=st.sampled_from([{}, {"q0": 3.0}, {"q0": 0.1, "q1": 7.0}]),
    service_level_met_values=st.sampled_from([(), ("met",), ("Met", "Missed")]),
    resolved_values=st.sampled_from([(), ("resolved",), ("Resolved ", "Escalated")]),
)

INPUTS = st.tuples(
    engagements(), st.one_of(st.none(), turns()), st.one_of(st.none(), reviews()), st.one_of(st.none(), AGENTS)
)
