"""The report: one HTML file that shows every row's fate, why, and how varied the data are."""

from evolsynth.report.build import build_report, write_report

__all__ = ["build_report", "write_report"]
