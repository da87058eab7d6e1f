"""May this model replace the one that serves?"""
