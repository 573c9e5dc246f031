"""How the Celery workers behave. `dagster_celery.app` finds this module by its name where its folder is on PYTHONPATH.

Not here: how the daemon sends them runs (parts/launcher-celery.yaml).
"""

import os

_WEEK_SECONDS = 7 * 24 * 60 * 60

broker_url = os.environ["DAGSTER_CELERY_BROKER"]
result_backend = os.environ["DAGSTER_CELERY_BACKEND"]
broker_connection_retry_on_startup = True

# A worker that has a run takes no second one, which would wait behind it while another worker idles.
worker_prefetch_multiplier = 1
worker_disable_prefetch = True

# Redis hands a message out again when it was not confirmed in this time: the same run would be executed twice.
broker_transport_options = {"visibility_timeout": _WEEK_SECONDS}

# The daemon asks for the state of a run by its result: without one it would take the run for dead.
result_expires = _WEEK_SECONDS

# Memory that libraries keep goes back to the system with the process.
worker_max_tasks_per_child = 50
