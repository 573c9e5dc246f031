"""Files of personal data that commands write: whole or not at all, for nobody but their owner to read."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click


@contextmanager
def writing_private_file(output: Path) -> Iterator[BinaryIO]:
    """A file (0600) that takes the place of `output` when the context ends, and is gone where it ends with an error.

    Raises OSError where it cannot be written.
    """
    draft = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        with open(draft, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            yield file
        draft.replace(output)
    finally:
        draft.unlink(missing_ok=True)


def refuse_to_replace(output: Path) -> None:
    """Raise click.ClickException where the file is there already, or cannot be there without its folder."""
    if not output.parent.is_dir():
        raise click.ClickException(f"there is no folder {output.parent}; make it, or name another file with --output")
    if output.exists():
        raise click.ClickException(f"{output} is there already; name another file with --output")
