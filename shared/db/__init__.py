"""The database is the truth: tables, the gate and the state of every job."""
