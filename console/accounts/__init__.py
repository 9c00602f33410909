"""Who may use the console and the API: passwords, sign-in, links, tokens, and who may manage whom.

One idea a file, below pages and commands. A function that takes a `Database` opens its own
transactions and commits; every time is the database's.
"""
