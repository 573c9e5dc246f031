"""HTML out of the templates of this folder: every text escaped, style and script inside the page.

A page extends `page.html.j2` and fills its blocks `title`, `content` and, where it needs more than tables that sort,
`script`. What several pages share is in `style.css`, `tables.js` and `macros.html.j2`.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from salted_assets.output.scorecard.agent_links import mark_agent

if TYPE_CHECKING:
    from jinja2 import Environment


def render(template: str, **values: Any) -> str:
    """The page of a template. A value that the template asks for and is not given raises jinja2.UndefinedError."""
    return _load_environment().get_template(template).render(values)


@lru_cache(maxsize=1)
def _load_environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - only a report needs it

    environment = Environment(
        loader=PackageLoader("salted_assets.output.scorecard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.globals["mark_agent"] = mark_agent
    return environment
