"""Programs that run in ``.venv-peers``, one for each package that evolsynth is compared with.

They stand alone, since nothing of evolsynth is installed there: a job as JSON on standard input
(see `evals.throughput.jobs.Job`), a reading as JSON in the last line of standard output.
"""
