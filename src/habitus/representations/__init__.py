"""One vector per user: model directory, encode."""
