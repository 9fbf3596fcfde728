"""The sealer: one more follower of the log, which keeps the tree and signs checkpoints."""
