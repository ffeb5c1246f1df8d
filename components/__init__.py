"""The parts of the dashboard's stack: one file, one ComponentResource."""
