"""Models of human answers by the content of what they are fitted to: equal answers are fitted once."""

import hashlib
import math
import threading

import numpy as np

from salted_assets.scoring.fair.answer_model import AnswerModel, fit_model
from salted_assets.scoring.fair.answer_rows import ModelRows

_SMALL = 10_000
"""Answers up to which a model may well be that of another day or score, too."""

_ROOM_BYTES = 20_000_000
_LEAST_BYTES = 1_000
"""Counted of each model, for there may be none."""


class FittedModels:
    """Models that were fitted, those asked for last, as many as have room in so many bytes."""

    def __init__(self, room_bytes: float = math.inf) -> None:
        self._room_bytes = room_bytes
        self._models: dict[bytes, tuple[int, AnswerModel | None]] = {}
        self._changing = threading.Lock()

    def fit(self, rows: ModelRows) -> AnswerModel | None:
        """What `fit_model` gives, which depends on nothing but these rows."""
        key = _fingerprint(rows)
        with self._changing:
            kept = self._models.pop(key, None)
        if kept is None:
            model = fit_model(rows)
            kept = max(_count_bytes(model), _LEAST_BYTES), model
        with self._changing:
            # Last of all, whether it was there or not.
            self._models[key] = kept
            while sum(size for size, _ in self._models.values()) > self._room_bytes:
                del self._models[next(iter(self._models))]
        return kept[1]


_small_models = FittedModels(_ROOM_BYTES)


def fit_once(rows: ModelRows) -> AnswerModel | None:
    """What `fit_model` gives; models of few answers are kept by this process, 20 MB of them at most.

    A day without reviews changes few of its components, and calibration has many of those that the fair score has.
    """
    return _small_models.fit(rows) if rows.rows.value.size <= _SMALL else fit_model(rows)


def _fingerprint(rows: ModelRows) -> bytes:
    """The content of what a model is fitted to; who the agents and reviewers are is no part of it."""
    content = hashlib.blake2b(repr((rows.blocks, rows.reviewers_at, rows.agents.size, rows.reviewers.size)).encode())
    for values in (*rows.rows, rows.mix):
        content.update(repr(values.shape).encode())
        content.update(values.tobytes())
    return content.digest()


def _count_bytes(part: object) -> int:
    """Those of the arrays in a tuple, and in the tuples within."""
    if isinstance(part, np.ndarray):
        return part.nbytes
    return sum(map(_count_bytes, part)) if isinstance(part, tuple) else 0
