"""How does a Dask cluster train the model? ``train.engine: dask``."""
