"""A page as its reader finds it: tags, texts, the rows of its tables, and what points in its plots say."""

from html.parser import HTMLParser

_VOID = {"meta", "input", "br"}


class Page(HTMLParser):
    """Tags with their attributes and texts; raises where a tag is not closed by its own end."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.paragraphs: list[str] = []
        self._rows: list[tuple[str, list[str]]] = []
        self._titles: list[tuple[tuple[str, ...], str]] = []
        self._open: list[tuple[str, str]] = []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self._rows.append((self._inside("section"), []))
        if tag in {"td", "th"}:
            self._rows[-1][1].append("")
        if tag == "p":
            self.paragraphs.append("")
        if tag not in _VOID:
            self._open.append((tag, dict(attrs).get("id") or ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        tags = [tag for tag, _ in self._open]
        if {"td", "th"} & set(tags):
            cells = self._rows[-1][1]
            cells[-1] = " ".join(f"{cells[-1]} {data}".split())
        if "p" in tags:
            self.paragraphs[-1] += data
        if tags[-1:] == ["title"]:
            self._titles.append((tuple(name for _, name in self._open), data))

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)

    def rows(self, section: str) -> list[list[str]]:
        """The texts of the cells of the tables in a section, row by row, their headings first."""
        return [cells for within, cells in self._rows if within == section]

    def tips(self, element: str) -> list[str]:
        """What is said by the points of an element of a plot."""
        return [text for within, text in self._titles if element in within]

    def visible(self) -> str:
        """All texts in a line."""
        return " ".join(" ".join(self.texts).split())

    def _inside(self, tag: str) -> str:
        return next((name for within, name in reversed(self._open) if within == tag), "")
