"""Answers in words: languages, texts, dates, numbers and units as each reader expects them."""
