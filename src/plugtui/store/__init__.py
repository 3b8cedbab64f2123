"""The SQLite database: schema, one writer, readers."""
