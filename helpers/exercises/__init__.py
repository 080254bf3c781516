"""The questions of each lesson, and what their checks look at."""
