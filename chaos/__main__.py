"""The command `python -m chaos`: kills, rounds, a table."""

import shutil
import sys
import tempfile
from pathlib import Path

import click

from chaos.rounds import Chaos
from chaos.sandbox import prepared_sandbox


@click.command()
@click.option("--kills", type=click.IntRange(min=1), default=100, show_default=True, help="Runs to kill.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of targets and delays.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where rounds run; by default a temporary folder.")
def main(kills: int, seed: int, folder: Path | None) -> None:
    """Kill `salted backfill` with SIGKILL again and again, run it to its end, and compare what is there.

    Exits with 0 only if every round ended whole. The folder of a round that did not is kept and named.
    """
    sandbox = Path(tempfile.mkdtemp(prefix="chaos-", dir=folder))
    with prepared_sandbox(sandbox / "reference") as reference:
        if problem := reference.run_to_end():
            raise click.ClickException(f"without any kill, in {sandbox}: {problem}")
        tally = Chaos(sandbox, reference, seed, tell=click.echo).run(kills)
    click.echo(f"\n{tally.render()}")
    for problem in tally.problems:
        click.echo(f"problem: {problem}", err=True)
    if tally.problems:
        sys.exit(1)
    shutil.rmtree(sandbox)


if __name__ == "__main__":
    main()
