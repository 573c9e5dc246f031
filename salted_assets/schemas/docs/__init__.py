"""Pages rendered from the schemas and the settings. Not here: the descriptions themselves."""
