"""The assets, one module per group; bodies name what happens and leave the doing to the rooms above."""
