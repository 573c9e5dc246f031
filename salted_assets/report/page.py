"""The scorecard as one HTML file that needs nothing from outside. Not here: what it says (`content`)."""

from salted_assets.report.content import Scorecard


def render_page(card: Scorecard) -> str:
    """The page: every text escaped, plots as inline SVG, styles and script inside."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - only a report needs it

    environment = Environment(
        loader=PackageLoader("salted_assets.report", package_path="."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    return environment.get_template("scorecard.html.j2").render(card=card)
