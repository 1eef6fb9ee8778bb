"""Grounds of answers that a model gave: no program makes them, but one can look at them."""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):  # each registers itself
    importlib.import_module(f"{__name__}.{_module.name}")
