"""Kinds of tasks about a text that a program makes alone, one in each module."""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):  # each registers itself
    importlib.import_module(f"{__name__}.{_module.name}")
