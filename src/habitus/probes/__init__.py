"""Small models on frozen vectors."""
