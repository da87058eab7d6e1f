"""The programs that send the load: wrk for the peak, vegeta for fixed rates."""
