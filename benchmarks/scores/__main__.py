"""`python -m benchmarks.scores` compares the ways."""

from benchmarks.scores.compare import main

if __name__ == "__main__":
    main()
