"""A million requests to one server: do its memory, files, threads and counters stay as they should?"""
