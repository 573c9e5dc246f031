"""Tests against real servers of others: Postgres, Redis, S3. Run by `make test-all`, left out of `make test`."""
