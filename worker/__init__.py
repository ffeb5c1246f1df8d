"""What runs on an encoding host: takes a clip and a codec configuration, encodes, measures and publishes.

`job.run_job` is the whole of it for one experiment: the sandbox calls it, and so can the consumer of a queue.
"""
