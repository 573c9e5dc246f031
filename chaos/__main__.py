"""The command `python -m chaos`: kills and other scenarios, round by round, and a table of what was hit."""

import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

import click

from chaos.rounds import Chaos
from chaos.sandbox import Sandbox, prepared_sandbox
from chaos.scenarios import SCENARIOS, run_scenario


@click.command()
@click.option("--kills", type=click.IntRange(min=0), default=100, show_default=True, help="Runs to kill.")
@click.option("--rounds", type=click.IntRange(min=0), default=100, show_default=True, help="Rounds of other scenarios.")
@click.option("--scenario", type=click.Choice(list(SCENARIOS)), help="Only this one; by default each in turn.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed; round N of a scenario has seed + N.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where rounds run; by default a temporary folder.")
def main(kills: int, rounds: int, scenario: str | None, seed: int, folder: Path | None) -> None:
    """Kill, interrupt, cut and damage what `salted` does, run it to its end, and compare what is there.

    Exits with 0 only if every round ended whole. The folder of a round that did not is kept and named, with the seed
    that replays it: `--kills 0 --rounds 1 --scenario NAME --seed SEED`.
    """
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    sandbox = Path(tempfile.mkdtemp(prefix="chaos-", dir=folder))
    with prepared_sandbox(sandbox / "reference") as reference:
        if problem := reference.run_to_end():
            raise click.ClickException(f"undisturbed, in {sandbox}: {problem}")
        problems = []
        if kills:
            tally = Chaos(sandbox, reference, seed, tell=click.echo).run(kills)
            click.echo(f"\n{tally.render()}\n")
            problems += tally.problems
        problems += _run_scenarios([scenario] if scenario else list(SCENARIOS), rounds, sandbox, reference, seed)
    for problem in problems:
        click.echo(f"problem: {problem}", err=True)
    if problems:
        sys.exit(1)
    shutil.rmtree(sandbox)


def _run_scenarios(names: list[str], rounds: int, folder: Path, reference: Sandbox, seed: int) -> list[str]:
    """Run the scenarios in turn and print what was hit; gives all problems, each with the seed of its round."""
    hits: Counter[tuple[str, str]] = Counter()
    problems: list[str] = []
    for number in range(rounds):
        name, own_folder = names[number % len(names)], folder / f"scenario-{number}"
        hit, found = run_scenario(name, own_folder, reference, seed + number)
        hits[name, hit] += 1
        click.echo(f"{name}, seed {seed + number}: {hit} -> {'; '.join(found) or 'whole'}")
        problems += [f"{own_folder} ({name}, seed {seed + number}): {problem}" for problem in found]
        if not found:
            shutil.rmtree(own_folder)
    for (name, hit), count in sorted(hits.items()):
        click.echo(f"{count:>4}  {name}: {hit}")
    return problems


if __name__ == "__main__":
    main()
