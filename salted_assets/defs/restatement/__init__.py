"""What the restatement sensor looks at. Not here: which scores are out of date (`history.restatement`)."""
