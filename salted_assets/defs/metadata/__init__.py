"""What the UI shows of an asset: descriptions, columns, previews.

Not here: the words about each column (`schemas`) and about each asset (with the asset).
"""
