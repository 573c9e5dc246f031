"""Which version of a row is the newest: the one rule of loads, scores and the catalog's views, as SQL of DuckDB."""

_NEEDED = {
    "engagement": ("start_time", "preparation_time", "engagement_time", "wrap_up_time", "wait_time"),
    "turn": ("turn_time",),
    "review": ("answer_score", "worst_score", "best_score"),
}
"""What scores are made of: the start, durations, and the three scores of an answer."""

_WITHDRAWN = ("deleted", "ignore", "rejected")


def build_is_readable(dataset: str) -> str:
    """Whether a row of a dataset's table can be the newest version while others can be read, as an SQL expression.

    None of the columns that scores are made of was refused. A file of before there was `refused_columns` refused
    nothing, as far as it says. A review that is withdrawn needs no scores.
    """
    if dataset not in _NEEDED:
        return "true"
    columns = ", ".join(f"'{column}'" for column in _NEEDED[dataset])
    is_readable = f"NOT coalesce(list_has_any(refused_columns, [{columns}]), false)"
    if dataset == "review":
        withdrawn = ", ".join(f"'{status}'" for status in _WITHDRAWN)
        is_readable = f"({is_readable} OR coalesce(lower(trim(status)) IN ({withdrawn}), false))"
    return is_readable


def build_ranked_query(versions: str, *arrival: str, key: str = "pid") -> str:
    """The query for all rows of a relation with their rank as `version_rank`: the newest version of each key has 1.

    The relation has the columns of `key`, `updated_at`, `is_readable` and the columns of `arrival`, by which later
    versions are larger. A version that cannot be read is older than each one that can. Where all that can (or all,
    where none can) carry `updated_at`, the latest is the newest; otherwise the one that arrived last is.
    """
    last_arrived = ", ".join(f"{column} DESC" for column in arrival)
    return f"""
        SELECT *, row_number() OVER (
            PARTITION BY {key}
            ORDER BY is_readable DESC, CASE WHEN is_dated THEN updated_at END DESC NULLS LAST, {last_arrived}
        ) AS version_rank
        FROM (
            SELECT *, bool_and(updated_at IS NOT NULL) OVER (PARTITION BY {key}, is_readable) AS is_dated
            FROM {versions}
        )
    """  # noqa: S608 - names of a relation and of columns of our own
