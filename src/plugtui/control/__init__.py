"""The control link: what an engine tells its dashboards and scripts, and what they may ask of it."""
