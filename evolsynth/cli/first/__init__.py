"""The first hour: a project to begin with, what to do next, completion in a shell."""
