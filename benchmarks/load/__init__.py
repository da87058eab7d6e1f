"""The programs that send the load: wrk for the peak, oha for fixed rates."""
