"""Models that are kept: what they are kept by, and how many."""

from dataclasses import replace

import pytest

from salted_assets.scoring.fair import fitted
from salted_assets.scoring.fair.answer_model import AnswerModel, fit_model
from salted_assets.scoring.fair.answer_rows import ModelRows, build_rows, sort_answers
from salted_assets.scoring.fair.fitted import FittedModels
from salted_assets_tests.support.fair_worlds import Recipe, draw_world

ROWS = build_rows(sort_answers(draw_world(Recipe(agents=6, evaluations=2, questions=2)).answers))
OTHER = replace(ROWS, rows=ROWS.rows._replace(value=ROWS.rows.value / 2))


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Which rows a model was fitted to, by their identity, one after the other; none of them has a model."""
    asked: list[int] = []

    def note(rows: ModelRows) -> None:
        asked.append(id(rows))

    monkeypatch.setattr(fitted, "fit_model", note)
    return asked


def test_equal_rows_of_other_people_are_fitted_once(fits: list[int]) -> None:
    models = FittedModels()

    for rows in (ROWS, replace(ROWS, agents=ROWS.agents + 7), OTHER, ROWS):
        models.fit(rows)

    assert fits == [id(ROWS), id(OTHER)]


def test_models_that_were_not_asked_for_lately_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    model = fit_model(ROWS)
    assert model is not None
    largest = (model.facet_errors.loadings, model.facet_errors.effects.inverse, model.parts.facets)
    size = fitted._count_bytes(model)
    assert size > sum(array.nbytes for array in largest) > 1000
    asked: list[int] = []

    def note(rows: ModelRows) -> AnswerModel:
        asked.append(id(rows))
        return model

    monkeypatch.setattr(fitted, "fit_model", note)
    third = replace(ROWS, rows=ROWS.rows._replace(value=ROWS.rows.value / 3))
    models = FittedModels(room_bytes=2 * size)

    for rows in (ROWS, OTHER, ROWS, third, ROWS, OTHER):
        assert models.fit(rows) is model

    assert asked == [id(rows) for rows in (ROWS, OTHER, third, OTHER)]
