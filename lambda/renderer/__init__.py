"""What the renderer alone runs: the public pages, their templates and charts, and the same data for programs."""
