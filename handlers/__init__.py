"""What is done with one message: your code, and the samples."""
