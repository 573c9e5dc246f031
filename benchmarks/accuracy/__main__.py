"""`python -m benchmarks.accuracy` measures the estimates and intervals."""

from benchmarks.accuracy.compare import main

if __name__ == "__main__":
    main()
