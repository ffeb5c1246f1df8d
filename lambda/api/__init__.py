"""What programs read: experiments as JSON with its description, as CSV, and as a feed."""
