"""How fast, how small: each figure beside the limit that the project sets itself."""
