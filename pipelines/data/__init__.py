"""Where the data's .dvc pointers live, and the export of the data set that the demo uses."""
