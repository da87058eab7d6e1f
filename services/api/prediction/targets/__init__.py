"""What an answer, its columns and a score of feedback are, for each type of target: one module per type.

One of them is chosen when the API starts (``chosen.py``). Nothing outside asks for the type.
"""
