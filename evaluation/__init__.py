"""How a bundle's model answers a row: what a row must be, its encoding, who evaluates the trees, and drift bins.

Gives:  the same answers and refusals to the API and to batch scoring.
Never:  knows HTTP or files of rows. It needs NumPy; booster.py is imported only where XGBoost itself is needed.
"""
