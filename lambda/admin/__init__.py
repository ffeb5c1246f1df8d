"""What the admin API does for administrators: experiments, monitoring, logs and the chat."""
