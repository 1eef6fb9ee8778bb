"""How fast the engine is, beside what the same machine and model file give by other means.

`workloads` says what is asked, `jobs` how it is passed on, `cells` who is measured in which
arrangement. Each measurement is a process of its own (`arm`), started by `rounds`, so that nothing
else of ours runs while one is timed. `figures` makes medians and ratios of the readings, `report`
shows them.
"""
