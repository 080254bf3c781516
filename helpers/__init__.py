"""The small package behind the course: a few short modules, each met in a lesson."""
