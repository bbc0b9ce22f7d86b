"""A simulated year on a real server: what happens is planted, what is told of it is counted."""
