"""What the UI shows of an asset: descriptions, columns, previews. Not here: the descriptions of columns."""
