"""The steady-state solver; `ALGORITHM.md` derives it."""
