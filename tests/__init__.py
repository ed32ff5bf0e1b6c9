import os

# Of all processes here, also of those that tests, laws and benchmarks start.
os.environ["MASTER_KEY"] = "5d" * 32
