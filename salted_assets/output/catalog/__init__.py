"""The warehouse as one DuckDB file of views, for analysts.

Here: which views there are and what each is (`views`), the file that holds them and the connection that reads
it, from a folder or a bucket (`catalog_file`, `bucket_files`); the statements for Athena (`athena`). Not here: any
data (the file has none), Dagster, commands.
"""

from salted_assets.output.catalog.athena import build_athena_statements
from salted_assets.output.catalog.catalog_file import CatalogFacts, default_catalog_path, open_catalog, write_catalog
from salted_assets.output.catalog.views import View, build_views

__all__ = [
    "CatalogFacts",
    "View",
    "build_athena_statements",
    "build_views",
    "default_catalog_path",
    "open_catalog",
    "write_catalog",
]
