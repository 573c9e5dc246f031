"""The documentation as web pages: each Markdown file of `docs/` under its own name, so that its links work as they are.

A page brings its pictures with it. Not here: how pages are served (`scorecard.server`), and what they say.
"""

import base64
import mimetypes
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from salted_assets.output.scorecard.rendering import render

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_OUTPUT = Path(__file__).parent
_INSTALLED, _CHECKOUT = _OUTPUT / "docs", _OUTPUT.parents[1] / "docs"
_ORDER = ("start", "concepts", "querying", "scores", "tables", "operations", "deploying")
"""The pages that most people want, in the order in which they are listed; the others follow by name."""


def find_docs() -> Path:
    """The folder of the pages: within an installed package, or that of a checkout."""
    return _INSTALLED if _INSTALLED.is_dir() else _CHECKOUT


def list_pages(folder: Path) -> dict[str, str]:
    """The names of the pages of a folder with their titles; none where there is no such folder."""
    ranks = {name: rank for rank, name in enumerate(_ORDER)}
    paths = sorted(folder.glob("*.md"), key=lambda path: (ranks.get(path.stem, len(ranks)), path.name))
    return {path.name: _title_of(path.read_text(encoding="utf-8"), path.stem) for path in paths}


def render_contents(folder: Path) -> str:
    """The page that lists all pages."""
    return render("docs_page.html.j2", title="Documentation", pages=list_pages(folder), body="", contents=[])


def render_page(folder: Path, name: str) -> str | None:
    """A page as HTML; None for a name that is not one of a page of the folder, whatever path it spells."""
    if name not in {path.name for path in folder.glob("*.md")}:
        return None
    text = (folder / name).read_text(encoding="utf-8")
    markdown = _load_markdown()
    tokens = markdown.parse(text)
    contents = _name_headings(tokens)
    _embed_pictures(tokens, folder)
    html = str(markdown.renderer.render(tokens, markdown.options, {}))
    # a wide table or block scrolls by itself, by the keyboard too; the text of a page has no tags, they are escaped
    body = html.replace("<table>", '<div class="scroll" tabindex="0"><table>').replace("</table>", "</table></div>")
    # the corner of a table without words heads nothing
    body = body.replace("<pre>", '<pre tabindex="0">').replace("<th></th>", "<td></td>")
    return render("docs_page.html.j2", title=_title_of(text, name), pages={}, body=body, contents=contents)


def slug_of(heading: str) -> str:
    """The anchor of a heading, as code hosts make it.

    >>> slug_of("Who is `fair`, and why?"), slug_of("tables/turn")
    ('who-is-fair-and-why', 'tablesturn')
    """
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _load_markdown() -> "MarkdownIt":
    from markdown_it import MarkdownIt  # noqa: PLC0415 - only a page of the documentation needs it

    return MarkdownIt("commonmark", {"html": False}).enable("table")


def _title_of(text: str, without: str) -> str:
    title = re.search(r"^# (.+)$", text, re.MULTILINE)
    return title[1] if title else without


def _name_headings(tokens: Sequence["Token"]) -> list[tuple[str, str]]:
    """Give every heading its anchor; gives those of the second level with their words."""
    seen: Counter[str] = Counter()
    contents = []
    for heading, inline in pairwise(tokens):
        if heading.type == "heading_open":
            slug = slug_of(inline.content)
            heading.attrSet("id", f"{slug}-{seen[slug]}" if seen[slug] else slug)
            seen[slug] += 1
            if heading.tag == "h2":
                contents.append((str(heading.attrs["id"]), inline.content.replace("`", "")))
    return contents


def _embed_pictures(tokens: Sequence["Token"], folder: Path) -> None:
    """Put the pictures of the folder into the page: it may load nothing. Others are left as they are, and not shown."""
    pictures = {path.relative_to(folder).as_posix(): path for path in folder.glob("images/*")}
    for image in (child for token in tokens for child in token.children or () if child.type == "image"):
        path = pictures.get(str(image.attrs.get("src")))
        if path is not None:
            data = base64.b64encode(path.read_bytes()).decode()
            image.attrSet("src", f"data:{mimetypes.guess_type(path.name)[0]};base64,{data}")
