"""Run migrations on the connection that ``database.migrate`` passes."""

from alembic import context
from sqlalchemy import text

from services.api.database.tables import Base

LOCK = 4851190147

connection = context.config.attributes["connection"]
if connection.dialect.name == "postgresql":
    # Several replicas may start at once: one migrates, the others wait and then have nothing to do.
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
context.configure(connection=connection, target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
