"""What training, evaluation and the gate do differently for each type of target."""
