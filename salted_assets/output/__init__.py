"""What people open: the scorecard page and the catalog of views. Not here: how its figures are computed."""
