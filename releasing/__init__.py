"""What makes a release honest: it is packaged, checked, invalidated, proven and recorded here.

The components declare it, `operations/` looks at it, the sandbox plays it. Nothing here declares a resource.
"""
