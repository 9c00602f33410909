"""What whoever runs the instance looks at: the broker's management API, and what is wrong.

Below pages and commands, one idea a file.
"""
