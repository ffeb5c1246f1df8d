"""Jobs: what they may be made of, their way from the queue to their end, who runs them, and what is printed by that.

The admin API and the workers go through this package; the renderer shows what has come of jobs, and doesn't.
"""
