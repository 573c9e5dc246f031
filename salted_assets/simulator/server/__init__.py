"""The HTTP side of the simulator. Not here: the data that it serves."""
