"""The SQL database: tables, connections, migrations."""
