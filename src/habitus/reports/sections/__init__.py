"""The sections of the page, one file each: findings in, HTML out."""
