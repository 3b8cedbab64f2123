"""REST for the algorithms: routes, one budget, orders that are never sent twice."""
