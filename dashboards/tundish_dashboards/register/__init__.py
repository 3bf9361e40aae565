"""The bureau's register: a list to search, an enterprise with its history, imports that a person confirms."""
