"""Problems about tables, and tables as text."""

import evolsynth.evaluation.problems.tables.formats
import evolsynth.evaluation.problems.tables.table
import evolsynth.evaluation.problems.tables.timetable  # noqa: F401 - they register themselves
