"""A Dockerfile's steps without Docker: read, and replayed in a folder by a user without rights. Not here: any test.

What is replayed: ENV, COPY, RUN and the folders of WORKDIR, stage by stage. What is not: the base image (its Python is
the machine's), owners, and the walls around a container. The folder that the image keeps everything in is named by the
variable APP alone, so that the replay can put another in its place.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

from benchmarks.deployment.unprivileged import as_unprivileged, give

_OLDEST = "assert sys.version_info >= (3, 11)"
_REGISTRY = re.compile(
    r"(PIP|UV)_(INDEX|EXTRA_INDEX|FIND_LINKS|CERT|DEFAULT|NATIVE|CONFIG|SYSTEM_CERTS)\w*|SSL_CERT_FILE"
)


@dataclass(frozen=True)
class Step:
    """One instruction: its word in capitals, and the rest of its line, continued lines joined."""

    word: str
    rest: str


@dataclass
class Image:
    """What the replay has come to: the variables, and the folder that stands for the image's own."""

    app: Path
    environment: dict[str, str] = field(default_factory=dict)
    user: str = "root"
    workdir: str = ""
    command: tuple[str, ...] = ()
    health: tuple[str, ...] = ()

    def expand(self, text: str) -> str:
        return Template(text).substitute(self.environment)

    def run(self, command: Sequence[str], **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command as the image's user would, to its end."""
        environment = {**self.environment, **more}
        return subprocess.run(
            list(command),
            cwd=self.workdir or self.app,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=560,
            **as_unprivileged(),
        )


def read_steps(dockerfile: Path) -> list[Step]:
    lines = [line for line in dockerfile.read_text().splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [Step(*line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def replay(dockerfile: Path, context: Path, folder: Path) -> Image:
    """Replay the file; `context` is the folder that it is built in, `folder` gets what the last stage holds."""
    image, earlier = Image(folder / "app"), folder / "earlier"
    for step in read_steps(dockerfile):
        if step.word == "FROM":
            if image.app.exists():
                image.app.rename(earlier)
            image = Image(folder / "app", {"PATH": _python_path(folder), "HOME": str(folder)})
            image.app.mkdir()
            give(image.app)
        elif step.word == "COPY":
            _copy(image, step.rest, context, earlier)
        elif step.word in _STEPS:
            _STEPS[step.word](image, step.rest)
        else:
            assert step.word in {"ARG", "EXPOSE"}, f"{step.word} is not replayed"
    return image


def _set_variables(image: Image, rest: str) -> None:
    for pair in shlex.split(rest):
        name, _, value = pair.partition("=")
        image.environment[name] = str(image.app) if name == "APP" else image.expand(value)


def _run(image: Image, rest: str) -> None:
    done = image.run(["/bin/sh", "-c", rest], **_registry())
    assert done.returncode == 0, f"{rest}\n{done.stdout}{done.stderr}"


def _set_user(image: Image, rest: str) -> None:
    image.user = rest


def _set_workdir(image: Image, rest: str) -> None:
    image.workdir = image.expand(rest)


def _set_health(image: Image, rest: str) -> None:
    image.health = _exec_form(rest.partition("CMD")[2])


def _set_command(image: Image, rest: str) -> None:
    image.command = _exec_form(rest)


_STEPS: dict[str, Callable[[Image, str], None]] = {
    "ENV": _set_variables,
    "RUN": _run,
    "USER": _set_user,
    "WORKDIR": _set_workdir,
    "HEALTHCHECK": _set_health,
    "CMD": _set_command,
}


def _copy(image: Image, rest: str, context: Path, earlier: Path) -> None:
    words = [image.expand(word) for word in rest.split()]
    options = {word for word in words if word.startswith("--")}
    *sources, target = [word for word in words if word not in options]
    is_earlier = "--from=build" in options
    for source in sources:
        into = Path(target) / Path(source).name if target.endswith("/") else Path(target)
        into.parent.mkdir(parents=True, exist_ok=True)
        if is_earlier:
            (earlier / Path(source).relative_to(image.app)).rename(into)
        elif (context / source).is_dir():
            shutil.copytree(context / source, into, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(context / source, into)
        if not is_earlier:
            for path in (into.parent, into, *into.rglob("*")):
                give(path)


def _exec_form(rest: str) -> tuple[str, ...]:
    return tuple(re.findall(r'"([^"]*)"', rest))


def _find_python() -> str:
    """The interpreter of these tests, or the system's where only root can run that one."""
    tried = (os.path.realpath(sys.executable), "/usr/bin/python3")
    asked = ("-c", f"import ensurepip, sys, venv; {_OLDEST}")
    for python in tried:
        with suppress(OSError):
            done = subprocess.run([python, *asked], cwd="/", capture_output=True, check=False, **as_unprivileged())
            if done.returncode == 0:
                return python
    raise AssertionError(
        f"no Python from 3.11 on with venv that a user without rights can run, of {', '.join(tried)}; "
        "`apt-get install python3-venv` brings one"
    )


def _python_path(folder: Path) -> str:
    """A PATH on which `python` is one that every user can run."""
    shown = folder / "bin"
    shown.mkdir(exist_ok=True)
    if not (shown / "python").exists():
        (shown / "python").symlink_to(_find_python())
    return f"{shown}:/usr/bin:/bin"


def _registry() -> Mapping[str, str]:
    """How this machine reaches the package registry; an image's build has that from its own machine."""
    return {name: value for name, value in os.environ.items() if _REGISTRY.fullmatch(name)}
