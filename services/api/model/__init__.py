"""The model that is served: where its bundle comes from, and the booster in memory."""
