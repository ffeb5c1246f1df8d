"""The public pages: what they show, taken from the data contract and rendered from templates."""
