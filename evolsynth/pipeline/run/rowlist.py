"""The rows of a run as a script or a notebook takes them: a list, a DataFrame, a data set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

from evolsynth.errors import InputError, SetupError
from evolsynth.rows import Row

__all__ = ["RowList"]


class RowList(list[Row]):
    """Rows, which a notebook shows as a table."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """The rows of a file that a run has written, with the ids that they have there.

        Raises:
            InputError: it is not there any more, or somebody has changed it to something else.
        """
        try:
            with path.open(encoding="utf-8") as lines:
                return cls(Row.from_dict(json.loads(line)) for line in lines if line.strip())
        except OSError as error:
            raise InputError(
                f"{path}: cannot be read ({error.strerror}). Run the pipeline again: what its "
                "store has is not asked again."
            ) from None
        except ValueError as error:
            raise InputError(f"{path}: no longer as the run wrote it ({error}).") from None

    def to_pandas(self) -> Any:
        """A ``pandas.DataFrame`` with the columns that files have; see `evolsynth.flat`.

        Raises:
            SetupError: pandas is missing.
        """
        try:
            from pandas import DataFrame
        except ImportError:
            raise SetupError("pandas is needed for to_pandas(). pip install pandas") from None
        return DataFrame([row.to_flat() for row in self])

    @property
    def dataset(self) -> Any:
        """A ``datasets.Dataset`` with the columns of `evolsynth export --format hf`: the same in
        all runs, columns of your own as JSON in ``extra``.

        Raises:
            SetupError: the package datasets is missing.
        """
        try:
            from datasets import Dataset
        except ImportError:
            raise SetupError(
                "The package datasets is needed for this. pip install 'evolsynth[data]'"
            ) from None
        from evolsynth.export.formats.rows import rows

        return Dataset.from_list([line for row in self for line in rows(row)])

    def _repr_html_(self) -> str:
        from evolsynth.report.notebook import rows_html

        return rows_html(self)
