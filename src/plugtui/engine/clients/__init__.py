"""The gateway port: who may connect, who is who, and what each client is served."""
