"""Listening to venues: streams beside the polls, and what is known from them."""
