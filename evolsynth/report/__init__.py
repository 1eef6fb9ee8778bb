"""The report: one HTML file that shows every row's fate, why, and how varied the data are."""
