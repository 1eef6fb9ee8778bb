"""Problems that a program draws, puts into words, and solves with its steps: their answers are
right because they are computed, and can be computed again."""
