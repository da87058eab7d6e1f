"""Services, one package each."""
