"""Alembic's migrations; `shared.db.migrate` runs them."""
