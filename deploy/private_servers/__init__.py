"""Private, real servers in a folder of their own, on free loopback ports.

```
command.py      the words up, down, env, status, start, stop, kill
lifecycle.py    what each word does, under the folder's lock
site.py         the folder: its lock, and what is written down: ports, passwords, processes
server.py       what a server must offer; one file a server follows it
rabbitmq.py     postgresql.py     openssh.py
home.py         the folder of a server that an unprivileged user runs when we are root
packages.py     finds the binaries, installs what is missing
containers.py   the same servers by Docker Compose, where they cannot be installed
processes.py    processes that are ours: pid and start time
ports.py        free loopback ports
```

Only the standard library is used: `deploy/services` runs before any environment exists. A further
server (Samba) is one more file and one more line in `lifecycle.SERVERS`.
"""
