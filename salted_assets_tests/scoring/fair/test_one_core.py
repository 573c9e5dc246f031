"""Linear algebra of the models takes one core, whichever library it comes from and whenever that is loaded."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

_PROGRAM = """
import numpy as np
import threadpoolctl
from salted_assets.scoring.fair import on_one_core
from salted_assets.scoring.fair.positive import invert_positive

with on_one_core():
    invert_positive(np.eye(3))
    print(*(each["num_threads"] for each in threadpoolctl.threadpool_info() if each["user_api"] == "blas"))
"""


def test_a_library_that_the_first_model_loads_takes_one_core_too() -> None:
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"}

    given = subprocess.run(
        [sys.executable, "-c", _PROGRAM], env=environment, capture_output=True, text=True, check=True
    )

    assert set(given.stdout.split()) == {"1"}
