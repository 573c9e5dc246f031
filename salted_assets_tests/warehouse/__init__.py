"""One suite for a warehouse in a folder and in a bucket."""
