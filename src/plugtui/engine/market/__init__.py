"""Market data: one upstream connection an endpoint, routed to the clients that want it."""
