"""`python -m benchmarks.ingest` compares the ways."""

from benchmarks.ingest.compare import main

if __name__ == "__main__":
    main()
