"""``python -m evals crash``: killed runs end as if nobody had touched them.

A pipeline of real steps runs in a process of its own, is killed with SIGKILL at random moments
(and while it writes its files), started again with the same command, and killed again. In the end
its files must be those of a run that was left alone, and no model may have been asked for an
answer that was in the store when it was killed.
"""
