"""Whether two ways scored the same: `python -m benchmarks.scores.equal EXPECTED FOUND DAY...`.

Every column of the first must be in the second with the same rows; numbers may differ by rounding.
"""

import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow.parquet as pq

_TOLERANCE = 1e-9


def main(expected: Path, found: Path, days: Sequence[str]) -> None:
    """End with an error that names the first differences, if there are any."""
    differences = [line for day in days for line in find_differences(expected, found, day)]
    if differences:
        raise SystemExit("\n".join(differences[:20]))


def find_differences(expected: Path, found: Path, day: str) -> Iterator[str]:
    """A line for each value of the first folder's agents that the second folder's have not."""
    file = f"scores/agent_daily/date={day}/part-0.parquet"
    first, second = (pq.read_table(folder / file).sort_by("agent_pid") for folder in (expected, found))
    if first.num_rows != second.num_rows or not first.num_rows:
        yield f"{day}: {first.num_rows} rows in {expected}, {second.num_rows} in {found}"
        return
    for name in first.column_names:
        if name not in second.column_names:
            yield f"{day}: no column {name} in {found}"
            continue
        pairs = zip(first[name].to_pylist(), second[name].to_pylist(), strict=True)
        yield from (f"{day}, {name}, row {row}: {a} and {b}" for row, (a, b) in enumerate(pairs) if not _is_same(a, b))


def _is_same(a: object, b: object) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
    return a == b


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
