"""Shared knows: the rules, the tables, the hub and the messages that every process agrees on."""
