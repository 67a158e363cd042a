"""The stories: one file tells how one system goes from files to results.

Only a workflow knows the order of the stages. Read ``nuclei.py`` from top to bottom first.
"""
