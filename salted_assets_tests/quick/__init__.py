"""The tests of the inner loop, which `make check` runs: pure logic, and the API's client against a socket.

Nothing in here loads Dagster, nor what object stores and plots take, and nothing starts a process: that takes longer
than the tests do. How many examples Hypothesis tries is the run's choice, by profile. `test_inner_loop` keeps all that.
"""
