"""What `deploy/` describes, run on this machine: for benchmarks and for the tests of `deploy/`."""
