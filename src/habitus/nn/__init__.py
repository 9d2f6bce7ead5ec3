"""Parts of encoders: nothing here knows what a user is."""
