"""Real servers for the tests: how a machine gets them (`install`), and how a test run starts and ends them.

Nothing here is simulated: what these servers refuse, a user's servers refuse.
"""
