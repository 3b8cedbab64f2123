"""The account: its stream, what is recovered from REST, the ledger that both end in, questions about it."""
