"""How long a test waits for what must come."""

# Seconds: as long as it may take on a slow machine that has other things to do. Only a test that fails waits this long,
# and the time pytest gives a test (pyproject.toml) leaves room for two such waits.
PATIENCE = 300.0
