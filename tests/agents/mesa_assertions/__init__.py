"""The assertions of Mesa 3.3.1's own tests, put to a market and its firms: one test for each test of Mesa's.

Each line that begins with `assert`, `with pytest.raises` or `with pytest.warns` in the classes here stands for one
assertion of Mesa's. It holds as in Mesa, or is marked "differs", for a reason that abm/docs/mesa.md gives;
`test_numbers.py` compares the numbers with that document. Not taken over are assertions in which neither a model nor an
agent takes part: on input widgets by themselves, on drawings of empty spaces, on styles.
"""
