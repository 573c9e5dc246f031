"""Questionnaires of reviewers, surveys, self-reviews and automatic reviewers.

Reviewers' forms differ by the work and by the language, and share questions with one another and the automatic one. A
question's answers stand from worst to best. One scale of each reviewer form is inverted (less is better) and one
question only tags.
"""

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

from salted_assets.simulator.data.batches import Groups
from salted_assets.simulator.data.columns import pid_of


@dataclass(frozen=True)
class Question:
    """A question with its answers and their points, worst first; no points make it a tag without a score.

    `ease` is added to the score (0 to 1) that an engagement deserves: few fail an easy question.
    """

    name: str
    answer_type: str
    answers: tuple[tuple[str, float | None], ...]
    reasons: tuple[str, ...] = ()
    ease: float = 0.0

    @cached_property
    def pid(self) -> str:
        """The question's ID, the same in every form."""
        return pid_of("question", self.name)

    @property
    def worst_score(self) -> float | None:
        """Points of the worst answer; None for a tag."""
        return self.answers[0][1]

    @property
    def best_score(self) -> float | None:
        """Points of the best answer; None for a tag."""
        return self.answers[-1][1]

    @property
    def is_scored(self) -> bool:
        """Whether answers differ in points."""
        return self.worst_score != self.best_score


@dataclass(frozen=True)
class Form:
    """Questions that are answered in one session; without a name they are asked without a form."""

    name: str | None
    questions: tuple[Question, ...]

    @cached_property
    def id(self) -> str | None:
        """The form's ID."""
        return None if self.name is None else pid_of("form", self.name)


_YES_NO = (("No", 0.0), ("Yes", 1.0))
_FIVE = (("Very poor", 1.0), ("Poor", 2.0), ("Fair", 3.0), ("Good", 4.0), ("Excellent", 5.0))

_GREETING = Question("Was the customer greeted by name?", "Yes/No", _YES_NO, ("No greeting", "Wrong name"), ease=0.08)
_SALUTATION = Question(
    "Was the customer addressed formally?", "Yes/No", _YES_NO, ("First name used", "No salutation"), ease=0.12
)
_SPELLING = Question("Was the language correct and natural?", "Scale", _FIVE, ("Grammar", "Machine-like"), ease=-0.06)
_UNDERSTANDING = Question(
    "Did the agent grasp the request?", "Scale", _FIVE, ("Asked twice", "Answered something else"), ease=0.04
)
_SOLUTION = Question(
    "Was the solution correct and complete?", "Scale", _FIVE, ("Wrong policy", "Missing step", "No follow-up"), -0.04
)
_TONE = Question("Was the tone right?", "Choice", (("No", 0.0), ("Partly", 5.0), ("Yes", 10.0)), ("Cold", "Rushed"))
_MISTAKES = Question(
    "How many process mistakes were made?",
    "Number",
    (("Four or more", 4.0), ("Three", 3.0), ("Two", 2.0), ("One", 1.0), ("None", 0.0)),
    ("Case not documented", "Wrong category"),
)
_OFFER = Question("Was a fitting offer made?", "Yes/No", _YES_NO, ("No offer", "Offer did not fit"), ease=-0.1)
_OBJECTIONS = Question("Were objections handled?", "Scale", _FIVE, ("Ignored", "Argued"), ease=-0.05)
_TAG_TRAINING = Question("Use in training?", "Tag", (("Not now", None), ("Good example", None)))
_TAG_FLAT = Question("Reviewed", "Tag", (("Reviewed", 0.0), ("Reviewed", 0.0)))
CRITICAL_QUESTION = Question(
    "Was the customer's identity verified?", "Yes/No", _YES_NO, ("Not asked", "Wrong answer accepted"), ease=0.3
)
"""Rarely failed, in most reviewer forms: what an account would name a critical question."""

_KINDS = {
    "care": ("Care quality", (CRITICAL_QUESTION, _UNDERSTANDING, _SOLUTION, _MISTAKES, _TAG_TRAINING)),
    "technical": ("Technical quality", (CRITICAL_QUESTION, _UNDERSTANDING, _SOLUTION, _MISTAKES, _TAG_FLAT)),
    "sales": ("Sales quality", (_UNDERSTANDING, _OFFER, _OBJECTIONS, _MISTAKES, _TAG_FLAT)),
    "mail": ("Mail quality", (CRITICAL_QUESTION, _UNDERSTANDING, _SOLUTION, _TONE, _MISTAKES, _TAG_TRAINING)),
}
_OF_LANGUAGE = {"en": _GREETING, "de": _SALUTATION, "es": _SPELLING, "cs": _SPELLING}

REVIEWER_FORMS = {
    (kind, language): Form(f"{name} ({language})", (question, *questions))
    for kind, (name, questions) in _KINDS.items()
    for language, question in _OF_LANGUAGE.items()
}
"""The forms by the form of the queue and the language of the conversation."""

AUTO_FORM = Form(
    "Automatic quality",
    (
        _SOLUTION,
        _UNDERSTANDING,
        Question("AI: Was the customer treated with respect?", "Yes/No", _YES_NO, ease=0.1),
        Question(
            "AI: How often did the customer have to repeat?",
            "Number",
            (("Three times or more", 3.0), ("Twice", 2.0), ("Once", 1.0), ("Never", 0.0)),
        ),
    ),
)
"""The first two of its questions are ones that reviewers answer too: there the two can be compared."""

GRADER_CHANGE, GRADER_DAYS = (date(2024, 6, 17), 0.1), 28
"""From this day on the automatic reviewer adds so much to the score that an answer deserves, for so many days, then
nothing for as many, and so on; its version stays."""

FOUND_QUESTION = Question("AI: Customer threatens to leave", "Found", (("Found", None),))
"""Has a row only where the situation was found: no row means not found."""

SURVEY_FORM = Form(
    "After-contact survey",
    (
        Question("How satisfied are you?", "Stars", (("1", 1.0), ("2", 2.0), ("3", 3.0), ("4", 4.0), ("5", 5.0))),
        Question("Is your problem solved?", "Yes/No", _YES_NO),
    ),
)
SELF_FORM = Form("Self-review", (_SOLUTION, _TONE))

AGENT_TURN = Form(
    None,
    (
        Question("Marks a promise to the customer", "Tag", (("Not kept", None), ("Kept", None))),
        Question("Is this statement right?", "Yes/No", _YES_NO, ("Outdated", "Not for this product")),
    ),
)
CUSTOMER_TURN = Form(None, (Question("How does the customer sound?", "Scale", _FIVE, ("Angry", "Desperate")),))
"""About what a customer said: its points say nothing of the agent."""

FOUND = Form(None, (FOUND_QUESTION, Question("AI: Is the customer polite?", "Yes/No", _YES_NO)))
"""What the automatic reviewer finds in a customer's turn."""

FORMS = (AUTO_FORM, FOUND, *REVIEWER_FORMS.values(), AGENT_TURN, CUSTOMER_TURN, SURVEY_FORM, SELF_FORM)
QUESTIONS = tuple(dict.fromkeys(question for form in FORMS for question in form.questions))
QUESTIONS_OF_FORM = Groups([form.questions for form in FORMS], QUESTIONS)
ANSWERS_OF_QUESTION = Groups([question.answers for question in QUESTIONS])
REASONS_OF_QUESTION = Groups([question.reasons for question in QUESTIONS])
EASE = np.array([question.ease for question in QUESTIONS])
"""Of forms and questions by their indices; answers and reasons are those of all questions, one after the other."""
