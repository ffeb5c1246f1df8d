"""Takes over a site that the account has had before: deploys beside it, copies its data, moves its domain, and back."""
