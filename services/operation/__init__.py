"""What operators see of a process: how everything stands, as metrics, as lights, as readiness."""
