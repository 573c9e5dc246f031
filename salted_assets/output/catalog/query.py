"""Questions that a person asks of the catalog: only such as read, with what is wrong with them in plain words."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

_READING = {duckdb.StatementType.SELECT, duckdb.StatementType.SET}
_HINTS: tuple[tuple[type[duckdb.Error], str], ...] = (
    (duckdb.ParserException, "It is not SQL that DuckDB understands."),
    (duckdb.CatalogException, "SHOW TABLES lists the views."),
    (duckdb.BinderException, "DESCRIBE and the name of a view list its columns."),
    (duckdb.IOException, "Where the warehouse was moved, write the catalog again: `salted catalog`."),
    (duckdb.OutOfMemoryException, "Ask for fewer days or columns at once."),
)


_SETTABLE = ["TimeZone", "memory_limit", "threads", "temp_directory"]
"""Settings of DuckDB that a person may change: among the others are some that write files anywhere."""


class QueryRefused(Exception):  # noqa: N818 - what was refused, as `ApiUrlRefused`
    """A query has no answer; the message says why and what to do."""


def restrict(connection: duckdb.DuckDBPyConnection) -> None:
    """Let nothing that is asked change a setting but those of `_SETTABLE`, keep a log or load what is not here yet."""
    connection.execute("SET autoinstall_known_extensions = false")
    connection.execute(f"SET allowed_configs = {_SETTABLE}")
    connection.execute("SET lock_configuration = true")


def ask(connection: duckdb.DuckDBPyConnection, text: str) -> duckdb.DuckDBPyRelation | None:
    """The answer to the last statement of the text, not read yet; None where it asks for nothing, as `SET` does.

    Those before it are executed. Raises QueryRefused for a statement that does not only read, and as `explained` does.
    """
    answer: duckdb.DuckDBPyRelation | None = None
    with explained():
        statements = connection.extract_statements(text)
        for statement in statements:
            if statement.type not in _READING:
                raise QueryRefused(
                    f"only what reads is run here, and this is {statement.type.name}: begin with SELECT, FROM, WITH, "
                    "DESCRIBE, SUMMARIZE or SHOW. Keep tables and views of your own in a database of yours, to which "
                    "docs/querying.md attaches the catalog."
                )
        for statement in statements:
            if statement.type is duckdb.StatementType.SELECT:
                answer = connection.sql(statement.query)
            else:
                connection.execute(statement)
                answer = None
    return answer


@contextmanager
def explained() -> Iterator[None]:
    """Raise QueryRefused for an error of DuckDB: what it found, where, and what helps."""
    try:
        yield
    except duckdb.Error as error:
        hint = next((words for kind, words in _HINTS if isinstance(error, kind)), "")
        # the kind of error says nothing to who did not write DuckDB
        said = str(error).partition(" Error: ")[2] or str(error)
        raise QueryRefused("\n".join(filter(None, [said.strip(), hint]))) from None
