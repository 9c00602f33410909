"""One server that mounts the simulator of every vendor which is a cloud."""
