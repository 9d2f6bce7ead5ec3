"""Other people's packages, each in an environment of its own that is made when asked for."""
