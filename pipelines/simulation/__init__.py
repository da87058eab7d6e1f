"""How often is the gate wrong? A simulation with retrained models on a table of one's own."""
