"""The served model: fetching its bundle, and the booster in memory."""
