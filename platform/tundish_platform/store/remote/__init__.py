"""The writer's socket: other processes of the same machine append to the store and read what is buffered."""
